//! `seed_era/`: what Quay answered in November 2019, when it still stored legacy images, on Python 2.
//!
//! Ids of docker images cannot be compared: that Python hashed the history in the order of its hash tables, so nearly every
//! id was another one (quay-semantics, section 9.1). Of those images the *structure* is compared: how many there are, who
//! is whose parent, which blob each has, and what else the metadata say. Ids of schema 1 do not depend on it and are compared
//! as they are.

mod images;
mod repository;
mod rows;

use crate::case::Case;
use crate::malformed;
use crate::outcome::Outcome;
use crate::report::FileReport;
use crate::unusable::{InputError, Unusable};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A case as the files have it. Those of groups a and c have the inputs of the main file's case of that name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedCase {
    name: String,
    kind: String,
    #[serde(default)]
    inputs: Option<Map<String, Value>>,
    expected_seed: Map<String, Value>,
}

/// Judges the cases of one file. `main` is the text of the file that has the inputs, if there is one.
pub(crate) fn judge(file: &str, text: &str, main: Option<&str>) -> Result<FileReport, Unusable> {
    let judge_case: fn(&Case) -> Result<Outcome, InputError> = match file {
        "a_schema2_to_v1.seed.json" => images::judge,
        "c_schema1_rewrite.seed.json" => malformed::judge_seed_rewrite,
        "legacy_images.seed.json" => rows::judge,
        _ => return Err(Unusable::UnknownGroup { file: format!("seed_era/{file}") }),
    };
    let mut report = FileReport::new(&format!("seed_era/{file}"));
    for case in read(file, text, main)? {
        let outcome = judge_case(&case).map_err(|source| Unusable::Case {
            file: file.to_owned(),
            case: case.name.clone(),
            source,
        })?;
        report.add(case.name, outcome);
    }
    Ok(report)
}

/// The cases of a file with their inputs.
pub(crate) fn read(file: &str, text: &str, main: Option<&str>) -> Result<Vec<Case>, Unusable> {
    let cases: Vec<SeedCase> =
        serde_json::from_str(text).map_err(|source| Unusable::Format { file: file.to_owned(), source })?;
    if cases.is_empty() {
        return Err(Unusable::NoCases { file: file.to_owned() });
    }
    let mains = main.map(|main| crate::case::read(file, main)).transpose()?.unwrap_or_default();
    let mut inputs: BTreeMap<String, Map<String, Value>> =
        mains.into_iter().map(|case| (case.name, case.inputs)).collect();
    let cases = cases.into_iter().map(|case| {
        let own = case.inputs.or_else(|| inputs.remove(&case.name));
        let inputs = own.ok_or_else(|| Unusable::NoInputs { file: file.to_owned(), case: case.name.clone() })?;
        Ok(Case { name: case.name, kind: case.kind, inputs, expected: case.expected_seed })
    });
    cases.collect()
}

#[cfg(test)]
mod tests;
