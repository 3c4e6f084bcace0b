//! A directory of vectors.

use crate::group;
use crate::report::{FileReport, Report};
use crate::seed;
use crate::unusable::Unusable;
use std::fs;
use std::path::Path;

/// Judges every file of JSON in a directory, in the order of their names, and those of its `seed_era`. What is in other
/// directories below it, and files of other kinds, are not looked at.
///
/// # Errors
///
/// [`Unusable`] if the directory or one of the files is not of the format. A wrong answer is no error: see the report.
pub fn run(directory: &Path) -> Result<Report, Unusable> {
    let names = file_names(directory).map_err(|source| Unusable::Directory { path: directory.to_owned(), source })?;
    if names.is_empty() {
        return Err(Unusable::NoVectors { path: directory.to_owned() });
    }
    let files = names.into_iter().map(|file| {
        let text = fs::read_to_string(directory.join(&file));
        let text = text.map_err(|source| Unusable::File { file: file.clone(), source })?;
        group::judge(&file, &text)
    });
    let mut reports: Vec<FileReport> = files.collect::<Result<_, _>>()?;
    let seed_era = directory.join("seed_era");
    if seed_era.is_dir() {
        reports.extend(run_seed_era(directory, &seed_era)?);
    }
    Ok(Report::new(reports))
}

/// Judges the files of `seed_era`, whose inputs are in the files beside it.
fn run_seed_era(directory: &Path, seed_era: &Path) -> Result<Vec<FileReport>, Unusable> {
    let names = file_names(seed_era).map_err(|source| Unusable::Directory { path: seed_era.to_owned(), source })?;
    let files = names.into_iter().map(|file| {
        let unreadable = |source| Unusable::File { file: format!("seed_era/{file}"), source };
        let text = fs::read_to_string(seed_era.join(&file)).map_err(unreadable)?;
        // The file of operations has inputs of its own.
        let main = directory.join(file.replace(".seed.json", ".json"));
        let main = main.is_file().then(|| fs::read_to_string(&main)).transpose().map_err(unreadable)?;
        seed::judge(&file, &text, main.as_deref())
    });
    files.collect()
}

fn file_names(directory: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_json = Path::new(&name).extension().is_some_and(|extension| extension == "json");
        // Through links: a directory of vectors may be made of links to others.
        if is_json && fs::metadata(entry.path())?.is_file() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
