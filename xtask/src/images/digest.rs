//! Digests by `sha256sum` and `sha512sum`: the judge of digests is not the library that the registry under test
//! computes them with.

use std::{io::Write, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, bail};

use crate::process;

/// The sha256 digest of some bytes.
pub(crate) fn sha256(content: &[u8]) -> Result<String> {
    like("sha256:", content)
}

/// The digest of some bytes, by the algorithm of another digest.
pub(crate) fn like(other: &str, content: &[u8]) -> Result<String> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(content)?;
    of_file(other, file.path())
}

/// The digest of a file, by the algorithm of another digest.
pub(crate) fn of_file(other: &str, path: &Path) -> Result<String> {
    // The other digest may come from a server, so it does not choose the program freely.
    let (algorithm, program) = match other.split(':').next() {
        Some("sha256") => ("sha256", "sha256sum"),
        Some("sha512") => ("sha512", "sha512sum"),
        _ => bail!("`{other}` is no digest of sha256 or sha512"),
    };
    let output = process::succeed(Command::new(program).arg("--").arg(path), Duration::from_mins(1))?;
    // A name with a backslash is printed escaped, with a backslash before the whole line.
    let hex = output.stdout.trim_start_matches('\\').split(' ').next();
    let hex = hex.filter(|hex| !hex.is_empty()).with_context(|| format!("{program} printed no digest"))?;
    Ok(format!("{algorithm}:{hex}"))
}

#[cfg(test)]
mod tests {
    use super::{like, sha256};

    #[test]
    fn digests_are_those_of_the_standard() {
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc").unwrap(), format!("sha256:{hex}"));
        let long = like("sha512:0", b"abc").unwrap();
        assert!(long.starts_with("sha512:ddaf35a193617aba") && long.len() == 7 + 128, "{long}");
        assert!(like("md5:0", b"abc").is_err());
    }
}
