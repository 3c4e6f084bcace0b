//! Which group a file belongs to, and what judges its cases.

use crate::case::{self, Case};
use crate::outcome::Outcome;
use crate::report::FileReport;
use crate::unusable::{InputError, Unusable};
use crate::{data_layer, images, labels, malformed, schema1};

/// A group of vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    /// a and b: docker and OCI images.
    Images,
    /// c: schema 1, of which image ids are rewritten.
    Rewrite,
    /// d: schema 1, signed and unsigned.
    Schema1,
    /// e: lists and indexes.
    Indexes,
    /// f: malformed documents and near misses.
    Malformed,
    /// g: labels and JSON texts.
    Labels,
    /// h: operations on the data layer.
    DataLayer,
}

/// Judges the cases of one file. Its name, such as `f_malformed.json`, says what they are about by its first letter.
pub fn judge(file: &str, text: &str) -> Result<FileReport, Unusable> {
    let group = group_of(file).ok_or_else(|| Unusable::UnknownGroup { file: file.to_owned() })?;
    let mut report = FileReport::new(file);
    for case in case::read(file, text)? {
        let outcome = group.judge(&case).map_err(|source| Unusable::Case {
            file: file.to_owned(),
            case: case.name.clone(),
            source,
        })?;
        report.add(case.name, outcome);
    }
    Ok(report)
}

fn group_of(file: &str) -> Option<Group> {
    let groups = [
        ("a_", Group::Images),
        ("b_", Group::Images),
        ("c_", Group::Rewrite),
        ("d_", Group::Schema1),
        ("e_", Group::Indexes),
        ("f_", Group::Malformed),
        ("g_", Group::Labels),
        ("h_", Group::DataLayer),
    ];
    groups.into_iter().find(|(start, _)| file.starts_with(start)).map(|(_, group)| group)
}

impl Group {
    fn judge(self, case: &Case) -> Result<Outcome, InputError> {
        match self {
            Self::Images | Self::Indexes => images::judge(case),
            Self::Rewrite => malformed::judge_rewrite(case),
            Self::Schema1 => schema1::judge(case),
            Self::Malformed => malformed::judge(case),
            Self::Labels => labels::judge(case),
            Self::DataLayer => data_layer::judge(case),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
