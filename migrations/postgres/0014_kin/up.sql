-- Whether a manifest that is not kept by itself is kept by its kin, for a lookup that is asked often and needs this seldom.

-- Nearly always it is, by one of the few indexes that list it; else it is walked for. It must not have been dead at that time, as for
-- `manifest_kept_1`, which the answer is that of. A parent is asked for as a range of one id (see 0012).
CREATE FUNCTION manifest_kept_by_kin_1(here BIGINT, of_manifest BIGINT, of_digest BYTEA, since BIGINT, now_ms BIGINT) RETURNS BOOLEAN
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM (
            SELECT parent.id, parent.pinned_until_ms, parent.deleted_ms
            FROM manifest_child c CROSS JOIN LATERAL (
                SELECT m.id, m.pinned_until_ms, m.deleted_ms FROM manifest m
                WHERE m.repository_id = here AND m.id >= c.manifest_id AND m.id <= c.manifest_id ORDER BY m.id LIMIT 1) parent
            WHERE c.repository_id = here AND c.digest = of_digest AND (parent.deleted_ms IS NULL OR parent.deleted_ms > since)
            LIMIT 16) near
        WHERE near.pinned_until_ms > now_ms OR near.deleted_ms IS NOT NULL
            OR EXISTS (SELECT 1 FROM tag t
                WHERE t.repository_id = here AND t.manifest_id = near.id AND t.expires_ms > since OFFSET 0)
            OR EXISTS (SELECT 1 FROM tag_history h
                WHERE h.repository_id = here AND h.manifest_id = near.id AND h.end_ms > since OFFSET 0)
    ) THEN
        RETURN true;
    END IF;
    RETURN manifest_kept_1(here, of_manifest, since, now_ms);
END
$$;
