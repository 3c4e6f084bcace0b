//! Over the characters of strings, eight at a time: nearly all of a document is inside of strings.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;

/// Where the first byte from `at` on stands that means something in a string: a quote, a backslash or a control character. The length
/// if there is none.
pub(super) fn plain(bytes: &[u8], mut at: usize) -> usize {
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let found = marks(u64::from_le_bytes(*eight));
        if found != 0 {
            // The lowest mark is exact: only above a byte that is one can another be taken for it.
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(&byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\' | 0..0x20) {
            break;
        }
        at += 1;
    }
    at
}

/// The highest bit of each byte that is meant.
fn marks(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (zero(word ^ (ONES * 0x22)) | zero(word ^ (ONES * 0x5c)) | control) & HIGH
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn every_byte_at_every_place() {
        for length in 0..20 {
            for at in 0..length {
                for byte in 0..=255 {
                    for other in [b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xff, b'a'] {
                        let mut bytes = vec![other; length];
                        bytes[at] = byte;
                        let means = matches!(byte, b'"' | b'\\' | 0..0x20);
                        assert_eq!(plain(&bytes, 0), if means { at } else { length }, "{byte} at {at} among {other}");
                        assert_eq!(plain(&bytes, at + 1), length, "what is before does not count");
                    }
                }
            }
        }
    }
}
