-- The steps of sweeps. Each takes the keys of rows that were seen to have to go, and removes those of them that still have to, under the
-- lock that keeps pushes out.

-- The lock of a repository alone, for a sweep: at once, or after a short wait, during which the pushes that come later wait too. So a
-- busy repository cannot starve collection, and collection cannot hold a busy repository up.
CREATE FUNCTION repository_try_1(here BIGINT, may_wait BOOLEAN) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
DECLARE
    others TEXT := current_setting('lock_timeout');
BEGIN
    PERFORM read_committed_1();
    IF pg_try_advisory_xact_lock(here) THEN
        RETURN true;
    ELSIF NOT may_wait THEN
        RETURN false;
    END IF;
    PERFORM set_config('lock_timeout', '100ms', true);
    BEGIN
        PERFORM pg_advisory_xact_lock(here);
    EXCEPTION WHEN lock_not_available THEN
        PERFORM set_config('lock_timeout', others, true);
        RETURN false;
    END;
    -- The rows that follow are waited for as long as ever.
    PERFORM set_config('lock_timeout', others, true);
    RETURN true;
END
$$;

-- The repositories of these whose locks were had, in order. Only one of them is waited for, so that a step stays short.
CREATE FUNCTION repositories_try_1(ids BIGINT[]) RETURNS BIGINT[] LANGUAGE plpgsql AS $$
DECLARE
    had BIGINT[] := '{}';
    may_wait BOOLEAN := true;
    id BIGINT;
BEGIN
    FOR id IN SELECT DISTINCT i.id FROM unnest(ids) i (id) ORDER BY i.id LOOP
        IF repository_try_1(id, may_wait) THEN
            had := had || id;
        ELSE
            may_wait := false;
        END IF;
    END LOOP;
    RETURN had;
END
$$;

-- Intervals that ended by the start of the window: rows of tags that expired, and history. A tag's row that goes becomes history by
-- trigger, so that every interval goes by the second statement.
CREATE FUNCTION sweep_history_1(repositories BIGINT[], names TEXT[], starts BIGINT[], window_ms BIGINT,
    OUT removed BIGINT, OUT is_busy BOOLEAN) LANGUAGE plpgsql AS $$
DECLARE
    had BIGINT[] := repositories_try_1(repositories);
BEGIN
    DELETE FROM tag t USING unnest(repositories, names, starts) k (repository_id, name, start_ms)
    WHERE k.repository_id = ANY (had) AND t.repository_id = k.repository_id AND t.name = k.name AND t.start_ms = k.start_ms
        AND t.expires_ms <= window_ms;
    DELETE FROM tag_history h USING unnest(repositories, names, starts) k (repository_id, name, start_ms)
    WHERE k.repository_id = ANY (had) AND h.repository_id = k.repository_id AND h.name = k.name AND h.start_ms = k.start_ms
        AND h.end_ms <= window_ms;
    GET DIAGNOSTICS removed = ROW_COUNT;
    is_busy := NOT repositories <@ had;
END
$$;

-- Manifests that are not retained. What hangs on them goes by trigger.
CREATE FUNCTION sweep_manifests_1(repositories BIGINT[], ids BIGINT[], window_ms BIGINT, now_ms BIGINT,
    OUT removed BIGINT, OUT is_busy BOOLEAN) LANGUAGE plpgsql AS $$
DECLARE
    had BIGINT[] := repositories_try_1(repositories);
BEGIN
    DELETE FROM manifest m USING unnest(repositories, ids) k (repository_id, id)
    WHERE k.repository_id = ANY (had) AND m.repository_id = k.repository_id AND m.id = k.id
        AND NOT manifest_retained_1(m.repository_id, m.id, m.deleted_ms, window_ms, now_ms);
    GET DIAGNOSTICS removed = ROW_COUNT;
    is_busy := NOT repositories <@ had;
END
$$;

-- Legacy images that no manifest row has, nor one above them.
CREATE FUNCTION sweep_legacy_images_1(repositories BIGINT[], ids TEXT[], OUT removed BIGINT, OUT is_busy BOOLEAN)
LANGUAGE plpgsql AS $$
DECLARE
    had BIGINT[] := repositories_try_1(repositories);
BEGIN
    DELETE FROM legacy_image i USING unnest(repositories, ids) k (repository_id, id)
    WHERE k.repository_id = ANY (had) AND i.repository_id = k.repository_id AND i.v1_id = k.id
        AND NOT legacy_image_held_1(i.repository_id, i.v1_id, '{}');
    GET DIAGNOSTICS removed = ROW_COUNT;
    is_busy := NOT repositories <@ had;
END
$$;

-- Access rows whose lease ended by then and whose blob no manifest row, deleted or not, links.
CREATE FUNCTION sweep_access_1(repositories BIGINT[], digests BYTEA[], lease_ms BIGINT, OUT removed BIGINT, OUT is_busy BOOLEAN)
LANGUAGE plpgsql AS $$
DECLARE
    had BIGINT[] := repositories_try_1(repositories);
