-- Repositories, uploads and mounts: what these writes do, each one call. A call is one transaction, and each of its statements sees
-- what is committed when it begins, so what is read after a lock is what the lock protects.

-- Under a stricter isolation a statement would see what was there before the lock, so nothing is written there.
CREATE FUNCTION read_committed_1() RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'writes need the isolation READ COMMITTED, not %', upper(current_setting('transaction_isolation'));
    END IF;
END
$$;

-- The repository of that name, under its shared lock and as it is under it; none if there is none. Whoever removes a repository's
-- rows has the lock alone, so nothing is added to one whose rows are gone.
CREATE FUNCTION repository_shared_1(of_name TEXT, OUT here BIGINT, OUT repository_state SMALLINT)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM read_committed_1();
    LOOP
        SELECT r.id INTO here FROM repository r WHERE r.name = of_name AND r.state <> 2;
        IF NOT FOUND THEN
            RETURN;
        END IF;
        PERFORM pg_advisory_xact_lock_shared(here);
        SELECT r.state INTO repository_state FROM repository r WHERE r.id = here AND r.state <> 2;
        -- It went meanwhile; there may be another one of that name.
        EXIT WHEN FOUND;
    END LOOP;
END
$$;

-- The same under the lock that excludes all others, for which a caller waits for a while: false if it was not had.
CREATE FUNCTION repository_alone_1(of_name TEXT, patience TEXT, OUT had BOOLEAN, OUT here BIGINT, OUT repository_state SMALLINT)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM read_committed_1();
    had := true;
    PERFORM set_config('lock_timeout', patience, true);
    LOOP
        SELECT r.id INTO here FROM repository r WHERE r.name = of_name AND r.state <> 2;
        IF NOT FOUND THEN
            RETURN;
        END IF;
        BEGIN
            PERFORM pg_advisory_xact_lock(here);
        EXCEPTION WHEN lock_not_available THEN
            had := false;
            RETURN;
        END;
        SELECT r.state INTO repository_state FROM repository r WHERE r.id = here AND r.state <> 2;
        EXIT WHEN FOUND;
    END LOOP;
END
$$;

-- Puts locations into the trash, but for those that a blob row or a part of an upload names: a call that is repeated after its
-- answer was lost must not throw away what it stored the first time.
CREATE FUNCTION discard_1(locations TEXT[]) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO trash (location, not_before_ms)
    SELECT DISTINCT l.location COLLATE "C", 0 FROM unnest(locations) l (location)
    WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.location = l.location)
        AND NOT EXISTS (SELECT 1 FROM upload_part p WHERE p.location = l.location)
    ORDER BY 1
    ON CONFLICT DO NOTHING;
END
$$;

-- An upload that goes takes its parts along, and a part that goes is trash, unless it is a blob.
CREATE FUNCTION upload_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM upload_part p USING gone WHERE p.repository_id = gone.repository_id AND p.upload_id = gone.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER upload_removed AFTER DELETE ON upload
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION upload_removed();

CREATE FUNCTION upload_part_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO trash (location, not_before_ms)
    SELECT gone.location, 0 FROM gone WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.location = gone.location)
    ORDER BY 1
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER upload_part_removed AFTER DELETE ON upload_part
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION upload_part_removed();

-- What is named again is no trash, though it had been given up.
CREATE FUNCTION location_named() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM trash t USING named WHERE t.location = named.location;
    RETURN NULL;
END
$$;

CREATE TRIGGER upload_part_added AFTER INSERT ON upload_part
REFERENCING NEW TABLE AS named FOR EACH STATEMENT EXECUTE FUNCTION location_named();

CREATE TRIGGER blob_added AFTER INSERT ON blob
REFERENCING NEW TABLE AS named FOR EACH STATEMENT EXECUTE FUNCTION location_named();

-- Opens an upload. 0 done, 1 no such repository, 2 the repository takes no writes.
CREATE FUNCTION upload_begin_1(ask_repository TEXT, ask_id BYTEA, ask_hash_state BYTEA, ask_visibility SMALLINT, ask_now BIGINT,
    ask_expires BIGINT, ask_actor TEXT) RETURNS SMALLINT LANGUAGE plpgsql AS $$
DECLARE
    place RECORD;
BEGIN
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
CREATE FUNCTION upload_publish_1(ask_repository TEXT, ask_id BYTEA, ask_from BIGINT, ask_to BIGINT, ask_hash_state BYTEA,
    ask_expires BIGINT, ask_now BIGINT, ask_size BIGINT, ask_location TEXT, OUT outcome SMALLINT, OUT found_offset BIGINT)
LANGUAGE plpgsql AS $$
DECLARE
    place RECORD;
    found_digest BYTEA;
