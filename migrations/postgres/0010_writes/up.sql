-- Writes, mended:
--
-- - An id of a legacy image stands for one image: what a plan brings under one that the repository has must be the same image, or the answer is
--   outcome 15 of `applied_1`, which names the ids.
-- - What a plan purges makes nothing visible any more: whether something is listed is judged as if all of it were gone.
-- - A write whose answer is lost is settled under a number that its caller drew, so that it is made once, whatever others do meanwhile.
-- - Trash is written in the order of its keys also where blobs go.
--
-- `plan_check_2`, `manifest_insert_2`, `manifests_purge_2`, `plan_write_2` and `plan_apply_1` are those of 0004 and 0005 (the last was
-- `apply_1`) but for that; locks and their order stay, behind the lock of the write's number. Only the release before this migration calls
-- `plan_check_1`, `manifest_insert_1`, `manifests_purge_1`, `plan_write_1`, `apply_1` and, but from within `access_remove_2`, `access_remove_1`.

CREATE OR REPLACE FUNCTION blob_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO trash (location, not_before_ms) SELECT gone.location, 0 FROM gone ORDER BY gone.location ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

-- What writes answered, under the numbers that their callers drew, where the rows cannot tell later on whether a write was made: somebody else may
-- have made what it removed again. A caller whose answer was lost asks here; a day later nobody does.
CREATE TABLE write_token (
    token BIGINT PRIMARY KEY,
    -- By the clock of the database, the only one that all callers share.
    written_ms BIGINT NOT NULL,
    -- NULL: the caller gave the write up before it was made, and it never is.
    answer JSONB
);

CREATE INDEX write_token_written ON write_token (written_ms);

-- Begins a write. Whoever settles it waits until this transaction is over. A number is negative, so that its lock is never a repository's.
CREATE FUNCTION write_open_1(of_write BIGINT) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    PERFORM read_committed_1();
    PERFORM pg_advisory_xact_lock(of_write);
    PERFORM 1 FROM write_token t WHERE t.token = of_write;
    IF FOUND THEN
        RAISE EXCEPTION 'the write was given up by its caller before it came here';
    END IF;
END
$$;

-- Writes an answer down, and removes some that are older than a day.
CREATE FUNCTION write_note_1(of_write BIGINT, noted JSONB) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    clock BIGINT := extract(epoch FROM clock_timestamp()) * 1000;
BEGIN
    INSERT INTO write_token (token, written_ms, answer) VALUES (of_write, clock, noted) ON CONFLICT DO NOTHING;
    DELETE FROM write_token t WHERE t.token = ANY (ARRAY(
        SELECT o.token FROM write_token o WHERE o.written_ms < clock - 86400000 ORDER BY o.written_ms LIMIT 100 FOR UPDATE SKIP LOCKED));
END
$$;

-- What a write answered whose answer was lost; NULL if it was not made, or left no answer. It may be under way, and is waited for; or it may
-- come yet, and will not be made then.
CREATE FUNCTION write_settle_1(of_write BIGINT) RETURNS JSONB LANGUAGE plpgsql AS $$
BEGIN
    PERFORM read_committed_1();
    PERFORM pg_advisory_xact_lock(of_write);
    PERFORM write_note_1(of_write, NULL);
    RETURN (SELECT t.answer FROM write_token t WHERE t.token = of_write);
END
$$;

