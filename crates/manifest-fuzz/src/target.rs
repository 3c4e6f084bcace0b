use crate::targets;

/// A parser, or a few of one kind, and what must hold for every input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is that of its folder in `corpus/`.
    pub name: &'static str,
    /// Pieces that mean something to it.
    pub tokens: &'static [&'static str],
    /// How much of the time it gets, against the others.
    pub weight: u32,
    /// Parses an input and checks all that must hold. A panic is a failure as well.
    pub check: fn(&[u8]) -> Result<Outcome, Broken>,
}

/// In which way an input was answered: the kind of error, or the shape of the value. New ones are worth mutating further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome(pub String);

/// What does not hold for an input, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken(pub String);

/// Every target.
pub const ALL: &[Target] = &[
    targets::DOCUMENT,
    targets::CONFIG,
    targets::DIGEST,
    targets::REPOSITORY_NAME,
    targets::TAG_NAME,
    targets::REFERENCE,
    targets::MEDIA_TYPE,
    targets::UPLOAD_ID,
    targets::PLAN_ID,
    targets::TAG_PATTERN,
    targets::STORED,
    targets::LABELS,
    targets::JSON_DIALECT,
    targets::LEGACY_IMAGE,
    targets::SIGNATURE,
    targets::REQUEST,
    targets::BODY,
    targets::RANGE,
    targets::CONTENT_RANGE,
    targets::CONDITIONS,
];

/// The target of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Target> {
    ALL.iter().find(|target| target.name == name)
}

/// Holds an input to a promise.
pub(crate) fn ensure(holds: bool, promise: &str) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken(format!("does not hold: {promise}"))) }
}

/// Holds what an error says to what all of them promise: it is short, however long the input, and has one line.
pub(crate) fn ensure_readable(error: &impl std::fmt::Display) -> Result<(), Broken> {
    let text = error.to_string();
    ensure(text.len() <= 2_000, "an error has at most 2,000 bytes")?;
    ensure(!text.contains(char::is_control), "an error has no control characters")
}
