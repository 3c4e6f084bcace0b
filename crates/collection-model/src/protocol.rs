//! The rules of the protocol, each of which can be taken away to see what it is for.

/// A rule of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Writers hold the repository lock shared, collection of manifests and access rows and the deletion of a blob hold it alone.
    RepositoryLock,
    /// The collector looks again once it has the lock, and deletes only what can still go.
    LookAgain,
    /// Blob rows are deleted by the statement after the one that locks the candidates.
    NextStatement,
    /// An access row refers to its blob row by a foreign key.
    ForeignKey,
    /// `seal` makes a location that never was there before.
    FreshLocations,
    /// A plan that deletes a manifest holds the repository lock alone.
    DeletesAlone,
    /// Mount and finish lock the blob row before they write the access row.
    BlobFirst,
    /// An unfinished upload names what it stored until its row goes, and not only until it expires.
    RowsNameUntilTheyGo,
    /// The statement that writes a tag tests its guard and finds what it displaces.
    WritesTest,
}

/// What is taken away to see what it is for. The foreign key alone is not missed: it is there for the day on which another rule is broken.
pub const CASES: [&[Rule]; 9] = [
    &[Rule::RepositoryLock],
    &[Rule::LookAgain],
    &[Rule::NextStatement],
    &[Rule::NextStatement, Rule::ForeignKey],
    &[Rule::FreshLocations],
    &[Rule::DeletesAlone],
    &[Rule::BlobFirst],
    &[Rule::RowsNameUntilTheyGo],
    &[Rule::WritesTest],
];

/// The rules that hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    without: u16,
}

impl Protocol {
    /// All rules.
    #[must_use]
    pub const fn whole() -> Self {
        Self { without: 0 }
    }

    /// All but these.
    #[must_use]
    pub fn without(rules: &[Rule]) -> Self {
        Self { without: rules.iter().fold(0, |without, rule| without | 1 << *rule as u16) }
    }

    /// Whether the rule holds.
    #[must_use]
    pub const fn keeps(self, rule: Rule) -> bool {
        self.without & (1 << rule as u16) == 0
    }
}
