-- What a plan is to the functions that apply it, and the conditions that they check before the first row is written.

-- A plan, as `manifest_core::plan::Plan` has it: a column for each member, and for each list of structures an array for each member.
CREATE TYPE plan_1 AS (
    repository TEXT,
    -- Made with this visibility if it is absent; NULL: an absent one is refused.
    visibility SMALLINT,
    now_ms BIGINT,
    actor TEXT,
    -- The manifest that is created or kept, if there is one.
    manifest BYTEA,
    is_new BOOLEAN,
    -- Of a new one, its row, links, labels and legacy images. Blobs are sorted; the others are in their order.
    media_type TEXT,
    subject BYTEA,
    artifact_type BYTEA,
    annotations TEXT,
    platform TEXT,
    image_created_ms BIGINT,
    layers_size BIGINT,
    expires_after_ms BIGINT,
    immutable BOOLEAN,
    bytes BYTEA,
    blobs BYTEA[],
    blobs_required BOOLEAN[],
    children BYTEA[],
    children_required BOOLEAN[],
    children_platform TEXT[],
    label_keys BYTEA[],
    label_values BYTEA[],
    label_json BOOLEAN[],
    label_sources SMALLINT[],
    legacy_image TEXT,
    legacy_ids TEXT[],
    legacy_parents TEXT[],
    legacy_created_ms BIGINT[],
    legacy_commands TEXT[],
    legacy_comments TEXT[],
    legacy_aggregate_sizes BIGINT[],
    legacy_blobs BYTEA[],
    legacy_metadata TEXT[],
    -- The digest of the shared empty layer, and whether the new manifest brings it along.
    empty_layer BYTEA,
    brings_empty_layer BOOLEAN,
    -- Tags by name: 0 point, 1 amend, 2 end.
    tags TEXT[],
    tag_changes SMALLINT[],
    tag_targets BYTEA[],
    tag_expires_ms BIGINT[],
    tag_immutable BOOLEAN[],
    tag_reversion BOOLEAN[],
    -- 0 any, 1 absent, 2 is, 3 absent or is.
    tag_guards SMALLINT[],
    tag_guard_digests BYTEA[],
    -- What an amendment saw.
    tag_seen_start_ms BIGINT[],
    tag_seen_immutable BOOLEAN[],
    pin BYTEA,
    pin_until_ms BIGINT,
    displaced_until_ms BIGINT,
    deletion BYTEA,
    -- The manifest whose labels change.
    labels_of BYTEA,
    added_keys BYTEA[],
    added_values BYTEA[],
    added_json BOOLEAN[],
    added_sources SMALLINT[],
    removed_label BIGINT,
    acting_expires_after_ms BIGINT,
    acting_immutable BOOLEAN,
    -- Sorted.
    purge BYTEA[]
);

-- What a plan came to. Outcomes: 0 done, 1 missing blobs, 2 missing children, 3 a guard failed, 4 an immutable tag, 5 a tag is gone,
-- 6 listed by, 7 the manifest is gone, 8 the label is gone, 9 the repository is gone, 10 the repository takes no writes, 11 others
-- were in the way for too long, 12 the repository's state is none that is known, 13 a tag points at no row, 14 a tag points at a row whose
-- digest is none. What is named: displaced tags with their digests, or what is refused.
CREATE TYPE applied_1 AS (
    outcome SMALLINT,
    created BOOLEAN,
    names TEXT[],
    digests BYTEA[]
);

-- Required blobs without an access row and required children without an undeleted row, of a manifest that is there: by its stored
-- links. `granted` is a blob that the plan brings.
CREATE FUNCTION missing_stored_1(here BIGINT, of_manifest BIGINT, granted BYTEA, OUT missing_blobs BYTEA[], OUT missing_children BYTEA[])
LANGUAGE plpgsql STABLE AS $$
BEGIN
    missing_blobs := ARRAY(
        SELECT l.digest FROM manifest_blob l
        WHERE l.repository_id = here AND l.manifest_id = of_manifest AND l.required AND l.digest IS DISTINCT FROM granted
            AND NOT EXISTS (SELECT 1 FROM repository_blob b WHERE b.repository_id = here AND b.digest = l.digest));
    missing_children := ARRAY(
        SELECT DISTINCT c.digest FROM manifest_child c
        WHERE c.repository_id = here AND c.manifest_id = of_manifest AND c.required
            AND NOT EXISTS (SELECT 1 FROM manifest m
                WHERE m.repository_id = here AND m.digest = c.digest AND m.deleted_ms IS NULL));
END
$$;

-- The same of a manifest that is new: by the plan's links.
CREATE FUNCTION missing_new_1(here BIGINT, plan plan_1, OUT missing_blobs BYTEA[], OUT missing_children BYTEA[])
LANGUAGE plpgsql STABLE AS $$
BEGIN
    missing_blobs := ARRAY(
        SELECT l.digest FROM unnest(plan.blobs, plan.blobs_required) l (digest, required)
        WHERE l.required AND NOT (plan.brings_empty_layer AND l.digest = plan.empty_layer)
            AND NOT EXISTS (SELECT 1 FROM repository_blob b WHERE b.repository_id = here AND b.digest = l.digest));
    missing_children := ARRAY(
        SELECT DISTINCT c.digest FROM unnest(plan.children, plan.children_required) c (digest, required)
        WHERE c.required AND c.digest <> plan.manifest
            AND NOT EXISTS (SELECT 1 FROM manifest m
                WHERE m.repository_id = here AND m.digest = c.digest AND m.deleted_ms IS NULL));
