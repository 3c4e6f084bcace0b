-- Uploads under way need not outlast a crash of the server: whoever is told 202 begins anew, or goes on from what is there. What is
-- told 201 waits for the disk, and with it for all that was committed before. The functions of 0003 that these replace, upload_begin_1,
-- upload_publish_1 and upload_finish_1, are called by the previous release.

-- The commit of this transaction is answered before it is on the disk.
CREATE FUNCTION unsynced_1() RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
END
$$;

-- Opens an upload. 0 done, 1 no such repository, 2 the repository takes no writes.
CREATE FUNCTION upload_begin_2(ask_repository TEXT, ask_id BYTEA, ask_hash_state BYTEA, ask_visibility SMALLINT, ask_now BIGINT,
    ask_expires BIGINT, ask_actor TEXT) RETURNS SMALLINT LANGUAGE plpgsql AS $$
DECLARE
    place RECORD;
BEGIN
    PERFORM unsynced_1();
    LOOP
        SELECT * INTO place FROM repository_shared_1(ask_repository);
        EXIT WHEN place.here IS NOT NULL;
        IF ask_visibility IS NULL THEN
            RETURN 1;
        END IF;
        -- Of several who make it, one does; the others find it.
        INSERT INTO repository (name, visibility, state, created_ms) VALUES (ask_repository, ask_visibility, 0, ask_now)
        ON CONFLICT (name) WHERE state <> 2 DO NOTHING;
    END LOOP;
    IF place.repository_state <> 0 THEN
        RETURN 2;
    END IF;
    INSERT INTO upload (repository_id, id, "offset", hash_state, created_ms, expires_ms, actor)
    VALUES (place.here, ask_id, 0, ask_hash_state, ask_now, ask_expires, ask_actor)
    -- Ids are drawn at random, so this is the same call, whose first answer was lost.
    ON CONFLICT (repository_id, id) DO NOTHING;
    RETURN 0;
END
$$;

-- Appends a part. 0 done, 1 another offset, 2 no such upload, 3 the repository takes no writes.
CREATE FUNCTION upload_publish_2(ask_repository TEXT, ask_id BYTEA, ask_from BIGINT, ask_to BIGINT, ask_hash_state BYTEA,
    ask_expires BIGINT, ask_now BIGINT, ask_size BIGINT, ask_location TEXT, OUT outcome SMALLINT, OUT found_offset BIGINT)
LANGUAGE plpgsql AS $$
DECLARE
    place RECORD;
    found_digest BYTEA;
BEGIN
    PERFORM unsynced_1();
    SELECT * INTO place FROM repository_shared_1(ask_repository);
    IF place.repository_state = 0 THEN
        -- The compare-and-set: of several that start at one offset, one finds it.
        UPDATE upload u SET "offset" = ask_to, hash_state = ask_hash_state, expires_ms = ask_expires
        WHERE u.repository_id = place.here AND u.id = ask_id AND u."offset" = ask_from AND u.finished_digest IS NULL
            AND u.expires_ms > ask_now;
        IF FOUND THEN
            INSERT INTO upload_part (repository_id, upload_id, position, size, location)
            SELECT place.here, ask_id, coalesce(max(p.position) + 1, 0), ask_size, ask_location
            FROM upload_part p WHERE p.repository_id = place.here AND p.upload_id = ask_id;
            outcome := 0;
            RETURN;
        END IF;
    END IF;
    PERFORM discard_1(ARRAY[ask_location]);
    SELECT u."offset", u.finished_digest INTO found_offset, found_digest
    FROM upload u WHERE u.repository_id = place.here AND u.id = ask_id AND u.expires_ms > ask_now;
    outcome := CASE WHEN NOT FOUND OR found_digest IS NOT NULL THEN 2 WHEN place.repository_state = 0 THEN 1 ELSE 3 END;
END
$$;

-- Makes the blob of an upload. 0 done, 1 done before, 2 another offset, 3 no such upload, 4 no such repository, 5 the repository takes
-- no writes. A copy that is not kept is trash.
CREATE FUNCTION upload_finish_2(ask_repository TEXT, ask_id BYTEA, ask_from BIGINT, ask_sealed TEXT, ask_digest BYTEA,
    ask_size BIGINT, ask_lease_until BIGINT, ask_now BIGINT,
    OUT outcome SMALLINT, OUT found_offset BIGINT, OUT found_size BIGINT, OUT found_location TEXT)
LANGUAGE plpgsql AS $$
DECLARE
    place RECORD;
    found_digest BYTEA;
BEGIN
    SELECT * INTO place FROM repository_shared_1(ask_repository);
    -- The compare-and-set is this row lock with what it finds: who comes later waits, and finds the upload finished.
    SELECT u."offset", u.finished_digest, u.finished_size, u.finished_location
    INTO found_offset, found_digest, found_size, found_location
    FROM upload u WHERE u.repository_id = place.here AND u.id = ask_id AND u.expires_ms > ask_now FOR NO KEY UPDATE;
    outcome := CASE
        WHEN place.here IS NULL THEN 4
        WHEN NOT FOUND THEN 3
        WHEN found_digest = ask_digest THEN 1
        WHEN found_digest IS NOT NULL THEN 3
        WHEN place.repository_state <> 0 THEN 5
        WHEN found_offset <> ask_from THEN 2
        ELSE 0
    END;
    IF outcome = 0 THEN
        LOOP
            -- The blob row before the access row, as a mount locks them; while this lasts nobody removes it.
            SELECT b.size, b.location INTO found_size, found_location FROM blob b WHERE b.digest = ask_digest FOR KEY SHARE;
            EXIT WHEN FOUND;
            INSERT INTO blob (digest, size, location) VALUES (ask_digest, ask_size, ask_sealed) ON CONFLICT DO NOTHING;
        END LOOP;
        UPDATE upload u SET "offset" = ask_size, finished_digest = ask_digest, finished_size = found_size,
            finished_location = found_location, lease_until_ms = ask_lease_until
        WHERE u.repository_id = place.here AND u.id = ask_id;
        INSERT INTO repository_blob AS b (repository_id, digest, size, location, lease_until_ms)
        VALUES (place.here, ask_digest, found_size, found_location, ask_lease_until)
        ON CONFLICT (repository_id, digest) DO UPDATE SET lease_until_ms = greatest(b.lease_until_ms, excluded.lease_until_ms);
        DELETE FROM upload_part p WHERE p.repository_id = place.here AND p.upload_id = ask_id;
    END IF;
    IF outcome <> 0 OR found_location <> ask_sealed THEN
        PERFORM discard_1(ARRAY[ask_sealed]);
    END IF;
END
$$;
