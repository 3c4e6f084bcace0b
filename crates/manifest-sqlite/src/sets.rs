//! Sets as one value: the JSON that statements read with `json_each`.
//!
//! Digests travel as hexadecimal digits of their stored form, which `unhex` reads back.

use manifest_core::access::ReadScope;
use oci_types::Digest;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A list of digests: `["01ab…", …]`.
pub(crate) fn digests<'a>(digests: impl IntoIterator<Item = &'a Digest>) -> String {
    let mut json = String::from("[");
    for digest in digests {
        separate(&mut json);
        hex(&mut json, digest);
    }
    json.push(']');
    json
}

/// A number for each digest: `{"01ab…": 1, …}`, in the order of the digests.
pub(crate) fn numbers(numbers: &BTreeMap<Digest, i64>) -> String {
    let mut json = String::from("{");
    for (digest, number) in numbers {
        separate(&mut json);
        hex(&mut json, digest);
        // Writing to a string cannot fail.
        let _ = write!(json, ":{number}");
    }
    json.push('}');
    json
}

/// A list of texts.
pub(crate) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(serde_json::Value::from).collect::<serde_json::Value>().to_string()
}

/// Bytes as one text: what stands in a list of mixed values.
pub(crate) fn hex_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    push_hex(&mut text, bytes);
    text
}

/// A scope as the statements that compile it take it: everything, or the ranges `[["start", "end"], …]`, and whether
/// public repositories are in it.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) everything: bool,
    pub(crate) public: bool,
    pub(crate) ranges: String,
}

impl From<&ReadScope> for Scope {
    fn from(scope: &ReadScope) -> Self {
        match scope {
            ReadScope::All => Self { everything: true, public: true, ranges: "[]".to_owned() },
            ReadScope::Ranges { public, names } => Self {
                everything: false,
                public: *public,
                ranges: names
                    .iter()
                    .map(|range| serde_json::json!([range.start, range.end]))
                    .collect::<serde_json::Value>()
                    .to_string(),
            },
        }
    }
}

fn separate(json: &mut String) {
    if json.len() > 1 {
        json.push(',');
    }
}

fn hex(json: &mut String, digest: &Digest) {
    json.push('"');
    push_hex(json, digest.as_bytes());
    json.push('"');
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    // By hand: a manifest may name thousands, and formatting each byte would be most of the work.
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::{digests, hex_text, numbers, texts};
    use oci_types::{Algorithm, Digest};
    use std::collections::BTreeMap;

    #[test]
    fn forms() {
        let empty = Digest::of(Algorithm::Sha256, b"");
        let hex = format!("01{}", empty.hex());
        assert_eq!(digests([]), "[]");
        assert_eq!(digests([&empty, &empty]), format!(r#"["{hex}","{hex}"]"#));
        assert_eq!(numbers(&BTreeMap::from([(empty, i64::MAX)])), format!(r#"{{"{hex}":{}}}"#, i64::MAX));
        assert_eq!(hex_text(empty.as_bytes()), hex);
        assert_eq!(texts(["a", "\"\0"]), r#"["a","\"\u0000"]"#);
    }
}