END
$$;

-- The refusal that these make, if any.
CREATE FUNCTION missing_refusal_1(missing_blobs BYTEA[], missing_children BYTEA[]) RETURNS applied_1 LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE
        WHEN cardinality(missing_blobs) > 0 THEN ROW(1, false, NULL, missing_blobs)::applied_1
        WHEN cardinality(missing_children) > 0 THEN ROW(2, false, NULL, missing_children)::applied_1
        ELSE ROW(0, false, NULL, NULL)::applied_1
    END;
END
$$;

-- Whether a manifest is there undeleted, once the plan's own is.
CREATE FUNCTION manifest_there_1(here BIGINT, of_digest BYTEA, plan_manifest BYTEA) RETURNS BOOLEAN LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN of_digest IS NOT DISTINCT FROM plan_manifest OR EXISTS (
        SELECT 1 FROM manifest m WHERE m.repository_id = here AND m.digest = of_digest AND m.deleted_ms IS NULL);
END
$$;

-- Whether these bytes are a digest: what answers with one must not find out after it has written.
CREATE FUNCTION digest_is_whole_1(stored BYTEA) RETURNS BOOLEAN LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE octet_length(stored) WHEN 33 THEN get_byte(stored, 0) = 1 WHEN 65 THEN get_byte(stored, 0) = 2 ELSE false END
$$;

-- Holds the changes of tags against the tags as they are, in the order of their names. If none is refused: the alive tags that are
-- displaced, with what they pointed at.
CREATE FUNCTION tags_check_1(here BIGINT, plan plan_1) RETURNS applied_1 LANGUAGE plpgsql STABLE AS $$
DECLARE
    checked applied_1 := ROW(0, false, '{}', '{}')::applied_1;
    change RECORD;
    found_tag RECORD;
    is_alive BOOLEAN;
    holds BOOLEAN;
BEGIN
    FOR change IN
        SELECT * FROM unnest(plan.tags, plan.tag_changes, plan.tag_targets, plan.tag_guards, plan.tag_guard_digests,
            plan.tag_seen_start_ms, plan.tag_seen_immutable) WITH ORDINALITY
            c (name, kind, target, guard, guard_digest, seen_start, seen_immutable, place)
        ORDER BY c.place
    LOOP
        SELECT t.start_ms, t.immutable, (SELECT m.digest FROM manifest m WHERE m.repository_id = here AND m.id = t.manifest_id) AS digest
        INTO found_tag FROM tag t WHERE t.repository_id = here AND t.name = change.name AND t.expires_ms > plan.now_ms;
        is_alive := FOUND;
        IF is_alive AND found_tag.digest IS NULL THEN
            RETURN ROW(13, false, ARRAY[change.name], NULL)::applied_1;
        ELSIF is_alive AND NOT digest_is_whole_1(found_tag.digest) THEN
            RETURN ROW(14, false, ARRAY[change.name], NULL)::applied_1;
        ELSIF change.kind = 1 THEN
            IF NOT is_alive OR found_tag.start_ms <> change.seen_start OR found_tag.immutable <> change.seen_immutable THEN
                RETURN ROW(3, false, ARRAY[change.name], NULL)::applied_1;
            END IF;
            CONTINUE;
        ELSIF change.kind = 2 AND NOT is_alive THEN
            RETURN ROW(5, false, ARRAY[change.name], NULL)::applied_1;
        END IF;
        holds := CASE change.guard
            WHEN 0 THEN true
            WHEN 1 THEN NOT is_alive
            WHEN 2 THEN is_alive AND found_tag.digest = change.guard_digest
            ELSE NOT is_alive OR found_tag.digest = change.guard_digest
        END;
        IF NOT holds THEN
            RETURN ROW(3, false, ARRAY[change.name], NULL)::applied_1;
        ELSIF is_alive AND found_tag.immutable THEN
            RETURN ROW(4, false, ARRAY[change.name], NULL)::applied_1;
        ELSIF change.kind = 0 AND NOT manifest_there_1(here, change.target, plan.manifest) THEN
            RETURN ROW(7, false, NULL, NULL)::applied_1;
        END IF;
        IF is_alive AND found_tag.digest IS DISTINCT FROM change.target THEN
            checked.names := checked.names || change.name;
            checked.digests := checked.digests || found_tag.digest;
        END IF;
    END LOOP;
    RETURN checked;
END
$$;

-- What can be known before the first row is written, in the order in which every adapter finds it: the manifest, its blobs, its
-- children, each tag, the pin, the labels. (What is deleted or purged is found after the plan's other changes.)
CREATE FUNCTION plan_check_1(here BIGINT, plan plan_1) RETURNS applied_1 LANGUAGE plpgsql STABLE AS $$
DECLARE
    refusal applied_1;
    checked applied_1;
    row_id BIGINT;
    deleted BIGINT;
BEGIN
    IF plan.manifest IS NOT NULL THEN
        SELECT m.id, m.deleted_ms INTO row_id, deleted FROM manifest m WHERE m.repository_id = here AND m.digest = plan.manifest;
        IF FOUND THEN
            SELECT r.* INTO refusal
            FROM missing_stored_1(here, row_id, CASE WHEN deleted IS NOT NULL THEN plan.empty_layer END) x,
                missing_refusal_1(x.missing_blobs, x.missing_children) r;
        ELSIF plan.is_new THEN
            SELECT r.* INTO refusal FROM missing_new_1(here, plan) x, missing_refusal_1(x.missing_blobs, x.missing_children) r;
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
