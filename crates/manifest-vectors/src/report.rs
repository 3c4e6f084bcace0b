//! Who counts, and what is printed of it.

use crate::deviations::Rule;
use crate::outcome::{Operations, Outcome, Verdict};
use std::collections::BTreeMap;
use std::fmt;

/// What became of the cases, each of which is in one of the first three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Cases in which we answer as Quay.
    pub passed: usize,
    /// Cases in which we answer otherwise and should not.
    pub failed: usize,
    /// Cases in which we answer otherwise on purpose, and as we said that we would.
    pub deviations: usize,
    /// Expected *fields* that nothing is compared to; a case has many. There are none in the project's own vectors.
    pub later: usize,
}

/// The verdict on one file.
#[derive(Debug)]
pub struct FileReport {
    name: String,
    cases: usize,
    passed: usize,
    deviating: usize,
    failures: Vec<(String, String)>,
    deviations: BTreeMap<Rule, Vec<String>>,
    later: BTreeMap<String, usize>,
    operations: Operations,
}

/// The verdict on a directory. Displayed it is one line a file with what is wrong below it, the deviations by rule, and
/// in the last line the total.
#[derive(Debug)]
pub struct Report {
    files: Vec<FileReport>,
}

impl Report {
    pub(crate) fn new(files: Vec<FileReport>) -> Self {
        Self { files }
    }

    /// The files, in the order in which they were judged.
    #[must_use]
    pub fn files(&self) -> &[FileReport] {
        &self.files
    }

    /// All of them together.
    #[must_use]
    pub fn count(&self) -> Count {
        self.files.iter().map(FileReport::count).fold(Count::default(), Count::plus)
    }
}

impl FileReport {
    pub(crate) fn new(file: &str) -> Self {
        let name = file.strip_suffix(".json").unwrap_or(file).to_owned();
        Self {
            name,
            cases: 0,
            passed: 0,
            deviating: 0,
            failures: Vec::new(),
            deviations: BTreeMap::new(),
            later: BTreeMap::new(),
            operations: Operations::default(),
        }
    }

    pub(crate) fn add(&mut self, case: String, Outcome { verdict, later, operations }: Outcome) {
        self.cases += 1;
        self.operations.add(operations);
        for field in later {
            *self.later.entry(field).or_default() += 1;
        }
        match verdict {
            Verdict::AsQuay => self.passed += 1,
            Verdict::ByRule(rules) => {
                self.deviating += 1;
                for rule in rules {
                    self.deviations.entry(rule).or_default().push(case.clone());
                }
            }
            Verdict::Failed(why) => self.failures.push((case, why)),
        }
    }

    /// The file's name, without its ending.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many cases the file has.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.cases
    }

    /// What became of them.
    #[must_use]
    pub fn count(&self) -> Count {
        Count {
            passed: self.passed,
            failed: self.failures.len(),
            deviations: self.deviating,
            later: self.later.values().sum(),
        }
    }

    /// The names of the cases that failed, and the first difference of each.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &str)> {
        self.failures.iter().map(|(case, why)| (case.as_str(), why.as_str()))
    }
}

impl Count {
    fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            deviations: self.deviations + other.deviations,
            later: self.later + other.later,
        }
    }
}

/// `N passed, M failed, K deviations`: the closing line, so without what is left for later.
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} deviations", self.passed, self.failed, self.deviations)
    }
}

impl fmt::Display for FileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.count();
        write!(f, "{}: {count}", self.name)?;
        if count.later > 0 {
            write!(f, ", {} later", count.later)?;
        }
        if self.operations != Operations::default() {
            write!(f, "\n    {}", self.operations)?;
        }
        for (case, why) in self.failures() {
            write!(f, "\n    FAILED {case}: {why}")?;
        }
        if count.later > 0 {
            let fields: Vec<String> = self.later.iter().map(|(field, count)| format!("{field} {count}")).collect();
            write!(f, "\n    later: {}", fields.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            writeln!(f, "{file}")?;
        }
        let mut by_rule: BTreeMap<Rule, Vec<&str>> = BTreeMap::new();
        for (rule, cases) in self.files.iter().flat_map(|file| &file.deviations) {
            by_rule.entry(*rule).or_default().extend(cases.iter().map(String::as_str));
        }
        for (rule, cases) in by_rule {
            writeln!(f, "{} by {rule}\n    {}", cases.len(), cases.join(", "))?;
        }
        let count = self.count();
        if count.later > 0 {
            writeln!(f, "{} expected fields are left for later", count.later)?;
        }
        write!(f, "{count}")
    }
}
