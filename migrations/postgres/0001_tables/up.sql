-- The rows of the registry, under the names that every SQL adapter uses. `manifest_core::stored` has the text forms of structured
-- values and reads all of them.
--
-- Digests are one byte for the algorithm and the raw hash. Times are milliseconds since 1970; 9223372036854775807 is never.
-- Locations are `store:key`. Per-repository tables have `repository_id` first in every key and index, so that they can be
-- partitioned by it, but for the indexes that serve questions about all repositories at once, which say so. Names compare
-- byte by byte. What may hold a NUL character, which Postgres has not in text, is UTF-8 in `bytea`.

CREATE TABLE repository (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    -- 0 public, 1 private.
    visibility SMALLINT NOT NULL,
    -- 0 open, 1 read-only, 2 being deleted.
    state SMALLINT NOT NULL,
    created_ms BIGINT NOT NULL,
    deleted_ms BIGINT
);

-- A name is free again as soon as its repository is being deleted.
CREATE UNIQUE INDEX repository_name ON repository (name) WHERE state <> 2;
CREATE INDEX repository_visibility ON repository (visibility, name) WHERE state <> 2;
-- Those whose rows are still to be removed.
CREATE INDEX repository_deleting ON repository (state) WHERE state = 2;

-- Listings read what is stored here at push, never a config.
CREATE TABLE manifest (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    repository_id BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    media_type TEXT NOT NULL,
    -- The digest of the manifest that this one is about, which need not exist.
    subject BYTEA,
    artifact_type BYTEA,
    -- A JSON object, only where there is a subject: the referrers list shows them.
    annotations TEXT,
    -- A JSON object.
    platform TEXT,
    image_created_ms BIGINT,
    layers_size BIGINT,
    -- What its labels make of tags that point at it.
    expires_after_ms BIGINT,
    immutable BOOLEAN NOT NULL,
    -- Until when it is kept though no tag points at it.
    pinned_until_ms BIGINT NOT NULL DEFAULT 0,
    -- Hidden since then, and restorable until it is collected.
    deleted_ms BIGINT,
    created_ms BIGINT NOT NULL,
    actor TEXT,
    -- The v1 id of the legacy image that it stands for.
    legacy_image TEXT COLLATE "C",
    -- The exact bytes pushed. Last, so that the columns before it are read without them.
    bytes BYTEA NOT NULL,
    PRIMARY KEY (repository_id, id)
);

-- Compressing what is read a thousand times a second, to save a little of a small table, is a bad bargain.
ALTER TABLE manifest ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE UNIQUE INDEX manifest_digest ON manifest (repository_id, digest);
-- Referrers in the order of their digests, filtered by type without touching the row.
CREATE INDEX manifest_subject ON manifest (repository_id, subject, digest, artifact_type) WHERE subject IS NOT NULL;
CREATE INDEX manifest_deleted ON manifest (repository_id, digest) WHERE deleted_ms IS NOT NULL;
-- Which manifests serve a legacy image.
CREATE INDEX manifest_legacy_image ON manifest (repository_id, legacy_image) WHERE legacy_image IS NOT NULL;

-- What an index lists, in its order. Links are by digest, may dangle, and alone grant nothing.
CREATE TABLE manifest_child (
    repository_id BIGINT NOT NULL,
    manifest_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    required BOOLEAN NOT NULL,
    platform TEXT,
    PRIMARY KEY (repository_id, manifest_id, position)
);

CREATE INDEX manifest_child_digest ON manifest_child (repository_id, digest, manifest_id);

-- What a manifest names. Links are by digest, may dangle, and alone grant nothing.
CREATE TABLE manifest_blob (
    repository_id BIGINT NOT NULL,
    manifest_id BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    required BOOLEAN NOT NULL,
    PRIMARY KEY (repository_id, manifest_id, digest)
);

CREATE INDEX manifest_blob_digest ON manifest_blob (repository_id, digest, manifest_id);

