use std::{io, path::PathBuf};

/// Why nothing was judged: the directory or a file in it is not what it must be. An expectation that is wrong is no such
/// thing, it is a failure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// It is missing, no directory, or may not be read.
    #[error("directory `{}` cannot be read", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is nothing to run.
    #[error("directory `{}` holds no vectors: none of its files is named like `a_….json` to `h_….json`", path.display())]
    NoVectors {
        /// Which.
        path: PathBuf,
    },
    /// A file of JSON belongs to no group, so running the others would hide it.
    #[error("file `{file}` belongs to no group of vectors: its name begins with none of `a_` to `h_`")]
    UnknownGroup {
        /// Its name.
        file: String,
    },
    /// It may not be read, or is no text.
    #[error("file `{file}` cannot be read")]
    File {
        /// Its name.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// It is no JSON, or no list of cases.
    #[error("file `{file}` is no list of cases, each with `name`, `kind`, `inputs` and `expected`")]
    Format {
        /// Its name.
        file: String,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// It has no case, so that nothing wrong could be found in it.
    #[error("file `{file}` is an empty list")]
    NoCases {
        /// Its name.
        file: String,
    },
    /// Two cases have one name, so that a failure would not say which it is.
    #[error("file `{file}` has two cases of the name `{case}`")]
    TwiceNamed {
        /// The file's name.
        file: String,
        /// The case's name.
        case: String,
    },
    /// A case of the seed has no inputs, and there is no case of its name in the main file.
    #[error("file `seed_era/{file}`, case `{case}` has no inputs, and no case of that name has")]
    NoInputs {
        /// The file's name.
        file: String,
        /// The case's name.
        case: String,
    },
    /// A case does not bring what its group needs.
    #[error("file `{file}`, case `{case}` cannot be run")]
    Case {
        /// The file's name.
        file: String,
        /// The case's name.
        case: String,
        /// What is wrong.
        source: InputError,
    },
}

/// What is wrong with the question that a case asks.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// An input is missing or has another form.
    #[error("input `{input}` is {found}, not {wanted}")]
    Form {
        /// Which.
        input: String,
        /// What it must be.
        wanted: &'static str,
        /// What it is, shortened.
        found: String,
    },
    /// The group has no cases of that kind.
    #[error("there are no cases of the kind `{kind}` in this group")]
    Kind {
        /// Which.
        kind: String,
    },
}
