use crate::facts::Visibility;
use crate::plan::LabelSource;

/// The code of [`Visibility::Public`].
pub(super) const PUBLIC: i64 = 0;
/// The code of [`Visibility::Private`].
pub(super) const PRIVATE: i64 = 1;

/// The code of [`RepositoryState::Open`](crate::facts::RepositoryState::Open).
pub const OPEN: i64 = 0;
/// The code of [`RepositoryState::ReadOnly`](crate::facts::RepositoryState::ReadOnly). 2 is a repository that is being deleted, which statements leave out.
pub const READ_ONLY: i64 = 1;

/// The code under which a visibility is stored.
#[must_use]
pub fn visibility_code(visibility: Visibility) -> i64 {
    match visibility {
        Visibility::Public => PUBLIC,
        Visibility::Private => PRIVATE,
    }
}

/// The code under which it is stored where a label came from.
#[must_use]
pub fn label_source_code(source: LabelSource) -> i64 {
    match source {
        LabelSource::Manifest => 0,
        LabelSource::Api => 1,
        LabelSource::Internal => 2,
    }
}

/// A number of bytes as it is stored. What no disk holds is stored as the most that the column holds.
#[must_use]
pub fn stored_size(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
