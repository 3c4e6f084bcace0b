-- Applying a plan: whole, or a refusal that leaves nothing behind.
--
-- Locks are taken in this order, so that no two wait for each other in a circle: the repository's lock, shared, or alone for deletions;
-- one for each tag and each labelled manifest that the plan names, sorted; the row of a new manifest, by its insertion; its legacy
-- images, by theirs, sorted by id; the row that grants the empty layer, by its own; rows of manifests that are there, sorted by digest. Whoever
-- waits for a manifest's insertion holds no row yet.

-- Stores the plan's new manifest with all that hangs on it. NULL if another writer was first.
CREATE FUNCTION manifest_insert_1(here BIGINT, plan plan_1) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    row_id BIGINT;
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
    END IF;
    RETURN row_id;
END
$$;

-- Adds labels, in their order.
CREATE FUNCTION labels_insert_1(here BIGINT, of_manifest BIGINT, keys BYTEA[], label_values BYTEA[], are_json BOOLEAN[], sources SMALLINT[])
RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(keys) > 0 THEN
        INSERT INTO label (repository_id, manifest_id, key, value, json, source)
        SELECT here, of_manifest, l.key, l.value, l.json, l.source
        FROM unnest(keys, label_values, are_json, sources) WITH ORDINALITY l (key, value, json, source, place) ORDER BY l.place;
    END IF;
END
$$;

-- The shared empty layer is never uploaded, so the manifest that has it brings its access row along. The lease is over at once: the
-- manifest's link is what grants, and while an undeleted manifest links it, access cannot be removed.
CREATE FUNCTION empty_layer_grant_1(here BIGINT, of_manifest BIGINT, empty_layer BYTEA, now_ms BIGINT) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO repository_blob (repository_id, digest, size, location, lease_until_ms)
    SELECT here, b.digest, b.size, b.location, now_ms FROM blob b WHERE b.digest = empty_layer
        AND EXISTS (SELECT 1 FROM manifest_blob l WHERE l.repository_id = here AND l.manifest_id = of_manifest AND l.digest = empty_layer)
    ON CONFLICT DO NOTHING;
END
$$;

-- Points, amends and ends tags, which were checked under their locks. The intervals that this closes go to the history by trigger.
CREATE FUNCTION tags_write_1(here BIGINT, plan plan_1) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    change RECORD;
    old RECORD;
    begins BIGINT;
    target BIGINT;
BEGIN
    FOR change IN
        SELECT * FROM unnest(plan.tags, plan.tag_changes, plan.tag_targets, plan.tag_expires_ms, plan.tag_immutable, plan.tag_reversion)
            WITH ORDINALITY c (name, kind, target, expires, immutable, reversion, place)
        ORDER BY c.place
    LOOP
        IF change.kind = 1 THEN
            -- The interval stays the same one, so its start does, and nothing goes to the history.
            UPDATE tag t SET expires_ms = greatest(change.expires, t.start_ms), immutable = change.immutable
            WHERE t.repository_id = here AND t.name = change.name;
            CONTINUE;
        ELSIF change.kind = 2 THEN
            PERFORM tag_end_1(here, change.name, plan.now_ms);
            CONTINUE;
        END IF;
        -- A new interval starts behind the one before it, whatever the clock says, and does not end before it starts. A name that comes
        -- back has its last interval in the history, else it is the row.
        SELECT t.manifest_id, t.start_ms, t.start_ms AS end_ms INTO old FROM tag t WHERE t.repository_id = here AND t.name = change.name;
        IF NOT FOUND THEN
            SELECT h.manifest_id, h.start_ms, h.end_ms INTO old FROM tag_history h
            WHERE h.repository_id = here AND h.name = change.name ORDER BY h.start_ms DESC LIMIT 1;
        END IF;
        begins := greatest(plan.now_ms, old.start_ms + 1, old.end_ms);
        SELECT m.id INTO target FROM manifest m WHERE m.repository_id = here AND m.digest = change.target;
        INSERT INTO tag (repository_id, name, manifest_id, start_ms, expires_ms, immutable, reversion, previous, actor)
        VALUES (here, change.name, target, begins, greatest(change.expires, begins), change.immutable, change.reversion,
            (SELECT m.digest FROM manifest m WHERE m.repository_id = here AND m.id = old.manifest_id), plan.actor)
        ON CONFLICT (repository_id, name) DO UPDATE SET manifest_id = excluded.manifest_id, start_ms = excluded.start_ms,
            expires_ms = excluded.expires_ms, immutable = excluded.immutable, reversion = excluded.reversion,
            previous = excluded.previous, actor = excluded.actor;
    END LOOP;
END
$$;

