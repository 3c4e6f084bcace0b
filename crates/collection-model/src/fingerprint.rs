//! States by 128 bits, so that millions of them fit into memory.

use std::hash::{BuildHasherDefault, Hash, Hasher};

/// The fingerprint of a value: two different ones among 100 million share theirs with a chance of less than 10⁻²².
pub(crate) fn fingerprint(value: &impl Hash) -> u128 {
    let mut lanes = Lanes { low: 0x9e37_79b9_7f4a_7c15, high: 0xc2b2_ae3d_27d4_eb4f };
    value.hash(&mut lanes);
    u128::from(stir(lanes.low ^ lanes.high.rotate_left(32))) << 64 | u128::from(stir(lanes.high))
}

/// Two hashes with different multipliers over the same words.
struct Lanes {
    low: u64,
    high: u64,
}

impl Lanes {
    fn word(&mut self, word: u64) {
        self.low = fold(self.low ^ word, 0xff51_afd7_ed55_8ccd);
        self.high = fold(self.high.rotate_left(29) ^ word, 0xa076_1d64_78bd_642f).wrapping_add(word);
    }
}

/// Both halves of the 128-bit product, so that every bit of the word reaches every bit of the lane.
#[expect(clippy::cast_possible_truncation, reason = "the two halves of the product are what is wanted")]
fn fold(word: u64, multiplier: u64) -> u64 {
    let product = u128::from(word) * u128::from(multiplier);
    (product as u64) ^ (product >> 64) as u64 ^ word.rotate_left(17)
}

/// The finalizer of splitmix64.
fn stir(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Hasher for Lanes {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.word(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.word(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.word(u64::from(value));
    }

    fn write_isize(&mut self, value: isize) {
        self.word(value.cast_unsigned() as u64);
    }

    fn write_usize(&mut self, value: usize) {
        self.word(value as u64);
    }

    fn finish(&self) -> u64 {
        self.low
    }
}

/// A hash map's hasher for keys that are fingerprints, which are hashes already.
#[derive(Default)]
pub(crate) struct AsIs(u64);

/// Builds [`AsIs`].
pub(crate) type BuildAsIs = BuildHasherDefault<AsIs>;

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "half of a fingerprint is hash enough for a table")]
    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::fingerprint;
    use std::collections::BTreeSet;

    #[test]
    fn a_million_near_values_have_a_million_fingerprints_in_each_half() {
        let all: Vec<u128> = (0..1_000_000_u32).map(|n| fingerprint(&[n.to_le_bytes(), [1; 4]])).collect();
        let distinct = |half: fn(&u128) -> u128| all.iter().map(half).collect::<BTreeSet<_>>().len();
        assert_eq!(distinct(|all| *all), 1_000_000);
        assert_eq!(distinct(|all| *all >> 64), 1_000_000);
        assert_eq!(distinct(|all| *all << 64), 1_000_000);
    }
}
