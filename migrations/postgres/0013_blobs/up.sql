-- Uploads and mounts in few statements, for the reasons of 0012.
--
-- `upload_begin_3`, `upload_finish_3` and `mount_2` do what nearly all of their calls are for, and hand the others, before they write anything, to
-- the functions that they replace, which find what is in the way, or make the repository first. Locks and their order stay. Only the
-- release before this migration calls those directly, and `discard_1`.

-- Opens an upload. The outcomes are those of `upload_begin_2`.
CREATE FUNCTION upload_begin_3(ask_repository TEXT, ask_id BYTEA, ask_hash_state BYTEA, ask_visibility SMALLINT, ask_now BIGINT,
    ask_expires BIGINT, ask_actor TEXT) RETURNS SMALLINT LANGUAGE plpgsql AS $$
DECLARE
    here BIGINT;
BEGIN
    SELECT r.id INTO here FROM repository r WHERE r.name = ask_repository AND r.state <> 2;
    IF FOUND AND current_setting('transaction_isolation') = 'read committed' THEN
        -- The commit of this transaction is answered before it is on the disk.
        PERFORM set_config('synchronous_commit', 'off', true), pg_advisory_xact_lock_shared(here);
        INSERT INTO upload (repository_id, id, "offset", hash_state, created_ms, expires_ms, actor)
        SELECT r.id, ask_id, 0, ask_hash_state, ask_now, ask_expires, ask_actor FROM repository r WHERE r.id = here AND r.state = 0
        ON CONFLICT (repository_id, id) DO NOTHING;
        IF FOUND THEN
            RETURN 0;
        END IF;
    END IF;
    RETURN upload_begin_2(ask_repository, ask_id, ask_hash_state, ask_visibility, ask_now, ask_expires, ask_actor);
END
$$;

-- Makes the blob of an upload. The outcomes are those of `upload_finish_2`.
CREATE FUNCTION upload_finish_3(ask_repository TEXT, ask_id BYTEA, ask_from BIGINT, ask_sealed TEXT, ask_digest BYTEA,
    ask_size BIGINT, ask_lease_until BIGINT, ask_now BIGINT,
    OUT outcome SMALLINT, OUT found_offset BIGINT, OUT found_size BIGINT, OUT found_location TEXT)
LANGUAGE plpgsql AS $$
DECLARE
    here BIGINT;
    has_parts BOOLEAN;
BEGIN
    SELECT r.id INTO here FROM repository r WHERE r.name = ask_repository AND r.state <> 2;
    IF FOUND AND current_setting('transaction_isolation') = 'read committed' THEN
        PERFORM pg_advisory_xact_lock_shared(here);
        -- The compare-and-set is this row lock with what it finds: who comes later waits, and finds the upload finished.
        SELECT u."offset" INTO found_offset FROM repository r CROSS JOIN upload u
        WHERE r.id = here AND r.state = 0 AND u.repository_id = here AND u.id = ask_id AND u.expires_ms > ask_now AND u.finished_digest IS NULL AND u."offset" = ask_from
        FOR NO KEY UPDATE OF u;
    END IF;
    IF found_offset IS NULL THEN
        SELECT f.* INTO outcome, found_offset, found_size, found_location
        FROM upload_finish_2(ask_repository, ask_id, ask_from, ask_sealed, ask_digest, ask_size, ask_lease_until, ask_now) f;
        RETURN;
    END IF;
    -- The blob row before the access row, as a mount locks them; while this lasts nobody removes it.
    LOOP
        INSERT INTO blob (digest, size, location) VALUES (ask_digest, ask_size, ask_sealed) ON CONFLICT DO NOTHING
        RETURNING size, location INTO found_size, found_location;
        EXIT WHEN FOUND;
        SELECT b.size, b.location INTO found_size, found_location FROM blob b WHERE b.digest = ask_digest FOR KEY SHARE;
        EXIT WHEN FOUND;
    END LOOP;
    UPDATE upload u SET "offset" = ask_size, finished_digest = ask_digest, finished_size = found_size,
        finished_location = found_location, lease_until_ms = ask_lease_until
    WHERE u.repository_id = here AND u.id = ask_id
    RETURNING EXISTS (SELECT 1 FROM upload_part p WHERE p.repository_id = here AND p.upload_id = ask_id) INTO has_parts;
    INSERT INTO repository_blob AS b (repository_id, digest, size, location, lease_until_ms)
    VALUES (here, ask_digest, found_size, found_location, ask_lease_until)
    ON CONFLICT (repository_id, digest) DO UPDATE SET lease_until_ms = greatest(b.lease_until_ms, excluded.lease_until_ms);
    IF has_parts THEN
        DELETE FROM upload_part p WHERE p.repository_id = here AND p.upload_id = ask_id;
    END IF;
    -- A copy that is not kept is trash.
    IF found_location <> ask_sealed THEN
        PERFORM discard_2(ARRAY[ask_sealed]);
    END IF;
    outcome := 0;
