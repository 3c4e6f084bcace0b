//! What a database is filled with: the same rows on both engines, made by the engine itself from a list of numbers.
//!
//! The manifests are numbered from 1. The first half is in one repository, the others in repositories of 100 each. Of ten
//! manifests eight have a tag, one (the tenth) is about the one before it and one (the fifth) is listed by the index that
//! follows it; those two are kept by their kin. Half of the tags have moved once. Each manifest names a config of its own, a
//! layer that ten share, and a base that many repositories share.

use oci_types::{Digest, ParseDigestError, RepositoryName};

/// The time of all questions, later than all that is stored.
pub(super) const NOW: i64 = 10_000_000_000;
/// Manifests in each repository but the large one.
const IN_SMALL: u64 = 100;
/// How many bases there are.
const BASES: u64 = 50;
/// How many manifests are about manifest 1, for a page of referrers.
const POPULAR: u64 = 100;
/// How often the tag `moving` has moved.
pub(super) const MOVES: u64 = 200;

/// What a digest is of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Manifest = 1,
    Config = 2,
    Layer = 3,
    Base = 4,
}

/// How many manifests there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size(pub(super) u64);

impl Size {
    fn half(self) -> u64 {
        self.0 / 2
    }

    /// How many repositories there are beside the large one.
    pub(super) fn small_repositories(self) -> u64 {
        (self.0 - self.half()) / IN_SMALL
    }

    /// Where the manifest is.
    pub(super) fn repository(self, manifest: u64) -> Result<RepositoryName, oci_types::ParseRepositoryNameError> {
        if manifest <= self.half() { large() } else { small((manifest - self.half() - 1) / IN_SMALL + 1) }
    }
}

/// The repository that has half of the manifests.
pub(super) fn large() -> Result<RepositoryName, oci_types::ParseRepositoryNameError> {
    "scale/large".parse()
}

/// One of the others, counted from 1.
pub(super) fn small(number: u64) -> Result<RepositoryName, oci_types::ParseRepositoryNameError> {
    format!("scale/r{number:010}").parse()
}

/// The tag of a manifest, if it has one.
pub(super) fn tag(manifest: u64) -> Option<String> {
    (!matches!(manifest % 10, 0 | 5)).then(|| format!("t{manifest:010}"))
}

/// The blobs of a manifest.
pub(super) fn blobs(manifest: u64) -> Result<[Digest; 3], ParseDigestError> {
    Ok([
        digest(Kind::Config, manifest)?,
        digest(Kind::Layer, (manifest - 1) / 10 + 1)?,
        digest(Kind::Base, (manifest - 1) / IN_SMALL % BASES + 1)?,
    ])
}

/// A digest that the engines can make too. Like real ones, those of neighbours are far apart.
pub(super) fn digest(kind: Kind, number: u64) -> Result<Digest, ParseDigestError> {
    let mut stored = [0; 33];
    stored[0] = 1;
    let scattered = number.wrapping_mul(2_654_435_761) & 0xffff_ffff;
    stored[1..5].copy_from_slice(&scattered.to_be_bytes()[4..]);
    stored[5] = kind as u8;
    stored[25..].copy_from_slice(&number.to_be_bytes());
    Digest::from_bytes(&stored)
}

/// How an engine writes what the engines write differently.
pub(super) struct Dialect {
    /// The digest of a kind of the number that an expression gives.
    pub(super) digest: fn(Kind, &str) -> String,
    /// A text followed by the number in ten digits.
    pub(super) padded: fn(&str, &str) -> String,
    /// 700 bytes, as of a small image.
    pub(super) bytes: &'static str,
    /// `false`.
    pub(super) no: &'static str,
    /// `true`.
    pub(super) yes: &'static str,
    /// What lets an insert choose its ids.
    pub(super) own_ids: &'static str,
    /// The artifact type of referrers.
    pub(super) artifact_type: &'static str,
}

/// The statements that fill an empty database. A table `number(n)` has the numbers from 1 to the size.
pub(super) fn statements(size: Size, dialect: &Dialect) -> Vec<String> {
    [manifests(size, dialect), tags(size, dialect), blobs_with_access(size, dialect), links(size, dialect)].concat()
}

/// Which repository the manifest is in whose number an expression gives.
fn repository(size: Size, n: &str) -> String {
    let half = size.half();
    format!("CASE WHEN {n} <= {half} THEN 1 ELSE 2 + ({n} - {half} - 1) / {IN_SMALL} END")
}

