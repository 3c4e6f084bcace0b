-- Pushes in few statements, each of which reads along the index that is meant.
--
-- A statement in a function costs as much as several rows, so what can be asked at once is: `apply_3` does for plans that store, keep, point
-- and pin what `apply_2` does, and hands all others to it. Locks and their order stay: the write's number, the repository, the tags that the
-- plan names, the row of a new manifest, its legacy images, the row that grants the empty layer, rows of manifests.
--
-- A connection keeps a plan that it made while a table was empty. Two indexes whose first column is the repository cost the same
-- then, and the one that reads all of a repository may be taken. Where that can be, rows are asked for as a range of one value, in
-- its order: only one index has that order, so none other is as cheap.
--
-- Only the release before this migration calls `apply_2` for a push.

-- What stands in the way of a manifest that is there: required blobs without an access row, or required children without an undeleted
-- row, by its stored links. `granted` is a blob that the plan brings.
CREATE FUNCTION stored_refusal_1(here BIGINT, of_manifest BIGINT, granted BYTEA) RETURNS applied_1 LANGUAGE plpgsql STABLE AS $$
DECLARE
    missing_blobs BYTEA[];
    missing_children BYTEA[];
BEGIN
    SELECT ARRAY(
        SELECT l.digest FROM manifest_blob l
        WHERE l.repository_id = here AND l.manifest_id >= of_manifest AND l.manifest_id <= of_manifest
            AND l.required AND l.digest IS DISTINCT FROM granted
            AND NOT EXISTS (SELECT 1 FROM repository_blob b WHERE b.repository_id = here AND b.digest = l.digest OFFSET 0)
        ORDER BY l.manifest_id, l.digest
    ), ARRAY(
        SELECT c.digest FROM manifest_child c
        WHERE c.repository_id = here AND c.manifest_id >= of_manifest AND c.manifest_id <= of_manifest AND c.required
            AND NOT EXISTS (SELECT 1 FROM manifest m
                WHERE m.repository_id = here AND m.digest = c.digest AND m.deleted_ms IS NULL OFFSET 0)
        ORDER BY c.manifest_id, c.position
    ) INTO missing_blobs, missing_children;
    RETURN CASE
        WHEN cardinality(missing_blobs) > 0 THEN ROW(1, false, NULL, missing_blobs)::applied_1
        WHEN cardinality(missing_children) > 0 THEN ROW(2, false, NULL, missing_children)::applied_1
    END;
END
$$;

-- What stands in the way of a manifest that is new: the same by the plan's links, or ids of its legacy images that the repository has for
-- another blob, on another parent, or with other bytes below it. `known` are those of its images that the repository has.
CREATE FUNCTION new_refusal_1(here BIGINT, plan plan_1, OUT refusal applied_1, OUT known TEXT[]) LANGUAGE plpgsql STABLE AS $$
DECLARE
    missing BYTEA[];
    taken TEXT[];
BEGIN
    SELECT ARRAY(
        SELECT l.digest FROM unnest(plan.blobs, plan.blobs_required) l (digest, required)
        WHERE l.required AND NOT (plan.brings_empty_layer AND l.digest = plan.empty_layer)
            AND NOT EXISTS (SELECT 1 FROM repository_blob b WHERE b.repository_id = here AND b.digest = l.digest OFFSET 0)
    ), coalesce(array_agg(i.v1_id), '{}'), array_agg(i.v1_id) FILTER (WHERE i.differs)
    INTO missing, known, taken
    FROM unnest(plan.legacy_ids, plan.legacy_parents, plan.legacy_aggregate_sizes, plan.legacy_blobs) p (id, parent, aggregate_size, blob)
    CROSS JOIN LATERAL (
        SELECT h.v1_id, h.blob <> p.blob OR h.parent IS DISTINCT FROM p.parent OR h.aggregate_size IS DISTINCT FROM p.aggregate_size AS differs
        FROM legacy_image h WHERE h.repository_id = here AND h.v1_id = p.id COLLATE "C" OFFSET 0) i;
    IF cardinality(missing) > 0 THEN
        refusal := ROW(1, false, NULL, missing)::applied_1;
        RETURN;
    END IF;
    IF cardinality(plan.children) > 0 THEN
        missing := ARRAY(
            SELECT DISTINCT c.digest FROM unnest(plan.children, plan.children_required) c (digest, required)
            WHERE c.required AND c.digest <> plan.manifest
                AND NOT EXISTS (SELECT 1 FROM manifest m
                    WHERE m.repository_id = here AND m.digest = c.digest AND m.deleted_ms IS NULL OFFSET 0));
        IF cardinality(missing) > 0 THEN
            refusal := ROW(2, false, NULL, missing)::applied_1;
            RETURN;
        END IF;
    END IF;
    IF taken IS NOT NULL THEN
        refusal := ROW(15, false, taken, NULL)::applied_1;
    END IF;
