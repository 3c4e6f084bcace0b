//! What can be done: a kind and indices into the pool, so that a sequence is printed, shrunk and repeated as it is.

use proptest::prelude::{Strategy, any};
use proptest::sample::select;

macro_rules! kinds {
    ($($(#[$doc:meta])* $family:ident { $($kind:ident $weight:literal),* $(,)? })*) => {
        /// What is done, by family.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($(#[$doc])* $family($family),)*
        }

        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub(crate) enum $family { $($kind),* }
        )*

        impl Kind {
            /// Every kind with how often it is drawn among the others.
            pub(crate) const ALL: &[(Self, usize)] = &[$($((Self::$family($family::$kind), $weight),)*)*];
        }
    };
}

kinds! {
    /// Bytes on their way in, and what they become.
    Bytes { Begin 2, Append 3, Finish 3, Cancel 1, Whole 4, Status 1, Mount 2, MountAny 1, DeleteBlob 2 }
    /// Manifests on their way in. `Provide` uploads the blobs first.
    Push { Provide 10, ByTag 5, ByDigest 4, WithTags 3, Guarded 3, Explain 1, Planned 2 }
    /// Tags, and what they point at.
    Tags {
        DeleteTag 4, DeleteManifest 3, DeleteTagsOf 2, Retag 4, Restore 3, SetExpiry 3, ClearExpiry 1, Protect 1,
        Unprotect 3,
    }
    /// Labels.
    Labels { Add 2, AddActing 2, Delete 3, List 1 }
    /// Repositories, what removes many rows, and time.
    Manage {
        Create 1, ReadOnly 1, Open 3, DeleteRepository 1, PlanPurge 3, Purge 3, Collect 3, Preview 1, Forward 8,
        Backward 2,
    }
    /// Look-ups.
    Look { Tag 2, Digest 2, At 2, Any 1, Lookup 1, Require 2, Blob 1, StatBlob 1, ReadBlob 1, Why 1 }
    /// Pages.
    Pages { TagNames 1, TagRows 2, History 2, Manifests 2, Referrers 2, Catalogue 1, Repository 1, Totals 1 }
}

/// One operation. Each kind takes of the indices what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op {
    pub(crate) kind: Kind,
    pub(crate) repository: u8,
    pub(crate) tag: u8,
    pub(crate) blob: u8,
    pub(crate) manifest: u8,
    pub(crate) pick: u8,
}

impl Op {
    /// How many kinds there are.
    #[must_use]
    pub fn kinds() -> usize {
        Kind::ALL.len()
    }

    /// The name of the kind and its family.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{:?}", self.kind)
    }

    /// A push of that manifest with its blobs into the first repository, under the tag of its number.
    pub(crate) fn provide(manifest: u8) -> Self {
        Self { kind: Kind::Push(Push::Provide), repository: 0, tag: manifest, blob: 0, manifest, pick: 1 }
    }

    /// Any operation.
    pub fn any() -> impl Strategy<Value = Self> {
        let drawn: Vec<Kind> =
            Kind::ALL.iter().flat_map(|(kind, weight)| std::iter::repeat_n(*kind, *weight)).collect();
        // Most of it happens in one repository, so that it meets.
        let repository = select(vec![0, 0, 0, 1]);
        (select(drawn), repository, 0..4_u8, 0..7_u8, 0..10_u8, any::<u8>()).prop_map(
            |(kind, repository, tag, blob, manifest, pick)| Self { kind, repository, tag, blob, manifest, pick },
        )
    }
}