CREATE TABLE label (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repository_id BIGINT NOT NULL,
    manifest_id BIGINT NOT NULL,
    key BYTEA NOT NULL,
    value BYTEA NOT NULL,
    -- Whether the value is a JSON object or list.
    json BOOLEAN NOT NULL,
    -- 0 from the manifest or its config, 1 through the API, 2 by the registry.
    source SMALLINT NOT NULL
);

CREATE INDEX label_manifest ON label (repository_id, manifest_id, id);

-- Legacy images, shared by the manifests of a repository. Texts are without NUL (`manifest_core::stored::nul_free`). A parent is there
-- before its children, and rows never change, so there is no cycle.
CREATE TABLE legacy_image (
    repository_id BIGINT NOT NULL,
    v1_id TEXT COLLATE "C" NOT NULL,
    parent TEXT COLLATE "C",
    -- As the clock on the wall showed it, without its zone.
    created_ms BIGINT,
    -- The command, in JSON.
    command TEXT,
    comment TEXT,
    -- How many bytes the layer and all below it have.
    aggregate_size BIGINT,
    -- The layer.
    blob BYTEA NOT NULL,
    -- What the v1 API answers. Last, so that the columns before it are read without it.
    metadata TEXT NOT NULL,
    PRIMARY KEY (repository_id, v1_id)
);

CREATE INDEX legacy_image_parent ON legacy_image (repository_id, parent) WHERE parent IS NOT NULL;

-- The newest interval of each name: alive at t iff `expires_ms > t`.
CREATE TABLE tag (
    repository_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    manifest_id BIGINT NOT NULL,
    start_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL CHECK (expires_ms >= start_ms),
    immutable BOOLEAN NOT NULL,
    reversion BOOLEAN NOT NULL,
    -- What the name pointed at before.
    previous BYTEA,
    actor TEXT,
    PRIMARY KEY (repository_id, name)
);

CREATE INDEX tag_manifest ON tag (repository_id, manifest_id, expires_ms);
-- The newest first, then by name. Of the negative, so that both go up and one comparison of rows finds where a page starts.
CREATE INDEX tag_start ON tag (repository_id, (-start_ms), name);

-- Intervals that are over. Only the triggers below add to it.
CREATE TABLE tag_history (
    repository_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    start_ms BIGINT NOT NULL,
    end_ms BIGINT NOT NULL CHECK (end_ms >= start_ms),
    manifest_id BIGINT NOT NULL,
    reversion BOOLEAN NOT NULL,
    previous BYTEA,
    actor TEXT,
    PRIMARY KEY (repository_id, name, start_ms)
);

CREATE INDEX tag_history_manifest ON tag_history (repository_id, manifest_id, end_ms);
CREATE INDEX tag_history_start ON tag_history (repository_id, (-start_ms), name);

-- A new interval closes the one before it where it starts, or where that one expired. A row that goes has been given its end before.
CREATE FUNCTION tag_history_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.start_ms < OLD.start_ms OR (NEW.start_ms = OLD.start_ms AND NEW.manifest_id <> OLD.manifest_id) THEN
            RAISE EXCEPTION 'a tag moves only into a new interval';
        END IF;
        IF NEW.start_ms = OLD.start_ms THEN
            RETURN NULL;
        END IF;
    ELSIF OLD.expires_ms = 9223372036854775807 THEN
        RAISE EXCEPTION 'a tag is given its end before it is removed';
    END IF;
    INSERT INTO tag_history (repository_id, name, start_ms, end_ms, manifest_id, reversion, previous, actor)
    VALUES (OLD.repository_id, OLD.name, OLD.start_ms,
        CASE TG_OP WHEN 'UPDATE' THEN least(OLD.expires_ms, NEW.start_ms) ELSE OLD.expires_ms END,
        OLD.manifest_id, OLD.reversion, OLD.previous, OLD.actor);
    RETURN NULL;
END
$$;

