use crate::shape::shape;
use crate::target::{Broken, Outcome, Target, ensure, ensure_readable};
use manifest_core::plan::PlanId;
use manifest_core::ports::UploadId;
use manifest_core::tags::TagPattern;
use oci_types::{Digest, MediaType, Reference, RepositoryName, TagName};
use std::fmt::{Debug, Display};
use std::str::FromStr;

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub(crate) const DIGEST: Target = Target {
    name: "digest",
    weight: 1,
    tokens: &["sha256:", "sha512:", "md5:", ":", HEX, "A", "g"],
    check: |input| {
        if let Ok(digest) = Digest::from_bytes(input) {
            ensure(digest.as_bytes() == input, "a stored digest is stored the same again")?;
        }
        check(input, |digest: &Digest, text| {
            ensure(digest.to_string() == text, "a digest has one text")?;
            ensure(Digest::from_bytes(digest.as_bytes()) == Ok(*digest), "a digest reads what it stores")?;
            ensure(format!("{}:{}", digest.algorithm(), digest.hex()) == text, "a digest is algorithm and hash")
        })
    },
};

pub(crate) const REPOSITORY_NAME: Target = Target {
    name: "repository-name",
    weight: 1,
    tokens: &["a", "/", "-", "_", "__", "___", ".", "library/", "manifests/", "_manifestd/", "A"],
    check: |input| check(input, |name: &RepositoryName, text| ensure(name.as_str() == text, "a name is its text")),
};

pub(crate) const TAG_NAME: Target = Target {
    name: "tag-name",
    weight: 1,
    tokens: &["latest", "v1.2", ".", "-", "_", "sha256-", HEX],
    check: |input| {
        check(input, |tag: &TagName, text| {
            ensure(tag.as_str() == text, "a tag is its text")?;
            ensure((1..=128).contains(&text.len()), "a tag has 1 to 128 bytes")
        })
    },
};

pub(crate) const REFERENCE: Target = Target {
    name: "reference",
    weight: 1,
    tokens: &["latest", "sha256:", "sha512:", ":", HEX, "."],
    check: |input| check(input, |reference: &Reference, text| ensure(reference.to_string() == text, "one text")),
};

pub(crate) const MEDIA_TYPE: Target = Target {
    name: "media-type",
    weight: 1,
    tokens: &["application/", "vnd.oci.image.", "manifest.v1+json", "; charset=utf-8", "/", "+gzip", "text/plain", "é"],
    check: |input| {
        let header = String::from_utf8_lossy(input);
        if let Ok(from_header) = MediaType::from_content_type(&header) {
            ensure(from_header.as_str().parse() == Ok(from_header.clone()), "a header's type is a media type")?;
        }
        check(input, |media_type: &MediaType, text| {
            ensure(media_type.as_str() == text, "a media type is its text")?;
            ensure(text.len() <= MediaType::MAX_LEN, "a media type is not longer than it may be")
        })
    },
};

pub(crate) const UPLOAD_ID: Target = Target {
    name: "upload-id",
    weight: 1,
    tokens: &["-", "00000000", "-0000-", "ffffffff-ffff-ffff-ffff-ffffffffffff", "+", "F"],
    check: |input| {
        // The error repeats the text as it is, so it is not held to be short.
        parse(input, |id: &UploadId, text| {
            ensure(id.to_string().eq_ignore_ascii_case(text), "an id has one text")?;
            ensure(UploadId::from_bytes(id.to_bytes()) == *id, "an id reads what it stores")
        })
    },
};

pub(crate) const PLAN_ID: Target = Target {
    name: "plan-id",
    weight: 1,
    tokens: &["plan-", "sha256:", ":", HEX, "A"],
    check: |input| check(input, |_: &PlanId, _| Ok(())),
};

pub(crate) const TAG_PATTERN: Target = Target {
    name: "tag-pattern",
    weight: 1,
    tokens: &["*", "?", "**", "v", "latest", "*a*a*a*a*a*a*", "!", "[", "\\"],
    check: |input| {
        let text = String::from_utf8_lossy(input);
        if let Ok(pattern) = text.parse::<TagPattern>() {
            // Names on which a matcher that goes back would take for ever.
            let names = ["latest".to_owned(), "a".repeat(128), format!("{}b", "a".repeat(127))];
            for name in names.iter().filter_map(|name| name.parse::<TagName>().ok()) {
                ensure(pattern.fits(&name) == pattern.fits(&name), "a pattern is deterministic")?;
            }
            ensure(pattern.as_str().parse().as_ref() == Ok(&pattern), "a pattern reads what it prints")?;
            return Ok(Outcome("Ok".to_owned()));
        }
        let error = text.parse::<TagPattern>().err();
        error.as_ref().map_or(Ok(()), ensure_readable)?;
        Ok(Outcome(shape(&error)))
    },
};

/// As [`parse`], and errors are short and on one line.
fn check<T>(input: &[u8], holds: impl Fn(&T, &str) -> Result<(), Broken>) -> Result<Outcome, Broken>
where
    T: FromStr + PartialEq + Debug + Display,
    T::Err: PartialEq + Debug + Display,
{
    if let Err(error) = String::from_utf8_lossy(input).parse::<T>() {
        ensure_readable(&error)?;
    }
    parse(input, holds)
}

/// What holds for every type that is read from a text, then what holds for this one.
fn parse<T>(input: &[u8], holds: impl Fn(&T, &str) -> Result<(), Broken>) -> Result<Outcome, Broken>
where
    T: FromStr + PartialEq + Debug + Display,
    T::Err: PartialEq + Debug + Display,
{
    let text = String::from_utf8_lossy(input);
    let parsed = text.parse::<T>();
    ensure(parsed == text.parse::<T>(), "parsing is deterministic")?;
    match parsed {
        Ok(value) => {
            let printed = value.to_string();
            ensure(printed.parse::<T>().as_ref() == Ok(&value), "a value reads what it prints")?;
            holds(&value, &text)?;
            Ok(Outcome(format!("Ok {}", text.find(':').unwrap_or(0))))
        }
        Err(error) => Ok(Outcome(shape(&error))),
    }
}
