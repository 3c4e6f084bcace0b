//! The fragments that say which manifests are kept, and which blobs may be read (semantics, "How a manifest lives" and "Who may
//! read a blob"). Lookups and, later, collection share them.
//!
//! They are macros, since the texts of statements are constants. Arguments are SQL: a repository's id, the alias of a row of
//! `manifest`, a time.

/// Whether the manifest is kept by itself: an alive tag, an interval of its history that ends later, a pin.
macro_rules! supported {
    ($repository:literal, $manifest:literal, $now:literal) => {
        concat!(
            "(",
            $manifest,
            ".pinned_until_ms > ",
            $now,
            " OR EXISTS (SELECT 1 FROM tag INDEXED BY tag_manifest WHERE tag.repository_id = ",
            $repository,
            " AND tag.manifest_id = ",
            $manifest,
            ".id AND tag.expires_ms > ",
            $now,
            ")",
            " OR EXISTS (SELECT 1 FROM tag_history INDEXED BY tag_history_manifest WHERE tag_history.repository_id = ",
            $repository,
            " AND tag_history.manifest_id = ",
            $manifest,
            ".id AND tag_history.end_ms > ",
            $now,
            "))"
        )
    };
}

/// `kin`: the manifest and its ancestors, child → parent and referrer → subject, through undeleted rows, at most so many.
/// Rows that were met before are not followed again, so a cycle ends. CROSS JOIN is the order of the loops.
macro_rules! kin {
    ($repository:literal, $manifest:literal, $most:literal) => {
        concat!(
            "WITH RECURSIVE kin (id, digest, subject, pinned_until_ms) AS (",
            "SELECT ",
            $manifest,
            ".id, ",
            $manifest,
            ".digest, ",
            $manifest,
            ".subject, ",
            $manifest,
            ".pinned_until_ms",
            " UNION SELECT up.id, up.digest, up.subject, up.pinned_until_ms",
            " FROM kin CROSS JOIN manifest_child c INDEXED BY manifest_child_digest CROSS JOIN manifest up",
            " WHERE c.repository_id = ",
            $repository,
            " AND c.digest = kin.digest",
            " AND up.id = c.manifest_id AND up.deleted_ms IS NULL",
            " UNION SELECT up.id, up.digest, up.subject, up.pinned_until_ms",
            " FROM kin CROSS JOIN manifest up INDEXED BY manifest_digest",
            " WHERE up.repository_id = ",
            $repository,
            " AND up.digest = kin.subject AND up.deleted_ms IS NULL",
            " LIMIT ",
            $most,
            ")"
        )
    };
}

/// Whether the manifest is kept, by itself or by an ancestor, or has at least 1,000 ancestors. It must be undeleted.
///
/// The direct tests come first, and decide nearly always. The second walk is made only where the first found nothing.
macro_rules! kept {
    ($repository:literal, $manifest:literal, $now:literal) => {
        concat!(
            "(",
            supported!($repository, $manifest, $now),
            " OR EXISTS (",
            kin!($repository, $manifest, "1001"),
            " SELECT 1 FROM kin WHERE ",
            supported!($repository, "kin", $now),
            ")",
            " OR EXISTS (",
            kin!($repository, $manifest, "1001"),
            " SELECT 1 FROM kin LIMIT 1 OFFSET 1000))"
        )
    };
}

/// Whether a row of `repository_blob` grants access: by its lease, or by an undeleted manifest that links the blob.
macro_rules! granted {
    ($access:literal, $now:literal) => {
        concat!(
            "(",
            $access,
            ".lease_until_ms > ",
            $now,
            " OR EXISTS (SELECT 1 FROM manifest_blob l INDEXED BY manifest_blob_digest CROSS JOIN manifest lm",
            " WHERE l.repository_id = ",
            $access,
            ".repository_id AND l.digest = ",
            $access,
            ".digest",
            " AND lm.id = l.manifest_id AND lm.deleted_ms IS NULL))"
        )
    };
}