CREATE TRIGGER tag_moved AFTER UPDATE OR DELETE ON tag FOR EACH ROW EXECUTE FUNCTION tag_history_keep();

-- Nothing of a manifest outlives its row: no link, no label, and no interval of a tag, which would point at nothing.
CREATE FUNCTION manifest_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM manifest_child x USING gone WHERE x.repository_id = gone.repository_id AND x.manifest_id = gone.id;
    DELETE FROM manifest_blob x USING gone WHERE x.repository_id = gone.repository_id AND x.manifest_id = gone.id;
    DELETE FROM label x USING gone WHERE x.repository_id = gone.repository_id AND x.manifest_id = gone.id;
    UPDATE tag x SET expires_ms = x.start_ms FROM gone
    WHERE x.repository_id = gone.repository_id AND x.manifest_id = gone.id AND x.expires_ms = 9223372036854775807;
    DELETE FROM tag x USING gone WHERE x.repository_id = gone.repository_id AND x.manifest_id = gone.id;
    DELETE FROM tag_history x USING gone WHERE x.repository_id = gone.repository_id AND x.manifest_id = gone.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER manifest_removed AFTER DELETE ON manifest
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION manifest_removed();

-- Where the bytes are of what the registry has.
CREATE TABLE blob (
    digest BYTEA PRIMARY KEY,
    size BIGINT NOT NULL,
    location TEXT COLLATE "C" NOT NULL
);

-- What the foreign key of `repository_blob` refers to, and which blob a location belongs to.
CREATE UNIQUE INDEX blob_location ON blob (location, digest);

-- Locations whose bytes are to be deleted.
CREATE TABLE trash (
    location TEXT COLLATE "C" PRIMARY KEY,
    not_before_ms BIGINT NOT NULL
);

CREATE INDEX trash_not_before ON trash (not_before_ms, location);

-- The bytes of a blob that goes are to be deleted.
CREATE FUNCTION blob_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO trash (location, not_before_ms) SELECT location, 0 FROM gone ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER blob_removed AFTER DELETE ON blob
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION blob_removed();

-- Which repository grants access to which blob: while the lease lasts, or while an undeleted manifest links it.
CREATE TABLE repository_blob (
    repository_id BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    size BIGINT NOT NULL,
    location TEXT COLLATE "C" NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    PRIMARY KEY (repository_id, digest),
    FOREIGN KEY (digest, location) REFERENCES blob (digest, location)
);

-- About all repositories: who has a blob that may be mounted, and whether a blob row can go.
CREATE INDEX repository_blob_holder ON repository_blob (digest, location, repository_id);

-- Uploads, finished ones too until they expire, so that a repeated finish finds what it did.
CREATE TABLE upload (
    repository_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    -- How many bytes its parts have, and the state of the hasher behind them.
    "offset" BIGINT NOT NULL,
    hash_state BYTEA NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    actor TEXT,
    finished_digest BYTEA,
    finished_size BIGINT,
    finished_location TEXT,
    -- The lease of the blob that a finished upload became.
    lease_until_ms BIGINT,
    PRIMARY KEY (repository_id, id)
);

-- About all repositories: whose bytes these are, and which uploads are over.
CREATE UNIQUE INDEX upload_id ON upload (id);
CREATE INDEX upload_expires ON upload (expires_ms);

-- A row a part, so that publishing one does not rewrite the others.
CREATE TABLE upload_part (
    repository_id BIGINT NOT NULL,
    upload_id BYTEA NOT NULL,
    position BIGINT NOT NULL,
    size BIGINT NOT NULL,
    location TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (repository_id, upload_id, position)
);

-- About all repositories: whether somebody's upload still needs these bytes.
CREATE INDEX upload_part_location ON upload_part (location);

-- The shared empty layer, whose bytes are in the program (`manifest_core::empty_layer`).
INSERT INTO blob (digest, size, location)
VALUES ('\x01a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4', 32, 'builtin:empty-layer');
