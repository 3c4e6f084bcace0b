use oci_types::RepositoryName;

/// What a caller may read: everything, or public repositories and/or named ranges.
///
/// A value rather than a callback, so that an adapter can turn it into the one keyset statement that a listing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadScope {
    /// Every repository.
    All,
    /// Public repositories if `public` is set, and those whose names lie in one of the ranges.
    Ranges {
        /// Whether public repositories are in the scope whatever their names.
        public: bool,
        /// Sorted, disjoint, not empty each.
        names: Vec<NameRange>,
    },
}

/// A half-open range of repository names in byte order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameRange {
    /// The first name in the range.
    pub start: String,
    /// The first name behind the range.
    pub end: String,
}

impl NameRange {
    /// Exactly one repository.
    #[must_use]
    pub fn repository(name: &RepositoryName) -> Self {
        Self { start: name.to_string(), end: format!("{name}\0") }
    }

    /// Everything below `name/`, without `name` itself.
    #[must_use]
    pub fn below(name: &RepositoryName) -> Self {
        // The byte after `/` is `0`; no name contains a byte between them.
        Self { start: format!("{name}/"), end: format!("{name}0") }
    }

    /// Whether the name lies in the range.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.start.as_str() <= name && name < self.end.as_str()
    }
}

impl ReadScope {
    /// A scope of these ranges, in any order and overlapping as they may.
    #[must_use]
    pub fn ranges(public: bool, ranges: impl IntoIterator<Item = NameRange>) -> Self {
        let mut sorted: Vec<NameRange> = ranges.into_iter().filter(|range| range.start < range.end).collect();
        sorted.sort();
        let mut names: Vec<NameRange> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match names.last_mut() {
                Some(last) if range.start <= last.end => {
                    if range.end > last.end {
                        last.end = range.end;
                    }
                }
                _ => names.push(range),
            }
        }
        Self::Ranges { public, names }
    }

    /// Nothing at all.
    #[must_use]
    pub fn nothing() -> Self {
        Self::Ranges { public: false, names: Vec::new() }
    }

    /// Whether a repository of that name and visibility is in the scope.
    #[must_use]
    pub fn contains(&self, name: &RepositoryName, is_public: bool) -> bool {
        match self {
            Self::All => true,
            Self::Ranges { public, names } => {
                (*public && is_public) || names.iter().any(|range| range.contains(name.as_str()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NameRange, ReadScope};
    use oci_types::RepositoryName;

    fn name(text: &str) -> RepositoryName {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_are_sorted_and_merged() {
        let scope = ReadScope::ranges(
            false,
            [NameRange::below(&name("b")), NameRange::repository(&name("a")), NameRange::repository(&name("b/c"))],
        );
        let ReadScope::Ranges { names, .. } = &scope else { panic!("a range scope") };
        assert_eq!(names, &[NameRange::repository(&name("a")), NameRange::below(&name("b"))]);
    }

    #[test]
    fn a_subtree_is_not_its_neighbours() {
        let scope = ReadScope::ranges(false, [NameRange::below(&name("team")), NameRange::repository(&name("team"))]);
        let check = |text: &str, expected: bool| assert_eq!(scope.contains(&name(text), false), expected, "{text}");
        check("team", true);
        check("team/app", true);
        check("team/app/base", true);
        check("team-b", false);
        check("team.b", false);
        check("team0", false);
        check("tea", false);
    }

    #[test]
    fn public_counts_only_where_it_is_in_the_scope() {
        assert!(ReadScope::ranges(true, []).contains(&name("a"), true));
        assert!(!ReadScope::ranges(true, []).contains(&name("a"), false));
        assert!(!ReadScope::nothing().contains(&name("a"), true));
        assert!(ReadScope::All.contains(&name("a"), false));
    }
}
