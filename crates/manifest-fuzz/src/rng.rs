/// A stream of numbers that one seed decides: `SplitMix64`, so that a run can be repeated on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// The stream of a target, different for each, so that one target can be repeated alone.
    pub(crate) fn new(seed: u64, target: &str) -> Self {
        Self(seed ^ hash(target.as_bytes()))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 if `n` is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % n).unwrap_or(0)
    }

    /// One of some items; `None` if there is none.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }
}

/// FNV-1a of 64 bits: names of files, and choices that an input alone decides.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn a_seed_decides_the_stream() {
        let stream = |seed, target| {
            let mut rng = Rng::new(seed, target);
            [rng.next(), rng.next(), rng.next()]
        };
        assert_eq!(stream(7, "a"), stream(7, "a"));
        assert_ne!(stream(7, "a"), stream(8, "a"));
        assert_ne!(stream(7, "a"), stream(7, "b"));
    }

    #[test]
    fn numbers_stay_below_their_bound() {
        let mut rng = Rng::new(1, "");
        assert!((0..1_000).all(|_| rng.below(3) < 3));
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.pick::<u8>(&[]), None);
    }
}
