use crate::rng::hash;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Most characters of an input that are shown.
const SHOWN: usize = 600;

/// An input for which a target did not do what it promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it did instead.
    pub what: String,
    /// The input.
    pub input: Vec<u8>,
}

impl Failure {
    /// Writes the input to a file of its own and says to which one.
    pub fn save(&self, dir: &Path, target: &str) -> io::Result<PathBuf> {
        fs::create_dir_all(dir)?;
        let path = dir.join(format!("{target}-{:016x}", hash(&self.input)));
        fs::write(&path, &self.input)?;
        Ok(path)
    }
}

/// Bytes as the text of a Rust byte string, the first 600 characters of it.
#[must_use]
pub fn escaped(input: &[u8]) -> String {
    let text = input.escape_ascii().to_string();
    let cut = if text.len() > SHOWN { format!("… ({} bytes)", input.len()) } else { String::new() };
    format!("b\"{}\"{cut}", text.get(..SHOWN).unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::{Failure, escaped};

    #[test]
    fn inputs_are_shown_on_one_line() {
        assert_eq!(escaped(b"a\n\xff\""), r#"b"a\n\xff\"""#);
        let long = escaped(&[0; 1_000]);
        assert!(long.ends_with("… (1000 bytes)") && long.len() < 700, "{long}");
    }

    #[test]
    fn a_saved_input_is_the_input() {
        let dir = std::env::temp_dir().join(format!("manifest-fuzz-{}", std::process::id()));
        let failure = Failure { what: "panicked".to_owned(), input: vec![0, 1, 255] };
        let path = failure.save(&dir, "document").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), failure.input);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
