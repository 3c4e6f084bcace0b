/// What a manifest may cost to read. Its length in bytes is limited before it is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most lists and objects inside one another.
    pub depth: usize,
    /// The most layers of an image or artifact, and the most children of an index.
    pub references: usize,
}

impl Default for Limits {
    /// 128 and 16,384.
    fn default() -> Self {
        Self { depth: 128, references: 16_384 }
    }
}
