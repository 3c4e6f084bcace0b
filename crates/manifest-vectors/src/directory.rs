//! A directory of vectors.

use crate::group;
use crate::report::Report;
use crate::unusable::Unusable;
use std::fs;
use std::path::Path;

/// Judges every file of JSON in a directory, in the order of their names. What is in directories below it, and files of
/// other kinds, are not looked at.
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
    files.collect::<Result<_, _>>().map(Report::new)
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
