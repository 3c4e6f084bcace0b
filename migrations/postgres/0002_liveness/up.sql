-- What keeps a manifest, for writes and sweeps (semantics, "How a manifest lives"). The lookups have the same words as fragments of
-- their statements; a test holds the two against each other.
--
-- Functions have the number of their version. Those that only look are STABLE: they see what the statement sees that calls them.

-- Whether the manifest is kept at a time, by itself or by an ancestor, or has more than 1,000 ancestors. It must not have been
-- dead at that time; pins count from now.
CREATE FUNCTION manifest_kept_1(here BIGINT, of_manifest BIGINT, since BIGINT, now_ms BIGINT) RETURNS BOOLEAN
LANGUAGE plpgsql STABLE AS $$
DECLARE
    supported BOOLEAN;
    seen INTEGER := 0;
BEGIN
    -- The direct tests decide nearly always.
    IF EXISTS (SELECT 1 FROM tag t WHERE t.repository_id = here AND t.manifest_id = of_manifest AND t.expires_ms > since) THEN
        RETURN true;
    END IF;
    IF EXISTS (SELECT 1 FROM manifest m WHERE m.repository_id = here AND m.id = of_manifest
        AND (m.pinned_until_ms > now_ms OR m.deleted_ms IS NOT NULL)) THEN
        RETURN true;
    END IF;
    IF EXISTS (SELECT 1 FROM tag_history h WHERE h.repository_id = here AND h.manifest_id = of_manifest AND h.end_ms > since) THEN
        RETURN true;
    END IF;
    -- Up from child to parent and from referrer to subject, through rows that were not dead then. UNION leaves out what was met
    -- before, so a cycle ends; the walk goes on only while its rows are asked for.
    FOR supported IN
        WITH RECURSIVE kin (id, digest, subject, pinned_until_ms, deleted_ms) AS (
            SELECT m.id, m.digest, m.subject, m.pinned_until_ms, m.deleted_ms
            FROM manifest m WHERE m.repository_id = here AND m.id = of_manifest
            UNION
            SELECT up.id, up.digest, up.subject, up.pinned_until_ms, up.deleted_ms
            FROM kin CROSS JOIN LATERAL (
                -- Of the parents as many as a walk can look at, each once, however often it lists the child.
                (SELECT DISTINCT ON (c.manifest_id) p.id, p.digest, p.subject, p.pinned_until_ms, p.deleted_ms
                FROM manifest_child c JOIN manifest p ON p.repository_id = c.repository_id AND p.id = c.manifest_id
                WHERE c.repository_id = here AND c.digest = kin.digest AND (p.deleted_ms IS NULL OR p.deleted_ms > since)
                ORDER BY c.manifest_id LIMIT 1002)
                UNION ALL
                SELECT s.id, s.digest, s.subject, s.pinned_until_ms, s.deleted_ms
                FROM manifest s
                WHERE s.repository_id = here AND s.digest = kin.subject AND (s.deleted_ms IS NULL OR s.deleted_ms > since)
            ) up
        )
        SELECT kin.pinned_until_ms > now_ms OR kin.deleted_ms IS NOT NULL
            -- OFFSET 0 changes no answer, but has the question asked for the row at hand, by an index.
            OR EXISTS (SELECT 1 FROM tag t
                WHERE t.repository_id = here AND t.manifest_id = kin.id AND t.expires_ms > since OFFSET 0)
            OR EXISTS (SELECT 1 FROM tag_history h
                WHERE h.repository_id = here AND h.manifest_id = kin.id AND h.end_ms > since OFFSET 0)
        FROM kin LIMIT 1002
    LOOP
        seen := seen + 1;
        IF supported OR seen > 1001 THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;

-- Whether collection keeps the manifest: it was not dead at that time, and is kept.
CREATE FUNCTION manifest_retained_1(here BIGINT, of_manifest BIGINT, deleted BIGINT, since BIGINT, now_ms BIGINT) RETURNS BOOLEAN
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (deleted IS NULL OR deleted > since) AND manifest_kept_1(here, of_manifest, since, now_ms);
END
$$;

-- Whether a row of `repository_blob` grants access: by its lease, or by an undeleted manifest that links the blob.
CREATE FUNCTION access_granted_1(here BIGINT, of_digest BYTEA, lease BIGINT, now_ms BIGINT) RETURNS BOOLEAN
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN lease > now_ms OR EXISTS (SELECT 1 FROM manifest_blob l JOIN manifest m ON m.repository_id = here AND m.id = l.manifest_id
        WHERE l.repository_id = here AND l.digest = of_digest AND m.deleted_ms IS NULL);
END
$$;

-- Whether a manifest row, deleted or not, has the legacy image or one above it, other than those; or there are more than 1,000 above it.
-- A step finds no more children than a walk can look at, and rows that were met before are not followed again.
CREATE FUNCTION legacy_image_held_1(here BIGINT, of_image TEXT, other_than BIGINT[]) RETURNS BOOLEAN LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        WITH RECURSIVE up (id) AS (
            SELECT of_image COLLATE "C"
            UNION
            SELECT above.v1_id FROM up CROSS JOIN LATERAL (
                SELECT a.v1_id FROM legacy_image a WHERE a.repository_id = here AND a.parent = up.id LIMIT 1002) above
        )
        SELECT 1 FROM (SELECT up.id, row_number() OVER () AS place FROM up LIMIT 1002) near
        -- OFFSET 0 changes no answer, but has the question asked for the row at hand, by an index.
        WHERE near.place = 1002 OR EXISTS (SELECT 1 FROM manifest m
            WHERE m.repository_id = here AND m.legacy_image = near.id AND m.id <> ALL (other_than) OFFSET 0));
END
$$;
