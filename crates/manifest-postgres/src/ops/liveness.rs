//! The fragments that say which manifests are kept, and which blobs may be read (semantics, "How a manifest lives" and "Who may
//! read a blob"). Lookups share them; collection and deletion have the same words in the functions of the migrations.
//!
//! They are macros, since the texts of statements are constants. Arguments are SQL: a repository's id, the alias of a row of
//! `manifest`, a time.
//!
//! Each subquery of an EXISTS ends with `OFFSET 0`. It changes no answer, but has Postgres run the subquery for the row at hand, by an
//! index: without it, it may collect all rows of a table into a hash first, where it expects many questions.

/// A subquery of the manifest of that id. The range of one id in its order is what one index alone has: of a table that is empty, the
/// planner believes that another one, which reads all of the repository, costs the same, and a connection keeps the plan.
macro_rules! manifest_by_id {
    ($columns:literal, $repository:literal, $id:literal) => {
        concat!(
            "(SELECT ",
            $columns,
            " FROM manifest m WHERE m.repository_id = ",
            $repository,
            " AND m.id >= ",
            $id,
            " AND m.id <= ",
            $id,
            " ORDER BY m.id LIMIT 1)"
        )
    };
}

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
            " OR EXISTS (SELECT 1 FROM tag WHERE tag.repository_id = ",
            $repository,
            " AND tag.manifest_id = ",
            $manifest,
            ".id AND tag.expires_ms > ",
            $time,
            " OFFSET 0)",
            " OR EXISTS (SELECT 1 FROM tag_history WHERE tag_history.repository_id = ",
            $repository,
            " AND tag_history.manifest_id = ",
            $manifest,
            ".id AND tag_history.end_ms > ",
            $time,
            " OFFSET 0))"
        )
    };
}

/// One step of a walk up from the row `kin`: its parents, then its subject, so far as they were not dead at a time. A step finds no more
/// parents than a walk can look at; each once, however often it lists the child.
macro_rules! up {
    ($repository:literal, $time:literal) => {
        concat!(
            "((SELECT DISTINCT ON (c.manifest_id) parent.id, parent.digest, parent.subject, parent.pinned_until_ms, parent.deleted_ms",
            " FROM manifest_child c JOIN manifest parent ON parent.repository_id = c.repository_id AND parent.id = c.manifest_id",
            " WHERE c.repository_id = ",
            $repository,
            " AND c.digest = kin.digest AND ",
            not_dead!("parent", $time),
            " ORDER BY c.manifest_id LIMIT 1002)",
            " UNION ALL SELECT s.id, s.digest, s.subject, s.pinned_until_ms, s.deleted_ms FROM manifest s",
            " WHERE s.repository_id = ",
            $repository,
            " AND s.digest = kin.subject AND ",
            not_dead!("s", $time),
            ")"
        )
    };
}

/// `kin`: the manifest and its ancestors, child → parent and referrer → subject, through rows that were not dead at a time, breadth
/// first. Rows that were met before are not followed again, so a cycle ends. As many steps are made as whoever reads from it takes rows.
macro_rules! kin {
    ($repository:literal, $manifest:literal, $time:literal) => {
        concat!(
            "WITH RECURSIVE kin (id, digest, subject, pinned_until_ms, deleted_ms) AS (SELECT ",
            $manifest,
            ".id, ",
            $manifest,
            ".digest, ",
            $manifest,
            ".subject, ",
            $manifest,
            ".pinned_until_ms, ",
            $manifest,
            ".deleted_ms UNION SELECT up.* FROM kin CROSS JOIN LATERAL ",
            up!($repository, $time),
            " up)"
        )
    };
}

/// Whether the manifest is kept at a time, by itself or by an ancestor, or has more than 1,000 ancestors. It must not have been dead
/// at that time; pins count from now.
///
/// A manifest is visible if it is undeleted and kept now, and retained if it was not dead at the start of the window and is kept
/// since then. The direct tests come first, and decide nearly always. The walk ends with the first row that is kept by itself, or with
/// the row behind 1,000 ancestors.
macro_rules! kept {
    ($repository:literal, $manifest:literal, $time:literal, $now:literal) => {
        concat!(
            "(",
            supported!($repository, $manifest, $time, $now),
            " OR EXISTS (",
            kin!($repository, $manifest, $time),
            " SELECT 1 FROM (SELECT kin.*, row_number() OVER () AS place FROM kin LIMIT 1002) near",
            " WHERE near.place = 1002 OR near.place > 1 AND ",
            supported!($repository, "near", $time, $now),
            "))"
        )
    };
}

/// The same for one manifest that is asked for often: it is nearly always kept by itself. Only where it is not a function looks at its kin, so
/// that the plan of that is not set up for each question.
macro_rules! kept_by_function {
    ($repository:literal, $manifest:literal, $time:literal, $now:literal) => {
        concat!(
            "(",
            supported!($repository, $manifest, $time, $now),
            " OR manifest_kept_by_kin_1(",
            $repository,
            ", ",
            $manifest,
            ".id, ",
            $manifest,
            ".digest, ",
            $time,
            ", ",
            $now,
            "))"
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
            " OR EXISTS (SELECT 1 FROM manifest_blob l JOIN manifest lm ON lm.repository_id = l.repository_id AND lm.id = l.manifest_id",
            " WHERE l.repository_id = ",
            $access,
            ".repository_id AND l.digest = ",
            $access,
            ".digest AND lm.deleted_ms IS NULL OFFSET 0))"
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
            " AND NOT EXISTS (SELECT 1 FROM manifest_blob other WHERE other.repository_id = ",
            $access,
            ".repository_id AND other.digest = ",
            $access,
            ".digest AND other.manifest_id NOT IN (SELECT id FROM purged) OFFSET 0))"
        )
    };
}