END
$$;

-- Gives a repository access to a blob that another one has. The outcomes are those of `mount_1`.
CREATE FUNCTION mount_2(ask_repository TEXT, ask_digest BYTEA, ask_lease_until BIGINT, ask_visibility SMALLINT, ask_now BIGINT,
    ask_source TEXT, scope_everything BOOLEAN, scope_public BOOLEAN, scope_starts TEXT[], scope_stops TEXT[],
    OUT outcome SMALLINT, OUT found_size BIGINT, OUT found_location TEXT) LANGUAGE plpgsql AS $$
DECLARE
    here BIGINT;
BEGIN
    IF ask_source IS NOT NULL AND current_setting('transaction_isolation') = 'read committed' THEN
        SELECT r.id INTO here FROM repository r WHERE r.name = ask_repository AND r.state <> 2;
        IF FOUND THEN
            PERFORM pg_advisory_xact_lock_shared(here);
            -- The blob row is locked before the access row, as a finish locks them; while this lasts nobody removes it.
            SELECT b.size, b.location INTO found_size, found_location
            FROM repository r
            CROSS JOIN (SELECT s.id FROM repository s WHERE s.name = ask_source AND s.state <> 2 OFFSET 0) s
            CROSS JOIN LATERAL (
                SELECT a.location FROM repository_blob a WHERE a.repository_id = s.id AND a.digest = ask_digest
                    AND (a.lease_until_ms > ask_now OR EXISTS (
                        SELECT 1 FROM manifest_blob l JOIN manifest m ON m.repository_id = l.repository_id AND m.id = l.manifest_id
                        WHERE l.repository_id = s.id AND l.digest = ask_digest AND m.deleted_ms IS NULL OFFSET 0))
                OFFSET 0) a
            JOIN blob b ON b.digest = ask_digest AND b.location = a.location
            WHERE r.id = here AND r.state = 0
            FOR KEY SHARE OF b;
            IF FOUND THEN
                -- A second mount prolongs the lease.
                INSERT INTO repository_blob AS b (repository_id, digest, size, location, lease_until_ms)
                VALUES (here, ask_digest, found_size, found_location, ask_lease_until)
                ON CONFLICT (repository_id, digest) DO UPDATE SET lease_until_ms = greatest(b.lease_until_ms, excluded.lease_until_ms)
                RETURNING b.size, b.location INTO found_size, found_location;
                outcome := 0;
                RETURN;
            END IF;
        END IF;
    END IF;
    SELECT m.* INTO outcome, found_size, found_location
    FROM mount_1(ask_repository, ask_digest, ask_lease_until, ask_visibility, ask_now,
        ask_source, scope_everything, scope_public, scope_starts, scope_stops) m;
END
$$;

-- As before, but the parts of each upload are looked up by their key: how many rows a statement removed the planner does not know, and
-- where it takes them for many it reads all parts. It does the same for every release.
CREATE OR REPLACE FUNCTION upload_removed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one RECORD;
BEGIN
    FOR one IN SELECT g.repository_id, g.id FROM gone g ORDER BY g.repository_id, g.id LOOP
        DELETE FROM upload_part p WHERE p.repository_id = one.repository_id AND p.upload_id = one.id;
    END LOOP;
    RETURN NULL;
END
$$;

-- As before, but each location is looked up by its key. It reads the same for every release.
CREATE OR REPLACE FUNCTION upload_part_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO trash (location, not_before_ms)
    SELECT gone.location, 0 FROM gone WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.location = gone.location OFFSET 0)
    ORDER BY 1
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

-- Puts locations into the trash, as `discard_1` does, looking each up by its key. `upload_publish_2` and `upload_finish_2` call that one, where
-- they do not do what they were to.
CREATE FUNCTION discard_2(locations TEXT[]) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO trash (location, not_before_ms)
    SELECT DISTINCT l.location COLLATE "C", 0 FROM unnest(locations) l (location)
    WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.location = l.location OFFSET 0)
        AND NOT EXISTS (SELECT 1 FROM upload_part p WHERE p.location = l.location OFFSET 0)
    ORDER BY 1
    ON CONFLICT DO NOTHING;
END
$$;
