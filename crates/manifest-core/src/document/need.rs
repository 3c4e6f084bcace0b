/// Whether what a manifest names must exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Without it the manifest is refused.
    Required,
    /// It may come later, or never.
    MayBeAbsent,
}