BEGIN
    DELETE FROM repository_blob b USING unnest(repositories, digests) k (repository_id, digest)
    WHERE k.repository_id = ANY (had) AND b.repository_id = k.repository_id AND b.digest = k.digest AND b.lease_until_ms <= lease_ms
        AND NOT EXISTS (SELECT 1 FROM manifest_blob l WHERE l.repository_id = b.repository_id AND l.digest = b.digest);
    GET DIAGNOSTICS removed = ROW_COUNT;
    is_busy := NOT repositories <@ had;
END
$$;

-- Blobs to which nobody has access. Their locations go into the trash by trigger. A row that a mount or a finish has locked is left to
-- them; the next statement sees what they did before.
CREATE FUNCTION sweep_blobs_1(digests BYTEA[], OUT removed BIGINT, OUT is_busy BOOLEAN) LANGUAGE plpgsql AS $$
DECLARE
    locked BYTEA[];
BEGIN
    locked := ARRAY(SELECT b.digest FROM blob b WHERE b.digest = ANY (digests) ORDER BY b.digest FOR UPDATE SKIP LOCKED);
    DELETE FROM blob b WHERE b.digest = ANY (locked) AND NOT EXISTS (SELECT 1 FROM repository_blob a WHERE a.digest = b.digest);
    GET DIAGNOSTICS removed = ROW_COUNT;
    is_busy := EXISTS (SELECT 1 FROM blob b WHERE b.digest = ANY (digests) AND b.digest <> ALL (locked));
END
$$;

-- Rows of a repository that is being deleted, at most so many; its own goes last, and only then nothing is left.
CREATE FUNCTION sweep_repository_1(here BIGINT, most BIGINT, OUT removed BIGINT, OUT is_busy BOOLEAN, OUT is_done BOOLEAN)
LANGUAGE plpgsql AS $$
DECLARE
    count BIGINT;
BEGIN
    removed := 0;
    is_busy := NOT repository_try_1(here, true);
    is_done := false;
    IF is_busy THEN
        RETURN;
    END IF;
    -- An array rather than a join, for which all rows of the repository might be read. The last intervals of tags become history by
    -- trigger.
    UPDATE tag t SET expires_ms = t.start_ms
    WHERE t.repository_id = here AND t.name = ANY (ARRAY(SELECT x.name FROM tag x WHERE x.repository_id = here ORDER BY x.name LIMIT most));
    DELETE FROM tag t
    WHERE t.repository_id = here AND t.name = ANY (ARRAY(SELECT x.name FROM tag x WHERE x.repository_id = here ORDER BY x.name LIMIT most));
    DELETE FROM tag_history h
    WHERE h.repository_id = here AND (h.name, h.start_ms) IN (
        SELECT x.name, x.start_ms FROM tag_history x WHERE x.repository_id = here ORDER BY x.name, x.start_ms LIMIT most);
    GET DIAGNOSTICS count = ROW_COUNT;
    removed := removed + count;
    -- What hangs on manifests goes by trigger.
    DELETE FROM manifest m
    WHERE m.repository_id = here AND m.id = ANY (ARRAY(
        SELECT x.id FROM manifest x WHERE x.repository_id = here ORDER BY x.id LIMIT most - removed));
    GET DIAGNOSTICS count = ROW_COUNT;
    removed := removed + count;
    DELETE FROM legacy_image i
    WHERE i.repository_id = here AND i.v1_id = ANY (ARRAY(
        SELECT x.v1_id FROM legacy_image x WHERE x.repository_id = here ORDER BY x.v1_id LIMIT most - removed));
    GET DIAGNOSTICS count = ROW_COUNT;
    removed := removed + count;
    DELETE FROM repository_blob b
    WHERE b.repository_id = here AND b.digest = ANY (ARRAY(
        SELECT x.digest FROM repository_blob x WHERE x.repository_id = here ORDER BY x.digest LIMIT most - removed));
    GET DIAGNOSTICS count = ROW_COUNT;
    removed := removed + count;
    -- The parts of uploads go into the trash by trigger.
    DELETE FROM upload u
    WHERE u.repository_id = here AND u.id = ANY (ARRAY(
        SELECT x.id FROM upload x WHERE x.repository_id = here ORDER BY x.id LIMIT most - removed));
    GET DIAGNOSTICS count = ROW_COUNT;
    removed := removed + count;
    IF removed < most THEN
        -- Each of them found fewer rows than it might have removed, so none is left.
        DELETE FROM repository r WHERE r.id = here AND r.state = 2;
        GET DIAGNOSTICS count = ROW_COUNT;
        removed := removed + count;
        is_done := true;
    END IF;
END
$$;

-- Uploads that have expired, finished or not. Their parts go into the trash by trigger. One that is being finished is left to that.
CREATE FUNCTION sweep_uploads_1(most BIGINT, now_ms BIGINT, OUT removed BIGINT, OUT more BOOLEAN) LANGUAGE plpgsql AS $$
BEGIN
    WITH doomed AS MATERIALIZED (
        SELECT u.repository_id, u.id FROM upload u WHERE u.expires_ms <= now_ms ORDER BY u.expires_ms LIMIT most FOR UPDATE SKIP LOCKED)
    DELETE FROM upload u USING doomed WHERE u.repository_id = doomed.repository_id AND u.id = doomed.id;
    GET DIAGNOSTICS removed = ROW_COUNT;
    more := removed = most AND EXISTS (SELECT 1 FROM upload u WHERE u.expires_ms <= now_ms);
END
$$;