END
$$;

-- Stores the plan's new manifest with all that hangs on it, but for the legacy images that the repository was seen to have. NULL if another writer
-- was first.
CREATE FUNCTION manifest_insert_3(here BIGINT, plan plan_1, known TEXT[]) RETURNS BIGINT LANGUAGE plpgsql AS $$
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
    IF cardinality(plan.label_keys) > 0 THEN
        INSERT INTO label (repository_id, manifest_id, key, value, json, source)
        SELECT here, row_id, l.key, l.value, l.json, l.source
        FROM unnest(plan.label_keys, plan.label_values, plan.label_json, plan.label_sources)
            WITH ORDINALITY l (key, value, json, source, place) ORDER BY l.place;
    END IF;
    IF cardinality(plan.legacy_ids) > cardinality(known) THEN
        -- An insertion waits for another one of the same key, so those that share images insert them in the same order.
        INSERT INTO legacy_image (repository_id, v1_id, parent, created_ms, command, comment, aggregate_size, blob, metadata)
        SELECT here, i.* FROM unnest(plan.legacy_ids, plan.legacy_parents, plan.legacy_created_ms, plan.legacy_commands,
            plan.legacy_comments, plan.legacy_aggregate_sizes, plan.legacy_blobs, plan.legacy_metadata) i (v1_id)
        WHERE i.v1_id <> ALL (known)
        ORDER BY i.v1_id COLLATE "C"
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS inserted = ROW_COUNT;
        -- Somebody may have stored one of them since they were looked at, which the insertion waited for. What is written by now is
        -- undone with the call; made again, it finds that before it writes.
        IF inserted < cardinality(plan.legacy_ids) - cardinality(known) AND cardinality(images_taken_1(here, plan)) > 0 THEN
            RAISE EXCEPTION 'a legacy image was stored meanwhile that is another one than the plan has under its id'
                USING ERRCODE = 'serialization_failure';
        END IF;
    END IF;
    RETURN row_id;
END
$$;

-- The newest interval of a name, and what it points at: its row, or of a name that has none the last one of its history.
CREATE FUNCTION tag_newest_1(here BIGINT, of_name TEXT, OUT is_row BOOLEAN, OUT start_ms BIGINT, OUT end_ms BIGINT, OUT immutable BOOLEAN,
    OUT digest BYTEA) LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT n.is_row, n.start_ms, n.end_ms, n.immutable, (SELECT m.digest FROM manifest m
        WHERE m.repository_id = here AND m.id >= n.manifest_id AND m.id <= n.manifest_id ORDER BY m.id LIMIT 1)
    INTO is_row, start_ms, end_ms, immutable, digest
    FROM (
        SELECT true AS is_row, t.manifest_id, t.start_ms, t.expires_ms AS end_ms, t.immutable
        FROM tag t WHERE t.repository_id = here AND t.name = of_name
        UNION ALL
        (SELECT false, h.manifest_id, h.start_ms, h.end_ms, false
        FROM tag_history h WHERE h.repository_id = here AND h.name = of_name
            AND NOT EXISTS (SELECT 1 FROM tag t WHERE t.repository_id = here AND t.name = of_name)
        ORDER BY h.start_ms DESC LIMIT 1)
    ) n;
END
$$;

-- Applies a plan under a number, and notes the answer where the caller could not tell it from the rows.
CREATE FUNCTION apply_3(plan plan_1, of_write BIGINT, leaves_answer BOOLEAN) RETURNS applied_1 LANGUAGE plpgsql AS $$
DECLARE
    here BIGINT;
    repository_state SMALLINT;
    given_up BOOLEAN;
    row_id BIGINT;
    deleted BIGINT;
    of_new RECORD;
    refusal applied_1;
    done applied_1 := ROW(0, false, '{}', '{}')::applied_1;
    newest RECORD;
    is_alive BOOLEAN;
    target BIGINT;
    -- Of each change of a tag: what it points at unless that is the plan's own manifest, when it begins, and what was there before.
    targets BIGINT[];
    begins BIGINT[];
    previous BYTEA[];
    one BYTEA;