fn manifests(size: Size, dialect: &Dialect) -> Vec<String> {
    let Dialect { digest, padded, bytes, no, yes, own_ids, artifact_type } = dialect;
    let here = repository(size, "n");
    vec![
        format!(
            "INSERT INTO repository (id, name, visibility, state, created_ms) {own_ids} \
             SELECT 1, 'scale/large', 0, 0, 1 UNION ALL SELECT 1 + n, {}, 0, 0, 1 FROM number WHERE n <= {}",
            padded("scale/r", "n"),
            size.small_repositories()
        ),
        format!(
            "INSERT INTO manifest (id, repository_id, digest, media_type, subject, artifact_type, immutable, created_ms, bytes) \
             {own_ids} SELECT n, {here}, {}, 'application/vnd.oci.image.manifest.v1+json', \
             CASE WHEN n % 10 <> 0 THEN NULL WHEN n <= {POPULAR} * 10 THEN {} ELSE {} END, \
             CASE WHEN n % 10 = 0 THEN {artifact_type} END, {no}, 1, {bytes} FROM number",
            digest(Kind::Manifest, "n"),
            digest(Kind::Manifest, "1"),
            digest(Kind::Manifest, "(n - 1)"),
        ),
        format!(
            "INSERT INTO manifest_child (repository_id, manifest_id, position, digest, required) \
             SELECT {here}, n, 0, {}, {yes} FROM number WHERE n % 10 = 6",
            digest(Kind::Manifest, "(n - 1)"),
        ),
    ]
}

fn tags(size: Size, dialect: &Dialect) -> Vec<String> {
    let Dialect { padded, no, .. } = dialect;
    let (here, name, never) = (repository(size, "n"), padded("t", "n"), i64::MAX);
    vec![
        format!(
            "INSERT INTO tag (repository_id, name, manifest_id, start_ms, expires_ms, immutable, reversion) \
             SELECT {here}, {name}, n, 1000000 + n, {never}, {no}, {no} FROM number WHERE n % 10 NOT IN (0, 5) \
             UNION ALL SELECT 1, 'moving', 1, 100000, {never}, {no}, {no}"
        ),
        format!(
            "INSERT INTO tag_history (repository_id, name, start_ms, end_ms, manifest_id, reversion) \
             SELECT {here}, {name}, n, 1000000 + n, n, {no} FROM number WHERE n % 10 NOT IN (0, 5) AND n % 2 = 0 \
             UNION ALL SELECT 1, 'moving', n * 10, n * 10 + 10, 2, {no} FROM number WHERE n <= {MOVES}"
        ),
    ]
}

fn blobs_with_access(size: Size, dialect: &Dialect) -> Vec<String> {
    let Dialect { digest, padded, .. } = dialect;
    let (all, layers, hundreds) = (size.0, size.0 / 10, size.0 / IN_SMALL);
    let base = format!("((n - 1) % {BASES} + 1)");
    let blob = |kind, at, number: &str, count| {
        let (digest, at) = (digest(kind, number), padded(at, number));
        format!("INSERT INTO blob (digest, size, location) SELECT {digest}, 1000, {at} FROM number WHERE n <= {count}")
    };
    // Each to the repository of the first manifest that names it.
    let access = |kind, at, number: &str, first: &str, count| {
        let (repository, digest, at) = (repository(size, first), digest(kind, number), padded(at, number));
        format!(
            "INSERT INTO repository_blob (repository_id, digest, size, location, lease_until_ms) \
             SELECT DISTINCT {repository}, {digest}, 1000, {at}, 0 FROM number WHERE n <= {count}"
        )
    };
    vec![
        blob(Kind::Config, "main:c", "n", all),
        blob(Kind::Layer, "main:l", "n", layers),
        blob(Kind::Base, "main:b", "n", BASES),
        access(Kind::Config, "main:c", "n", "n", all),
        access(Kind::Layer, "main:l", "n", "(n * 10 - 9)", layers),
        access(Kind::Base, "main:b", &base, "(n * 100 - 99)", hundreds),
    ]
}

fn links(size: Size, dialect: &Dialect) -> Vec<String> {
    let Dialect { digest, yes, .. } = dialect;
    let here = repository(size, "n");
    let base = format!("((n - 1) / {IN_SMALL} % {BASES} + 1)");
    let link = |kind, number: &str| {
        let digest = digest(kind, number);
        format!(
            "INSERT INTO manifest_blob (repository_id, manifest_id, digest, required) \
             SELECT {here}, n, {digest}, {yes} FROM number"
        )
    };
    vec![link(Kind::Config, "n"), link(Kind::Layer, "((n - 1) / 10 + 1)"), link(Kind::Base, &base)]
}
