use oci_types::MediaType;

/// Which types of schema 1 a client takes: at least one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Schema1Wish {
    /// With signatures.
    Signed,
    /// Without.
    Unsigned,
    /// Either.
    Both,
}

impl Schema1Wish {
    pub(super) fn takes_signed(self) -> bool {
        match self {
            Self::Signed | Self::Both => true,
            Self::Unsigned => false,
        }
    }

    pub(super) fn takes_unsigned(self) -> bool {
        match self {
            Self::Unsigned | Self::Both => true,
            Self::Signed => false,
        }
    }

    pub(super) fn takes(self, schema1: &MediaType) -> bool {
        if *schema1 == MediaType::DOCKER_SCHEMA1_SIGNED { self.takes_signed() } else { self.takes_unsigned() }
    }
}

/// Which schema 1 a client is to get instead of a manifest of type `stored`, by the types that it accepts: without
/// parameters, those of quality 0 left out.
///
/// `None`: it gets what is stored. So does whoever names that type or a wildcard, and whoever names no type of schema 1;
/// `application/json` neither asks for schema 1 nor stands against it (semantics 12).
///
/// ```
/// # use manifest_core::service::{Schema1Wish, schema1_wish};
/// # use manifest_core::oci_types::MediaType;
/// let stored: MediaType = MediaType::OCI_MANIFEST.parse()?;
/// let check = |accept: &[&str], expected| assert_eq!(schema1_wish(accept.iter().copied(), &stored), expected);
/// check(&[MediaType::DOCKER_SCHEMA1_SIGNED, "application/json"], Some(Schema1Wish::Signed));
/// check(&[MediaType::DOCKER_SCHEMA1, MediaType::DOCKER_SCHEMA1_SIGNED], Some(Schema1Wish::Both));
/// check(&[MediaType::DOCKER_SCHEMA1_SIGNED, MediaType::OCI_MANIFEST], None);
/// check(&[MediaType::DOCKER_SCHEMA1_SIGNED, "*/*"], None);
/// check(&["application/json"], None);
/// # Ok::<(), manifest_core::oci_types::ParseMediaTypeError>(())
/// ```
#[must_use]
pub fn schema1_wish<'a>(accepted: impl Iterator<Item = &'a str>, stored: &MediaType) -> Option<Schema1Wish> {
    let (mut signed, mut unsigned) = (false, false);
    for accepted in accepted {
        let is = |name: &str| accepted.eq_ignore_ascii_case(name);
        if is(stored.as_str()) || accepted == "*/*" || is("application/*") {
            return None;
        }
        signed |= is(MediaType::DOCKER_SCHEMA1_SIGNED);
        unsigned |= is(MediaType::DOCKER_SCHEMA1);
    }
    match (signed, unsigned) {
        (true, true) => Some(Schema1Wish::Both),
        (true, false) => Some(Schema1Wish::Signed),
        (false, true) => Some(Schema1Wish::Unsigned),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Schema1Wish, schema1_wish};
    use oci_types::MediaType;

    const SIGNED: &str = MediaType::DOCKER_SCHEMA1_SIGNED;
    const UNSIGNED: &str = MediaType::DOCKER_SCHEMA1;

    #[test]
    fn who_gets_schema_1() {
        let check = |accept: &[&str], stored: &str, expected: Option<Schema1Wish>| {
            let stored = stored.parse().unwrap();
            assert_eq!(schema1_wish(accept.iter().copied(), &stored), expected, "{accept:?} {stored}");
        };
        let oci = MediaType::OCI_MANIFEST;
        check(&[], oci, None);
        check(&["application/json"], oci, None);
        check(&["text/html"], oci, None);
        check(&[SIGNED], oci, Some(Schema1Wish::Signed));
        check(&[UNSIGNED], oci, Some(Schema1Wish::Unsigned));
        check(&[UNSIGNED, SIGNED], oci, Some(Schema1Wish::Both));
        check(&[SIGNED, "application/json"], oci, Some(Schema1Wish::Signed));
        check(&["application/json", SIGNED], oci, Some(Schema1Wish::Signed));
        check(&[SIGNED, MediaType::DOCKER_SCHEMA2], oci, Some(Schema1Wish::Signed));
        check(&[SIGNED, oci], oci, None);
        check(&[SIGNED, MediaType::OCI_INDEX], MediaType::OCI_INDEX, None);
        check(&[SIGNED, "*/*"], oci, None);
        check(&["application/*", SIGNED], oci, None);
        check(&["text/*", SIGNED], oci, Some(Schema1Wish::Signed));
        check(&["APPLICATION/VND.docker.distribution.manifest.V1+prettyjws"], oci, Some(Schema1Wish::Signed));
        check(&[SIGNED], SIGNED, None);
        check(&[UNSIGNED], SIGNED, Some(Schema1Wish::Unsigned));
    }
}