BEGIN
    IF plan.deletion IS NOT NULL OR plan.labels_of IS NOT NULL OR cardinality(plan.purge) > 0 OR cardinality(plan.tags) > 64 THEN
        RETURN apply_2(plan, of_write, leaves_answer);
    END IF;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM read_committed_1();
    END IF;
    LOOP
        SELECT r.id INTO here FROM repository r WHERE r.name = plan.repository AND r.state <> 2;
        IF NOT FOUND THEN
            RETURN apply_2(plan, of_write, leaves_answer);
        ELSIF cardinality(plan.tags) = 1 THEN
            -- The lock that `plan_lock_1` takes.
            PERFORM pg_advisory_xact_lock(of_write), pg_advisory_xact_lock_shared(here),
                pg_advisory_xact_lock(hashint8(here), hashtext(plan.tags[1]));
        ELSE
            PERFORM pg_advisory_xact_lock(of_write), pg_advisory_xact_lock_shared(here), plan_lock_1(here, plan);
        END IF;
        SELECT r.state, EXISTS (SELECT 1 FROM write_token t WHERE t.token = of_write), m.id, m.deleted_ms
        INTO repository_state, given_up, row_id, deleted
        FROM repository r LEFT JOIN LATERAL (
            SELECT m.id, m.deleted_ms FROM manifest m WHERE m.repository_id = r.id AND m.digest = plan.manifest OFFSET 0) m ON true
        WHERE r.id = here AND r.state <> 2;
        -- It went meanwhile; there may be another one of that name.
        EXIT WHEN FOUND;
    END LOOP;
    IF given_up THEN
        -- Says so.
        PERFORM write_open_1(of_write);
    ELSIF repository_state = 1 THEN
        RETURN ROW(10, false, NULL, NULL)::applied_1;
    ELSIF repository_state <> 0 THEN
        RETURN ROW(12, false, ARRAY[repository_state::TEXT], NULL)::applied_1;
    END IF;

    -- What can be known before the first row is written, in the order in which every adapter finds it: the manifest, its blobs, its
    -- children, its legacy images, each tag, the pin.
    IF plan.manifest IS NOT NULL THEN
        IF row_id IS NOT NULL THEN
            refusal := stored_refusal_1(here, row_id, CASE WHEN deleted IS NOT NULL THEN plan.empty_layer END);
        ELSIF plan.is_new THEN
            of_new := new_refusal_1(here, plan);
            refusal := of_new.refusal;
        ELSE
            RETURN ROW(7, false, NULL, NULL)::applied_1;
        END IF;
        IF refusal.outcome <> 0 THEN
            RETURN refusal;
        END IF;
    END IF;
    FOR i IN 1 .. cardinality(plan.tags) LOOP
        newest := tag_newest_1(here, plan.tags[i]);
        is_alive := coalesce(newest.is_row AND newest.end_ms > plan.now_ms, false);
        IF is_alive AND newest.digest IS NULL THEN
            RETURN ROW(13, false, ARRAY[plan.tags[i]], NULL)::applied_1;
        ELSIF is_alive AND NOT digest_is_whole_1(newest.digest) THEN
            RETURN ROW(14, false, ARRAY[plan.tags[i]], NULL)::applied_1;
        ELSIF plan.tag_changes[i] = 1 THEN
            IF NOT is_alive OR newest.start_ms <> plan.tag_seen_start_ms[i] OR newest.immutable <> plan.tag_seen_immutable[i] THEN
                RETURN ROW(3, false, ARRAY[plan.tags[i]], NULL)::applied_1;
            END IF;
            CONTINUE;
        ELSIF plan.tag_changes[i] = 2 AND NOT is_alive THEN
            RETURN ROW(5, false, ARRAY[plan.tags[i]], NULL)::applied_1;
        ELSIF NOT (CASE plan.tag_guards[i]
            WHEN 0 THEN true
            WHEN 1 THEN NOT is_alive
            WHEN 2 THEN is_alive AND newest.digest = plan.tag_guard_digests[i]
            ELSE NOT is_alive OR newest.digest = plan.tag_guard_digests[i]
        END) THEN
            RETURN ROW(3, false, ARRAY[plan.tags[i]], NULL)::applied_1;
        ELSIF is_alive AND newest.immutable THEN
            RETURN ROW(4, false, ARRAY[plan.tags[i]], NULL)::applied_1;
        END IF;
        IF plan.tag_changes[i] = 0 THEN
            IF plan.tag_targets[i] IS DISTINCT FROM plan.manifest THEN
                SELECT m.id INTO target FROM manifest m
                WHERE m.repository_id = here AND m.digest = plan.tag_targets[i] AND m.deleted_ms IS NULL;
                IF NOT FOUND THEN
                    RETURN ROW(7, false, NULL, NULL)::applied_1;
                END IF;
                targets[i] := target;
            END IF;
            -- A new interval starts behind the one before it, whatever the clock says.
            begins[i] := greatest(plan.now_ms, newest.start_ms + 1, CASE WHEN NOT newest.is_row THEN newest.end_ms END);
            previous[i] := newest.digest;
        END IF;
        IF is_alive AND newest.digest IS DISTINCT FROM plan.tag_targets[i] THEN
            done.names := done.names || plan.tags[i];
            done.digests := done.digests || newest.digest;
        END IF;
    END LOOP;
    IF plan.pin IS NOT NULL AND NOT manifest_there_1(here, plan.pin, plan.manifest) THEN
        RETURN ROW(7, false, NULL, NULL)::applied_1;
    END IF;

    IF plan.manifest IS NOT NULL THEN
        IF row_id IS NULL THEN
            row_id := manifest_insert_3(here, plan, of_new.known);
            done.created := row_id IS NOT NULL;
            IF NOT done.created THEN
                -- Another writer was first, so its links count. Nothing is written yet, and the row stays, for deletions are kept out.
                SELECT m.id INTO row_id FROM manifest m WHERE m.repository_id = here AND m.digest = plan.manifest;
                refusal := stored_refusal_1(here, row_id, NULL);
                IF refusal.outcome <> 0 THEN
                    RETURN refusal;
                END IF;
            END IF;
        END IF;
        IF deleted IS NOT NULL OR (done.created AND plan.brings_empty_layer) THEN
            PERFORM empty_layer_grant_1(here, row_id, plan.empty_layer, plan.now_ms);
        END IF;
    END IF;
    -- Nobody waits here in a circle: the rows are locked in the order of their keys.
    IF deleted IS NOT NULL OR plan.pin IS NOT NULL OR (plan.displaced_until_ms IS NOT NULL AND cardinality(done.digests) > 0) THEN
        FOR one IN
            SELECT DISTINCT t.digest FROM unnest(CASE WHEN plan.displaced_until_ms IS NOT NULL THEN done.digests END
                || plan.pin || CASE WHEN deleted IS NOT NULL THEN plan.manifest END) t (digest)
            WHERE t.digest IS NOT NULL ORDER BY t.digest
        LOOP
            UPDATE manifest m SET deleted_ms = NULL, pinned_until_ms = greatest(m.pinned_until_ms,
                CASE WHEN one = plan.pin THEN plan.pin_until_ms END,
                CASE WHEN one = ANY (done.digests) THEN plan.displaced_until_ms END)
            WHERE m.repository_id = here AND m.digest = one AND (m.deleted_ms IS NULL OR one = plan.manifest);
        END LOOP;
    END IF;
    FOR i IN 1 .. cardinality(plan.tags) LOOP
        IF plan.tag_changes[i] = 1 THEN
            -- The interval stays the same one, so its start does, and nothing goes to the history.
            UPDATE tag t SET expires_ms = greatest(plan.tag_expires_ms[i], t.start_ms), immutable = plan.tag_immutable[i]
            WHERE t.repository_id = here AND t.name = plan.tags[i];
        ELSIF plan.tag_changes[i] = 2 THEN
            PERFORM tag_end_1(here, plan.tags[i], plan.now_ms);
        ELSE
            -- It does not end before it starts.
            INSERT INTO tag (repository_id, name, manifest_id, start_ms, expires_ms, immutable, reversion, previous, actor)
            VALUES (here, plan.tags[i], coalesce(targets[i], row_id), begins[i], greatest(plan.tag_expires_ms[i], begins[i]),
                plan.tag_immutable[i], plan.tag_reversion[i], previous[i], plan.actor)
            ON CONFLICT (repository_id, name) DO UPDATE SET manifest_id = excluded.manifest_id, start_ms = excluded.start_ms,
                expires_ms = excluded.expires_ms, immutable = excluded.immutable, reversion = excluded.reversion,
                previous = excluded.previous, actor = excluded.actor;
        END IF;
    END LOOP;
    IF leaves_answer THEN
        PERFORM write_note_1(of_write, to_jsonb(done));
    END IF;
    RETURN done;
END
$$;