BEGIN
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
-- no writes. What is not kept is trash.
CREATE FUNCTION upload_finish_1(ask_repository TEXT, ask_id BYTEA, ask_from BIGINT, ask_part TEXT, ask_sealed TEXT, ask_digest BYTEA,
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
    PERFORM discard_1(array_remove(ARRAY[ask_part, ask_sealed], NULL));
END
$$;

-- Drops an upload with its parts. 0 done, 1 another offset, 2 no such upload. A finished one has nothing left to drop.
CREATE FUNCTION upload_cancel_1(ask_repository TEXT, ask_id BYTEA, ask_from BIGINT, ask_now BIGINT, ask_unpublished TEXT[],
    OUT outcome SMALLINT, OUT found_offset BIGINT) LANGUAGE plpgsql AS $$
DECLARE
    here BIGINT;
    found_digest BYTEA;
BEGIN
    SELECT r.id INTO here FROM repository r WHERE r.name = ask_repository AND r.state <> 2;
    DELETE FROM upload u
    WHERE u.repository_id = here AND u.id = ask_id AND u.finished_digest IS NULL AND u.expires_ms > ask_now
        AND (ask_from IS NULL OR u."offset" = ask_from);
    outcome := CASE WHEN FOUND THEN 0 ELSE 2 END;
    PERFORM discard_1(ask_unpublished);
    IF outcome = 2 THEN
        SELECT u."offset", u.finished_digest INTO found_offset, found_digest
        FROM upload u WHERE u.repository_id = here AND u.id = ask_id AND u.expires_ms > ask_now;
        IF FOUND AND found_digest IS NULL THEN
            outcome := 1;
        END IF;
    END IF;
END
$$;

-- Gives a repository access to a blob that another one has: `ask_source` if it is named, else any in the scope. 0 done, 1 no source
-- grants access, 2 no such repository, 3 the repository takes no writes.
CREATE FUNCTION mount_1(ask_repository TEXT, ask_digest BYTEA, ask_lease_until BIGINT, ask_visibility SMALLINT, ask_now BIGINT,
    ask_source TEXT, scope_everything BOOLEAN, scope_public BOOLEAN, scope_starts TEXT[], scope_stops TEXT[],
    OUT outcome SMALLINT, OUT found_size BIGINT, OUT found_location TEXT) LANGUAGE plpgsql AS $$
DECLARE
    place RECORD;
BEGIN
    LOOP
        SELECT * INTO place FROM repository_shared_1(ask_repository);
        IF place.here IS NULL AND ask_visibility IS NULL THEN
            outcome := 2;
            RETURN;
        ELSIF place.repository_state <> 0 THEN
            outcome := 3;
            RETURN;
        END IF;
        IF ask_source IS NOT NULL THEN
            SELECT b.size, b.location INTO found_size, found_location
            FROM repository s JOIN repository_blob b ON b.repository_id = s.id
            WHERE s.name = ask_source AND s.state <> 2 AND b.digest = ask_digest
                AND access_granted_1(b.repository_id, b.digest, b.lease_until_ms, ask_now);
        ELSE
            SELECT b.size, b.location INTO found_size, found_location
            FROM repository_blob b JOIN repository s ON s.id = b.repository_id
            WHERE b.digest = ask_digest AND s.state <> 2
                AND (scope_everything OR (scope_public AND s.visibility = 0) OR EXISTS (
                    SELECT 1 FROM unnest(scope_starts, scope_stops) span (start, stop)
                    WHERE s.name >= span.start COLLATE "C" AND s.name < span.stop COLLATE "C"))
                AND access_granted_1(b.repository_id, b.digest, b.lease_until_ms, ask_now)
            LIMIT 1;
        END IF;
        IF NOT FOUND THEN
            outcome := 1;
            RETURN;
        END IF;
        -- The blob row before the access row, as a finish locks them; while this lasts nobody removes it.
        PERFORM 1 FROM blob b WHERE b.digest = ask_digest AND b.location = found_location FOR KEY SHARE;
        CONTINUE WHEN NOT FOUND;
        EXIT WHEN place.here IS NOT NULL;
        -- Nothing is refused from here on, so the repository may be made; if somebody else made it, all is asked again.
        INSERT INTO repository (name, visibility, state, created_ms) VALUES (ask_repository, ask_visibility, 0, ask_now)
        ON CONFLICT (name) WHERE state <> 2 DO NOTHING RETURNING id INTO place.here;
        EXIT WHEN FOUND;
    END LOOP;
    -- A second mount prolongs the lease.
    INSERT INTO repository_blob AS b (repository_id, digest, size, location, lease_until_ms)
    VALUES (place.here, ask_digest, found_size, found_location, ask_lease_until)
    ON CONFLICT (repository_id, digest) DO UPDATE SET lease_until_ms = greatest(b.lease_until_ms, excluded.lease_until_ms)
    RETURNING b.size, b.location INTO found_size, found_location;
    outcome := 0;
END
$$;

-- Takes access to a blob away. 0 done, 1 there was none, 2 an undeleted manifest links it, 3 the repository takes no writes, 4 pushes
-- were in the way for too long.
CREATE FUNCTION access_remove_1(ask_repository TEXT, ask_digest BYTEA, ask_now BIGINT) RETURNS SMALLINT LANGUAGE plpgsql AS $$
DECLARE
    place RECORD;
    lease BIGINT;
BEGIN
    SELECT * INTO place FROM repository_alone_1(ask_repository, '5s');
    IF NOT place.had THEN
        RETURN 4;
    ELSIF place.here IS NULL THEN
        RETURN 1;
    ELSIF place.repository_state <> 0 THEN
        RETURN 3;
    END IF;
    SELECT b.lease_until_ms INTO lease FROM repository_blob b
    WHERE b.repository_id = place.here AND b.digest = ask_digest FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 1;
    ELSIF access_granted_1(place.here, ask_digest, 0, 0) THEN
        RETURN 2;
    ELSIF lease <= ask_now THEN
        -- A row whose lease is over grants nothing.
        RETURN 1;
    END IF;
    DELETE FROM repository_blob b WHERE b.repository_id = place.here AND b.digest = ask_digest;
    RETURN 0;
END
$$;
