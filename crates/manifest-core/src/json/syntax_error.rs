/// Why a text is not JSON, and at which byte.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {offset}")]
pub struct SyntaxError {
    /// Where, counted from 0.
    pub offset: usize,
    /// What.
    pub problem: SyntaxProblem,
}

/// What is wrong at one place of a text that should be JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyntaxProblem {
    /// The bytes are no UTF-8.
    #[error("invalid UTF-8")]
    NotUtf8,
    /// The text ends too early.
    #[error("an end where {expected} should be")]
    End {
        /// What should be there.
        expected: &'static str,
    },
    /// Another character than any that may stand there.
    #[error("{found:?} where {expected} should be")]
    Unexpected {
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: char,
    },
    /// A control character inside a string.
    #[error("a bare control character in a string")]
    Control,
    /// A backslash with nothing legal behind it.
    #[error("an unknown escape in a string")]
    Escape,
    /// An integer of more than 4,300 digits.
    #[error("an integer of more than 4300 digits")]
    LongInteger,
    /// Too many lists and objects inside one another.
    #[error("nesting deeper than {limit}")]
    TooDeep {
        /// How many there may be.
        limit: usize,
    },
}