-- Ends a tag now, or where it starts if that is later, or where it had expired.
CREATE FUNCTION tag_end_1(here BIGINT, of_name TEXT, now_ms BIGINT) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tag t SET expires_ms = least(t.expires_ms, greatest(now_ms, t.start_ms)) WHERE t.repository_id = here AND t.name = of_name;
    DELETE FROM tag t WHERE t.repository_id = here AND t.name = of_name;
END
$$;

-- Marks a manifest deleted, with its alive tags and its pin.
CREATE FUNCTION manifest_delete_1(here BIGINT, of_digest BYTEA, now_ms BIGINT) RETURNS applied_1 LANGUAGE plpgsql AS $$
DECLARE
    row_id BIGINT;
    parents BYTEA[];
    ended TEXT[] := '{}';
    found_tag RECORD;
BEGIN
    SELECT m.id INTO row_id FROM manifest m WHERE m.repository_id = here AND m.digest = of_digest AND m.deleted_ms IS NULL;
    IF NOT FOUND THEN
        RETURN ROW(7, false, NULL, NULL)::applied_1;
    END IF;
    FOR found_tag IN
        SELECT t.name, t.immutable FROM tag t
        WHERE t.repository_id = here AND t.manifest_id = row_id AND t.expires_ms > now_ms ORDER BY t.name
    LOOP
        IF found_tag.immutable THEN
            RETURN ROW(4, false, ARRAY[found_tag.name], NULL)::applied_1;
        END IF;
        ended := ended || found_tag.name;
    END LOOP;
    parents := ARRAY(
        SELECT DISTINCT m.digest FROM manifest_child c JOIN manifest m ON m.repository_id = here AND m.id = c.manifest_id
        WHERE c.repository_id = here AND c.digest = of_digest AND m.deleted_ms IS NULL AND manifest_kept_1(here, m.id, now_ms, now_ms));
    IF cardinality(parents) > 0 THEN
        RETURN ROW(6, false, NULL, parents)::applied_1;
    END IF;
    PERFORM tag_end_1(here, e.name, now_ms) FROM unnest(ended) e (name);
    UPDATE manifest m SET deleted_ms = now_ms, pinned_until_ms = 0 WHERE m.repository_id = here AND m.id = row_id;
    RETURN ROW(0, false, ended, array_fill(of_digest, ARRAY[cardinality(ended)]))::applied_1;
END
$$;

-- Removes manifests for good, with the access rows that only they still held. What stands in the way of the first stands for all: an
-- immutable tag, then who lists it.
CREATE FUNCTION manifests_purge_1(here BIGINT, purged BYTEA[], now_ms BIGINT) RETURNS applied_1 LANGUAGE plpgsql AS $$
DECLARE
    done applied_1 := ROW(0, false, '{}', '{}')::applied_1;
    doomed RECORD;
    found_tag RECORD;
    parents BYTEA[];
    ids BIGINT[] := '{}';
BEGIN
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
        ids := ids || doomed.id;
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
CREATE FUNCTION plan_write_1(here BIGINT, plan plan_1) RETURNS applied_1 LANGUAGE plpgsql AS $$
DECLARE
    done applied_1;
    part applied_1;
    row_id BIGINT;
    deleted BIGINT;
    touched BYTEA[];
BEGIN
    done := plan_check_1(here, plan);
    IF done.outcome <> 0 THEN
        RETURN done;
    END IF;
    IF plan.manifest IS NOT NULL THEN
        SELECT m.id, m.deleted_ms INTO row_id, deleted FROM manifest m WHERE m.repository_id = here AND m.digest = plan.manifest;
        IF NOT FOUND THEN
            row_id := manifest_insert_1(here, plan);
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
        part := manifests_purge_1(here, plan.purge, plan.now_ms);
        IF part.outcome <> 0 THEN
            RETURN part;
        END IF;
        done.names := done.names || part.names;
        done.digests := done.digests || part.digests;
    END IF;
    RETURN done;
END
$$;

-- One lock for each tag and each labelled manifest that a plan names. Sorted by the lock, for two names may have the same.
CREATE FUNCTION plan_lock_1(here BIGINT, plan plan_1) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    key INTEGER;
BEGIN
    FOR key IN
        SELECT hashtext(n.name) FROM unnest(plan.tags) n (name)
        UNION SELECT hashtext(encode(plan.labels_of, 'hex')) WHERE plan.labels_of IS NOT NULL
        ORDER BY 1
    LOOP
        -- Of two numbers, so that it is never a repository's.
        PERFORM pg_advisory_xact_lock(hashint8(here), key);
    END LOOP;
END
$$;

-- Applies a plan.
CREATE FUNCTION apply_1(plan plan_1) RETURNS applied_1 LANGUAGE plpgsql AS $$
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
                RETURN plan_write_1(place.here, plan);
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
            done := plan_write_1(coalesce(place.here, made), plan);
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