-- Ids of the plan's legacy images that the repository has for another blob, on another parent, or with other bytes below it. What else is
-- said of an image may differ.
CREATE FUNCTION images_taken_1(here BIGINT, plan plan_1) RETURNS TEXT[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(
        SELECT i.v1_id FROM unnest(plan.legacy_ids, plan.legacy_parents, plan.legacy_aggregate_sizes, plan.legacy_blobs)
            p (id, parent, aggregate_size, blob)
        -- One at a time by its key, whatever the planner knows of the table: a plan that was made while it was empty would read all of it.
        CROSS JOIN LATERAL (SELECT h.v1_id, h.parent, h.aggregate_size, h.blob FROM legacy_image h
            WHERE h.repository_id = here AND h.v1_id = p.id COLLATE "C" LIMIT 1) i
        WHERE i.blob <> p.blob OR i.parent IS DISTINCT FROM p.parent OR i.aggregate_size IS DISTINCT FROM p.aggregate_size);
END
$$;

-- What can be known before the first row is written, in the order in which every adapter finds it: the manifest, its blobs, its
-- children, its legacy images, each tag, the pin, the labels.
CREATE FUNCTION plan_check_2(here BIGINT, plan plan_1) RETURNS applied_1 LANGUAGE plpgsql STABLE AS $$
DECLARE
    refusal applied_1;
    checked applied_1;
    row_id BIGINT;
    deleted BIGINT;
    taken TEXT[];
BEGIN
    IF plan.manifest IS NOT NULL THEN
        SELECT m.id, m.deleted_ms INTO row_id, deleted FROM manifest m WHERE m.repository_id = here AND m.digest = plan.manifest;
        IF FOUND THEN
            SELECT r.* INTO refusal
            FROM missing_stored_1(here, row_id, CASE WHEN deleted IS NOT NULL THEN plan.empty_layer END) x,
                missing_refusal_1(x.missing_blobs, x.missing_children) r;
        ELSIF plan.is_new THEN
            SELECT r.* INTO refusal FROM missing_new_1(here, plan) x, missing_refusal_1(x.missing_blobs, x.missing_children) r;
            IF refusal.outcome = 0 THEN
                taken := images_taken_1(here, plan);
                IF cardinality(taken) > 0 THEN
                    RETURN ROW(15, false, taken, NULL)::applied_1;
                END IF;
            END IF;
        ELSE
            RETURN ROW(7, false, NULL, NULL)::applied_1;
        END IF;
        IF refusal.outcome <> 0 THEN
            RETURN refusal;
        END IF;
    END IF;
    checked := tags_check_1(here, plan);
    IF checked.outcome <> 0 THEN
        RETURN checked;
    END IF;
    IF plan.pin IS NOT NULL AND NOT manifest_there_1(here, plan.pin, plan.manifest) THEN
        RETURN ROW(7, false, NULL, NULL)::applied_1;
    END IF;
    IF plan.labels_of IS NOT NULL THEN
        IF NOT manifest_there_1(here, plan.labels_of, plan.manifest) THEN
            RETURN ROW(7, false, NULL, NULL)::applied_1;
        END IF;
        IF plan.removed_label IS NOT NULL THEN
            PERFORM 1 FROM label l JOIN manifest m ON m.repository_id = here AND m.id = l.manifest_id
            WHERE l.id = plan.removed_label AND l.repository_id = here AND m.digest = plan.labels_of;
            IF NOT FOUND THEN
                RETURN ROW(8, false, NULL, NULL)::applied_1;
            END IF;
        END IF;
    END IF;
    RETURN checked;
END
$$;

-- Stores the plan's new manifest with all that hangs on it. NULL if another writer was first.
CREATE FUNCTION manifest_insert_2(here BIGINT, plan plan_1) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    row_id BIGINT;
    inserted BIGINT;
BEGIN
    INSERT INTO manifest (repository_id, digest, media_type, subject, artifact_type, annotations, platform, image_created_ms, layers_size,
        expires_after_ms, immutable, created_ms, actor, legacy_image, bytes)
    VALUES (here, plan.manifest, plan.media_type, plan.subject, plan.artifact_type, plan.annotations, plan.platform,
        plan.image_created_ms, plan.layers_size, plan.expires_after_ms, plan.immutable, plan.now_ms, plan.actor, plan.legacy_image,
        plan.bytes)
    ON CONFLICT (repository_id, digest) DO NOTHING RETURNING id INTO row_id;
    IF row_id IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO manifest_blob (repository_id, manifest_id, digest, required)
    SELECT here, row_id, l.digest, l.required FROM unnest(plan.blobs, plan.blobs_required) l (digest, required);
    IF cardinality(plan.children) > 0 THEN
        INSERT INTO manifest_child (repository_id, manifest_id, position, digest, required, platform)
        SELECT here, row_id, c.place - 1, c.digest, c.required, c.platform
        FROM unnest(plan.children, plan.children_required, plan.children_platform) WITH ORDINALITY c (digest, required, platform, place);
    END IF;
    PERFORM labels_insert_1(here, row_id, plan.label_keys, plan.label_values, plan.label_json, plan.label_sources);
    IF cardinality(plan.legacy_ids) > 0 THEN
        -- An insertion waits for another one of the same key, so those that share images insert them in the same order.
        INSERT INTO legacy_image (repository_id, v1_id, parent, created_ms, command, comment, aggregate_size, blob, metadata)
        SELECT here, i.* FROM unnest(plan.legacy_ids, plan.legacy_parents, plan.legacy_created_ms, plan.legacy_commands,
            plan.legacy_comments, plan.legacy_aggregate_sizes, plan.legacy_blobs, plan.legacy_metadata) i (v1_id)
        ORDER BY i.v1_id COLLATE "C"
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS inserted = ROW_COUNT;
        -- Somebody may have stored one of them since they were looked at, which the insertion waited for. What is written by now is
        -- undone with the call; made again, it finds that before it writes.
        IF inserted < cardinality(plan.legacy_ids) AND cardinality(images_taken_1(here, plan)) > 0 THEN
            RAISE EXCEPTION 'a legacy image was stored meanwhile that is another one than the plan has under its id'
                USING ERRCODE = 'serialization_failure';
        END IF;
    END IF;
    RETURN row_id;
END
$$;

-- Removes manifests for good, with the access rows and legacy images that only they still held. What stands in the way of the first stands for
-- all: an immutable tag, then who lists it. A refusal is the caller's to undo.
CREATE FUNCTION manifests_purge_2(here BIGINT, purged BYTEA[], now_ms BIGINT) RETURNS applied_1 LANGUAGE plpgsql AS $$
DECLARE
    done applied_1 := ROW(0, false, '{}', '{}')::applied_1;
    doomed RECORD;
    found_tag RECORD;
    parents BYTEA[];
    ids BIGINT[] := ARRAY(SELECT m.id FROM manifest m WHERE m.repository_id = here AND m.digest = ANY (purged));
BEGIN
    -- Dead, it makes nothing visible any more.
    UPDATE manifest m SET deleted_ms = now_ms WHERE m.repository_id = here AND m.id = ANY (ids) AND (m.deleted_ms IS NULL OR m.deleted_ms > now_ms);
    FOR doomed IN SELECT m.id, m.digest FROM manifest m WHERE m.repository_id = here AND m.digest = ANY (purged) ORDER BY m.digest LOOP
        FOR found_tag IN
            SELECT t.name, t.immutable FROM tag t
            WHERE t.repository_id = here AND t.manifest_id = doomed.id AND t.expires_ms > now_ms ORDER BY t.name
        LOOP
            IF found_tag.immutable THEN
                RETURN ROW(4, false, ARRAY[found_tag.name], NULL)::applied_1;
            END IF;
            done.names := done.names || found_tag.name;
            done.digests := done.digests || doomed.digest;
        END LOOP;
        parents := ARRAY(
            SELECT DISTINCT m.digest FROM manifest_child c JOIN manifest m ON m.repository_id = here AND m.id = c.manifest_id
            WHERE c.repository_id = here AND c.digest = doomed.digest AND m.deleted_ms IS NULL AND m.digest <> ALL (purged)
                AND manifest_kept_1(here, m.id, now_ms, now_ms));
        IF cardinality(parents) > 0 THEN
            RETURN ROW(6, false, NULL, parents)::applied_1;
        END IF;
    END LOOP;
    DELETE FROM repository_blob b
    WHERE b.repository_id = here AND b.lease_until_ms <= now_ms
        AND b.digest IN (SELECT l.digest FROM manifest_blob l WHERE l.repository_id = here AND l.manifest_id = ANY (ids))
        AND NOT EXISTS (SELECT 1 FROM manifest_blob other
            WHERE other.repository_id = here AND other.digest = b.digest AND other.manifest_id <> ALL (ids));
    -- Images of theirs and all below those, which no other manifest row has, nor one above them.
    DELETE FROM legacy_image i
    WHERE i.repository_id = here AND i.v1_id = ANY (ARRAY(
            WITH RECURSIVE span (id) AS (
                SELECT m.legacy_image FROM manifest m WHERE m.repository_id = here AND m.id = ANY (ids)
                UNION
                SELECT p.parent FROM span JOIN legacy_image p ON p.repository_id = here AND p.v1_id = span.id)
            SELECT span.id FROM span))
        AND NOT legacy_image_held_1(here, i.v1_id, ids);
    -- What hangs on them goes by trigger.
    DELETE FROM manifest m WHERE m.repository_id = here AND m.id = ANY (ids);
    RETURN done;
END
$$;

-- Checks and writes, in a repository that is there, under its lock. A refusal after the first write is the caller's to undo.
CREATE FUNCTION plan_write_2(here BIGINT, plan plan_1) RETURNS applied_1 LANGUAGE plpgsql AS $$
DECLARE
    done applied_1;
    part applied_1;
    row_id BIGINT;
    deleted BIGINT;
    touched BYTEA[];
BEGIN
    done := plan_check_2(here, plan);
    IF done.outcome <> 0 THEN
        RETURN done;
    END IF;
    IF plan.manifest IS NOT NULL THEN
        SELECT m.id, m.deleted_ms INTO row_id, deleted FROM manifest m WHERE m.repository_id = here AND m.digest = plan.manifest;
        IF NOT FOUND THEN
            row_id := manifest_insert_2(here, plan);
            done.created := row_id IS NOT NULL;
            IF NOT done.created THEN
                -- Another writer was first, so its links count. Nothing is written yet, and the row stays, for deletions are kept out.
                SELECT m.id INTO row_id FROM manifest m WHERE m.repository_id = here AND m.digest = plan.manifest;
                SELECT r.* INTO part FROM missing_stored_1(here, row_id, NULL) x, missing_refusal_1(x.missing_blobs, x.missing_children) r;
                IF part.outcome <> 0 THEN
                    RETURN part;
                END IF;
            END IF;
        END IF;
        IF deleted IS NOT NULL OR (done.created AND plan.brings_empty_layer) THEN
            PERFORM empty_layer_grant_1(here, row_id, plan.empty_layer, plan.now_ms);
        END IF;
    END IF;
    touched := ARRAY[CASE WHEN deleted IS NOT NULL THEN plan.manifest END, plan.pin, plan.labels_of, plan.deletion]
        || CASE WHEN plan.displaced_until_ms IS NOT NULL THEN done.digests END;
    PERFORM 1 FROM manifest m WHERE m.repository_id = here AND m.digest = ANY (touched) ORDER BY m.digest FOR NO KEY UPDATE;
    IF deleted IS NOT NULL THEN
        UPDATE manifest m SET deleted_ms = NULL WHERE m.repository_id = here AND m.id = row_id;
    END IF;
    PERFORM tags_write_1(here, plan);
    IF plan.pin IS NOT NULL OR (plan.displaced_until_ms IS NOT NULL AND cardinality(done.digests) > 0) THEN
        UPDATE manifest m SET pinned_until_ms = greatest(m.pinned_until_ms,
            CASE WHEN m.digest = plan.pin THEN plan.pin_until_ms END,
            CASE WHEN m.digest = ANY (done.digests) THEN plan.displaced_until_ms END)
        WHERE m.repository_id = here
            AND (m.digest = plan.pin OR (plan.displaced_until_ms IS NOT NULL AND m.digest = ANY (done.digests))) AND m.deleted_ms IS NULL;
    END IF;
    IF plan.labels_of IS NOT NULL THEN
        UPDATE manifest m SET expires_after_ms = plan.acting_expires_after_ms, immutable = plan.acting_immutable
        WHERE m.repository_id = here AND m.digest = plan.labels_of RETURNING m.id INTO row_id;
        DELETE FROM label l WHERE l.id = plan.removed_label AND l.repository_id = here AND l.manifest_id = row_id;
        PERFORM labels_insert_1(here, row_id, plan.added_keys, plan.added_values, plan.added_json, plan.added_sources);
    END IF;
    IF plan.deletion IS NOT NULL THEN
        part := manifest_delete_1(here, plan.deletion, plan.now_ms);
        IF part.outcome <> 0 THEN
            RETURN part;
        END IF;
        done.names := done.names || part.names;
        done.digests := done.digests || part.digests;
    END IF;
    IF cardinality(plan.purge) > 0 THEN
        part := manifests_purge_2(here, plan.purge, plan.now_ms);
        IF part.outcome <> 0 THEN
            RETURN part;
        END IF;
        done.names := done.names || part.names;
        done.digests := done.digests || part.digests;
    END IF;
    RETURN done;
END
$$;

-- Applies a plan.
CREATE FUNCTION plan_apply_1(plan plan_1) RETURNS applied_1 LANGUAGE plpgsql AS $$
DECLARE
    place RECORD;
    made BIGINT;
    done applied_1;
    -- Whoever deletes excludes all others; so does who names so many tags that a lock for each might be more than the server has.
    is_alone BOOLEAN := plan.deletion IS NOT NULL OR cardinality(plan.purge) > 0 OR cardinality(plan.tags) > 64;
BEGIN
    LOOP
        IF is_alone THEN
            SELECT * INTO place FROM repository_alone_1(plan.repository, '5s');
            IF NOT place.had THEN
                RETURN ROW(11, false, NULL, NULL)::applied_1;
            END IF;
        ELSE
            SELECT * INTO place FROM repository_shared_1(plan.repository);
        END IF;
        IF place.here IS NULL AND plan.visibility IS NULL THEN
            RETURN ROW(9, false, NULL, NULL)::applied_1;
        ELSIF place.repository_state = 1 THEN
            RETURN ROW(10, false, NULL, NULL)::applied_1;
        ELSIF place.repository_state <> 0 THEN
            RETURN ROW(12, false, ARRAY[place.repository_state::TEXT], NULL)::applied_1;
        ELSIF place.here IS NOT NULL THEN
            IF NOT is_alone THEN
                PERFORM plan_lock_1(place.here, plan);
            END IF;
            IF plan.deletion IS NULL AND cardinality(plan.purge) = 0 THEN
                RETURN plan_write_2(place.here, plan);
            END IF;
        END IF;
        -- What is refused after a write is undone with this block.
        BEGIN
            IF place.here IS NULL THEN
                INSERT INTO repository (name, visibility, state, created_ms) VALUES (plan.repository, plan.visibility, 0, plan.now_ms)
                ON CONFLICT (name) WHERE state <> 2 DO NOTHING RETURNING id INTO made;
                -- If somebody else made it, all is asked again.
                CONTINUE WHEN NOT FOUND;
                PERFORM pg_advisory_xact_lock_shared(made);
            END IF;
            done := plan_write_2(coalesce(place.here, made), plan);
            IF done.outcome <> 0 THEN
                RAISE SQLSTATE 'MF001';
            END IF;
        EXCEPTION WHEN SQLSTATE 'MF001' THEN
            NULL;
        END;
        RETURN done;
    END LOOP;
END
$$;

-- Applies a plan under a number, and notes the answer where the caller could not tell it from the rows.
CREATE FUNCTION apply_2(plan plan_1, of_write BIGINT, leaves_answer BOOLEAN) RETURNS applied_1 LANGUAGE plpgsql AS $$
DECLARE
    done applied_1;
BEGIN
    PERFORM write_open_1(of_write);
    done := plan_apply_1(plan);
    IF leaves_answer AND done.outcome = 0 THEN
        PERFORM write_note_1(of_write, to_jsonb(done));
    END IF;
    RETURN done;
END
$$;

-- Makes a repository. 0 done, 1 there is one of that name.
CREATE FUNCTION repository_create_1(ask_name TEXT, ask_visibility SMALLINT, ask_now BIGINT, of_write BIGINT) RETURNS SMALLINT
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM write_open_1(of_write);
    INSERT INTO repository (name, visibility, state, created_ms) VALUES (ask_name, ask_visibility, 0, ask_now)
    ON CONFLICT (name) WHERE state <> 2 DO NOTHING;
    IF NOT FOUND THEN
        RETURN 1;
    END IF;
    PERFORM write_note_1(of_write, to_jsonb(0));
    RETURN 0;
END
$$;

-- Marks a repository for deletion: every statement finds repositories by name, and passes over those that are marked. 0 done, 1 there is
-- none.
CREATE FUNCTION repository_delete_1(ask_name TEXT, ask_now BIGINT, of_write BIGINT) RETURNS SMALLINT LANGUAGE plpgsql AS $$
BEGIN
    PERFORM write_open_1(of_write);
    UPDATE repository r SET state = 2, deleted_ms = ask_now WHERE r.name = ask_name AND r.state <> 2;
    IF NOT FOUND THEN
        RETURN 1;
    END IF;
    PERFORM write_note_1(of_write, to_jsonb(0));
    RETURN 0;
END
$$;

-- Sets the state of a repository. 0 done, 1 there is none.
CREATE FUNCTION repository_state_1(ask_name TEXT, ask_state SMALLINT, of_write BIGINT) RETURNS SMALLINT LANGUAGE plpgsql AS $$
BEGIN
    PERFORM write_open_1(of_write);
    UPDATE repository r SET state = ask_state WHERE r.name = ask_name AND r.state <> 2;
    IF NOT FOUND THEN
        RETURN 1;
    END IF;
    PERFORM write_note_1(of_write, to_jsonb(0));
    RETURN 0;
END
$$;

-- Takes access to a blob away, under a number. The outcomes are those of `access_remove_1`.
CREATE FUNCTION access_remove_2(ask_repository TEXT, ask_digest BYTEA, ask_now BIGINT, of_write BIGINT) RETURNS SMALLINT
LANGUAGE plpgsql AS $$
DECLARE
    outcome SMALLINT;
BEGIN
    PERFORM write_open_1(of_write);
    outcome := access_remove_1(ask_repository, ask_digest, ask_now);
    IF outcome = 0 THEN
        PERFORM write_note_1(of_write, to_jsonb(outcome));
    END IF;
    RETURN outcome;
END
$$;
