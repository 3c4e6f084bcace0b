//! The fragments that say which manifests are kept, and which blobs may be read (semantics, "How a manifest lives" and "Who may
//! read a blob"). Lookups and collection share them, so that neither can differ from the other.
//!
//! They are macros, since the texts of statements are constants. Arguments are SQL: a repository's id, the alias of a row of
//! `manifest`, a time.

/// Whether the manifest was not dead at a time: not deleted by then.
macro_rules! not_dead {
    ($manifest:literal, $time:literal) => {
        concat!("(", $manifest, ".deleted_ms IS NULL OR ", $manifest, ".deleted_ms > ", $time, ")")
    };
}

/// Whether the manifest, not dead at that time, is kept by itself: a tag or an interval of its history that ends later, a
/// deletion that came later, or a pin that is later than now.
macro_rules! supported {
    ($repository:literal, $manifest:literal, $time:literal, $now:literal) => {
        concat!(
            "(",
            $manifest,
            ".pinned_until_ms > ",
            $now,
            " OR ",
            $manifest,
            ".deleted_ms IS NOT NULL",
            " OR EXISTS (SELECT 1 FROM tag INDEXED BY tag_manifest WHERE tag.repository_id = ",
            $repository,
            " AND tag.manifest_id = ",
            $manifest,
            ".id AND tag.expires_ms > ",
            $time,
            ")",
            " OR EXISTS (SELECT 1 FROM tag_history INDEXED BY tag_history_manifest WHERE tag_history.repository_id = ",
            $repository,
            " AND tag_history.manifest_id = ",
            $manifest,
            ".id AND tag_history.end_ms > ",
            $time,
            "))"
        )
    };
}

/// `kin`: the manifest and its ancestors, child → parent and referrer → subject, through rows that were not dead at a time, at
/// most so many, breadth first. Rows that were met before are not followed again, so a cycle ends. CROSS JOIN is the order of
/// the loops.
macro_rules! kin {
    ($repository:literal, $manifest:literal, $time:literal, $most:literal) => {
        concat!(
            "WITH RECURSIVE kin (id, digest, subject, pinned_until_ms, deleted_ms) AS (",
            "SELECT ",
            $manifest,
            ".id, ",
            $manifest,
            ".digest, ",
            $manifest,
            ".subject, ",
            $manifest,
            ".pinned_until_ms, ",
            $manifest,
            ".deleted_ms",
            climb!($repository, $time),
            " LIMIT ",
            $most,
            ")"
        )
    };
}

/// The recursive steps of [`kin`]: one up from each of its rows. A step puts all that it finds into the queue before the walk goes on,
/// so it finds no more parents than a walk can look at; each once, however often it lists the child.
macro_rules! climb {
    ($repository:literal, $time:literal) => {
        concat!(
            " UNION SELECT up.id, up.digest, up.subject, up.pinned_until_ms, up.deleted_ms",
            " FROM kin CROSS JOIN manifest up WHERE up.id IN (SELECT DISTINCT c.manifest_id",
            " FROM manifest_child c INDEXED BY manifest_child_digest CROSS JOIN manifest parent WHERE c.repository_id = ",
            $repository,
            " AND c.digest = kin.digest AND parent.id = c.manifest_id AND ",
            not_dead!("parent", $time),
            " LIMIT 1002)",
            " UNION SELECT up.id, up.digest, up.subject, up.pinned_until_ms, up.deleted_ms",
            " FROM kin CROSS JOIN manifest up INDEXED BY manifest_digest",
            " WHERE up.repository_id = ",
            $repository,
            " AND up.digest = kin.subject AND ",
            not_dead!("up", $time)
        )
    };
}

/// Whether the manifest is kept at a time, by itself or by an ancestor, or has more than 1,000 ancestors. It must not have been dead
/// at that time; pins count from now.
///
/// A manifest is visible if it is undeleted and kept now, and retained if it was not dead at the start of the window and is kept
/// since then. The direct tests come first, and decide nearly always. The second walk is made only where the first found nothing.
macro_rules! kept {
    ($repository:literal, $manifest:literal, $time:literal, $now:literal) => {
        concat!(
            "(",
            supported!($repository, $manifest, $time, $now),
            " OR EXISTS (",
            kin!($repository, $manifest, $time, "1001"),
            " SELECT 1 FROM kin WHERE ",
            supported!($repository, "kin", $time, $now),
            ")",
            " OR EXISTS (",
            kin!($repository, $manifest, $time, "1002"),
            " SELECT 1 FROM kin LIMIT 1 OFFSET 1001))"
        )
    };
}

/// Whether collection keeps the manifest: it is retained.
macro_rules! retained {
    ($repository:literal, $manifest:literal, $time:literal, $now:literal) => {
        concat!("(", not_dead!($manifest, $time), " AND ", kept!($repository, $manifest, $time, $now), ")")
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

/// Whether the purge of the manifests whose ids are in `purged` releases a row of `repository_blob`: its lease is over, and no other
/// manifest row, deleted or not, links the blob.
macro_rules! released {
    ($access:literal, $now:literal) => {
        concat!(
            "(",
            $access,
            ".lease_until_ms <= ",
            $now,
            " AND NOT EXISTS (SELECT 1 FROM manifest_blob other INDEXED BY manifest_blob_digest WHERE other.repository_id = ",
            $access,
            ".repository_id AND other.digest = ",
            $access,
            ".digest AND other.manifest_id NOT IN purged))"
        )
    };
}
