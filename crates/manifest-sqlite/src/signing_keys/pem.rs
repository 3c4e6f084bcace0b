use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Why a text is not what it should be in PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// What begins does not end.
    #[error("a block that begins does not end")]
    Unfinished,
    /// The content is no base64.
    #[error("the content of a block is no base64")]
    Base64,
    /// There is a block of another kind, such as a key that is encrypted or in an older form.
    #[error("there is a block of another kind than is needed")]
    OtherKind,
}

/// The contents of the blocks of that kind, such as `PRIVATE KEY`. Lines between blocks are comments. Source: RFC 7468.
///
/// # Errors
///
/// [`PemError`] if there is another kind of block, or one that cannot be read.
pub fn from_pem(text: &str, kind: &str) -> Result<Vec<Vec<u8>>, PemError> {
    let (begin, end) = (format!("-----BEGIN {kind}-----"), format!("-----END {kind}-----"));
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line.starts_with("-----BEGIN ") && line != begin {
            return Err(PemError::OtherKind);
        }
        if line != begin {
            continue;
        }
        let mut content = String::new();
        loop {
            match lines.next() {
                None => return Err(PemError::Unfinished),
                Some(line) if line == end => break,
                Some(line) => content.push_str(line),
            }
        }
        blocks.push(STANDARD.decode(content).map_err(|_| PemError::Base64)?);
    }
    Ok(blocks)
}

/// A block of that kind, lines of 64 characters.
#[must_use]
pub fn to_pem(content: &[u8], kind: &str) -> String {
    let mut text = format!("-----BEGIN {kind}-----\n");
    for (at, character) in STANDARD.encode(content).chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text + &format!("\n-----END {kind}-----\n")
}

#[cfg(test)]
mod tests {
    use super::{PemError, from_pem, to_pem};

    #[test]
    fn what_is_written_can_be_read() {
        for length in [1, 47, 48, 49, 96, 138] {
            let content = vec![7; length];
            let text = to_pem(&content, "PUBLIC KEY");
            assert!(text.lines().all(|line| line.len() <= 64), "{text}");
            assert_eq!(from_pem(&text, "PUBLIC KEY"), Ok(vec![content]));
        }
        let two = format!("a comment\n{}\r\n{}", to_pem(b"a", "X"), to_pem(b"b", "X"));
        assert_eq!(from_pem(&two, "X"), Ok(vec![b"a".to_vec(), b"b".to_vec()]));
        assert_eq!(from_pem("", "X"), Ok(vec![]));
    }

    #[test]
    fn what_cannot_be_read() {
        let check = |text: &str, expected: PemError| assert_eq!(from_pem(text, "X"), Err(expected), "{text}");
        check("-----BEGIN X-----\nAAAA\n", PemError::Unfinished);
        check("-----BEGIN X-----\n*\n-----END X-----\n", PemError::Base64);
        check(&to_pem(b"a", "Y"), PemError::OtherKind);
    }
}
