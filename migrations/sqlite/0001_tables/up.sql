-- The rows of the registry. `manifest_core::stored` has the text forms of structured values, `rows.rs` reads all of them.
--
-- Digests are one byte for the algorithm and the raw hash. Times are milliseconds since 1970; 9223372036854775807 is
-- never. Locations are `store:key`. Per-repository tables have `repository_id` first in every key and index, but for
-- the three indexes that serve questions about all repositories at once, which say so.

-- "mfst": this file is ours.
PRAGMA application_id = 1835430772;

CREATE TABLE repository (
    -- AUTOINCREMENT: the rows of a repository that was removed must never be taken for those of a later one.
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL,
    -- 0 public, 1 private.
    visibility INTEGER NOT NULL,
    -- 0 open, 1 read-only, 2 being deleted.
    state INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    deleted_ms INTEGER
) STRICT;

-- A name is free again as soon as its repository is being deleted.
CREATE UNIQUE INDEX repository_name ON repository (name) WHERE state <> 2;
CREATE INDEX repository_visibility ON repository (visibility, name) WHERE state <> 2;
-- Those whose rows are still to be removed.
CREATE INDEX repository_deleting ON repository (state) WHERE state = 2;

-- Listings read what is stored here at push, never a config.
CREATE TABLE manifest (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    repository_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    media_type TEXT NOT NULL,
    -- The digest of the manifest that this one is about, which need not exist.
    subject BLOB,
    artifact_type TEXT,
    -- A JSON object, only where there is a subject: the referrers list shows them.
    annotations TEXT,
    -- A JSON object.
    platform TEXT,
    image_created_ms INTEGER,
    layers_size INTEGER,
    -- What its labels make of tags that point at it.
    expires_after_ms INTEGER,
    immutable INTEGER NOT NULL,
    -- Until when it is kept though no tag points at it.
    pinned_until_ms INTEGER NOT NULL DEFAULT 0,
    -- Hidden since then, and restorable until it is collected.
    deleted_ms INTEGER,
    created_ms INTEGER NOT NULL,
    actor TEXT,
    -- The v1 id of the legacy image that it stands for.
    legacy_image TEXT,
    -- The exact bytes pushed. Last, so that the columns before it are read without them.
    bytes BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX manifest_digest ON manifest (repository_id, digest);
-- Referrers in the order of their digests, filtered by type without touching the row.
CREATE INDEX manifest_subject ON manifest (repository_id, subject, digest, artifact_type) WHERE subject IS NOT NULL;
CREATE INDEX manifest_deleted ON manifest (repository_id, digest) WHERE deleted_ms IS NOT NULL;

-- Which manifests serve a legacy image.
CREATE INDEX manifest_legacy_image ON manifest (repository_id, legacy_image) WHERE legacy_image IS NOT NULL;

-- What an index lists, in its order. Links are by digest, may dangle, and alone grant nothing.
CREATE TABLE manifest_child (
    repository_id INTEGER NOT NULL,
    manifest_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    digest BLOB NOT NULL,
    required INTEGER NOT NULL,
    platform TEXT,
    PRIMARY KEY (repository_id, manifest_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX manifest_child_digest ON manifest_child (repository_id, digest, manifest_id);

-- What a manifest names. Links are by digest, may dangle, and alone grant nothing.
CREATE TABLE manifest_blob (
    repository_id INTEGER NOT NULL,
    manifest_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    required INTEGER NOT NULL,
    PRIMARY KEY (repository_id, manifest_id, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX manifest_blob_digest ON manifest_blob (repository_id, digest, manifest_id);

CREATE TABLE label (
    -- AUTOINCREMENT: whoever removes a label by its id must never remove a later one.
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    repository_id INTEGER NOT NULL,
    manifest_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    -- Whether the value is a JSON object or list.
    json INTEGER NOT NULL,
    -- 0 from the manifest or its config, 1 through the API, 2 by the registry.
    source INTEGER NOT NULL
) STRICT;

CREATE INDEX label_manifest ON label (repository_id, manifest_id, id);

-- Legacy images, shared by the manifests of a repository. Texts are without NUL (`manifest_core::stored::nul_free`). A parent is there
-- before its children, and rows never change, so there is no cycle.
CREATE TABLE legacy_image (
    repository_id INTEGER NOT NULL,
    v1_id TEXT NOT NULL,
    parent TEXT,
    -- As the clock on the wall showed it, without its zone.
    created_ms INTEGER,
    -- The command, in JSON.
    command TEXT,
    comment TEXT,
    -- How many bytes the layer and all below it have.
    aggregate_size INTEGER,
    -- The layer.
    blob BLOB NOT NULL,
    -- What the v1 API answers. Last, so that the columns before it are read without it.
    metadata TEXT NOT NULL,
    PRIMARY KEY (repository_id, v1_id)
) STRICT;

CREATE INDEX legacy_image_parent ON legacy_image (repository_id, parent) WHERE parent IS NOT NULL;

-- The newest interval of each name: alive at t iff `expires_ms > t`.
CREATE TABLE tag (
    repository_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    manifest_id INTEGER NOT NULL,
    start_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL CHECK (expires_ms >= start_ms),
    immutable INTEGER NOT NULL,
    reversion INTEGER NOT NULL,
    -- What the name pointed at before.
    previous BLOB,
    actor TEXT,
    PRIMARY KEY (repository_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX tag_manifest ON tag (repository_id, manifest_id, expires_ms);
CREATE INDEX tag_start ON tag (repository_id, start_ms DESC, name);

-- Intervals that are over. Only the triggers below add to it.
CREATE TABLE tag_history (
    repository_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL CHECK (end_ms >= start_ms),
    manifest_id INTEGER NOT NULL,
    reversion INTEGER NOT NULL,
    previous BLOB,
    actor TEXT,
    PRIMARY KEY (repository_id, name, start_ms)
) STRICT, WITHOUT ROWID;

CREATE INDEX tag_history_manifest ON tag_history (repository_id, manifest_id, end_ms);
CREATE INDEX tag_history_start ON tag_history (repository_id, start_ms DESC, name);

-- A new interval closes the one before it where it starts, or where that one expired.
CREATE TRIGGER tag_moved AFTER UPDATE ON tag WHEN NEW.start_ms <> OLD.start_ms
BEGIN
    INSERT INTO tag_history (repository_id, name, start_ms, end_ms, manifest_id, reversion, previous, actor)
    VALUES (OLD.repository_id, OLD.name, OLD.start_ms, min(OLD.expires_ms, NEW.start_ms), OLD.manifest_id,
        OLD.reversion, OLD.previous, OLD.actor);
END;

-- A row that goes has been given its end before.
CREATE TRIGGER tag_ended AFTER DELETE ON tag
BEGIN
    INSERT INTO tag_history (repository_id, name, start_ms, end_ms, manifest_id, reversion, previous, actor)
    VALUES (OLD.repository_id, OLD.name, OLD.start_ms, OLD.expires_ms, OLD.manifest_id,
        OLD.reversion, OLD.previous, OLD.actor);
END;

CREATE TRIGGER tag_moved_without_start BEFORE UPDATE ON tag
WHEN NEW.start_ms < OLD.start_ms OR (NEW.start_ms = OLD.start_ms AND NEW.manifest_id <> OLD.manifest_id)
BEGIN
    SELECT RAISE(ABORT, 'a tag moves only into a new interval');
END;

CREATE TRIGGER tag_ended_without_end BEFORE DELETE ON tag WHEN OLD.expires_ms = 9223372036854775807
BEGIN
    SELECT RAISE(ABORT, 'a tag is given its end before it is removed');
END;

-- Nothing of a manifest outlives its row: no link, no label, and no interval of a tag, which would point at nothing.
CREATE TRIGGER manifest_removed AFTER DELETE ON manifest
BEGIN
    DELETE FROM manifest_child WHERE repository_id = OLD.repository_id AND manifest_id = OLD.id;
    DELETE FROM manifest_blob WHERE repository_id = OLD.repository_id AND manifest_id = OLD.id;
    DELETE FROM label WHERE repository_id = OLD.repository_id AND manifest_id = OLD.id;

    -- By name, for SQLite would rather read every tag of the repository than go by way of the other index.
    UPDATE tag SET expires_ms = start_ms
    WHERE repository_id = OLD.repository_id AND name IN (SELECT name FROM tag INDEXED BY tag_manifest
        WHERE repository_id = OLD.repository_id AND manifest_id = OLD.id AND expires_ms = 9223372036854775807);
    DELETE FROM tag
    WHERE repository_id = OLD.repository_id AND name IN (SELECT name FROM tag INDEXED BY tag_manifest
        WHERE repository_id = OLD.repository_id AND manifest_id = OLD.id);
    DELETE FROM tag_history
    WHERE repository_id = OLD.repository_id AND (name, start_ms) IN (SELECT name, start_ms FROM tag_history INDEXED BY tag_history_manifest
        WHERE repository_id = OLD.repository_id AND manifest_id = OLD.id);
END;

-- Where the bytes are of what the registry has.
CREATE TABLE blob (
    digest BLOB PRIMARY KEY NOT NULL,
    size INTEGER NOT NULL,
    location TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the foreign key of `repository_blob` refers to, and which blob a location belongs to.
CREATE UNIQUE INDEX blob_location ON blob (location, digest);

-- Locations whose bytes are to be deleted.
CREATE TABLE trash (
    location TEXT PRIMARY KEY NOT NULL,
    not_before_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX trash_not_before ON trash (not_before_ms, location);

CREATE TRIGGER blob_removed AFTER DELETE ON blob
BEGIN
    INSERT INTO trash (location, not_before_ms) VALUES (OLD.location, 0) ON CONFLICT DO NOTHING;
END;

-- Which repository grants access to which blob: while the lease lasts, or while an undeleted manifest links it.
CREATE TABLE repository_blob (
    repository_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    location TEXT NOT NULL,
    lease_until_ms INTEGER NOT NULL,
    PRIMARY KEY (repository_id, digest),
    FOREIGN KEY (digest, location) REFERENCES blob (digest, location)
) STRICT, WITHOUT ROWID;

-- About all repositories: who has a blob that may be mounted, and whether a blob row can go.
CREATE INDEX repository_blob_holder ON repository_blob (digest, location, repository_id);

-- Uploads, finished ones too until they expire, so that a repeated finish finds what it did.
CREATE TABLE upload (
    repository_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    -- How many bytes its parts have, and the state of the hasher behind them.
    "offset" INTEGER NOT NULL,
    hash_state BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    actor TEXT,
    finished_digest BLOB,
    finished_size INTEGER,
    finished_location TEXT,
    -- The lease of the blob that a finished upload became.
    lease_until_ms INTEGER,
    PRIMARY KEY (repository_id, id)
) STRICT, WITHOUT ROWID;

-- About all repositories: whose bytes these are, and which uploads are over.
CREATE UNIQUE INDEX upload_id ON upload (id);
CREATE INDEX upload_expires ON upload (expires_ms);

-- A row a part, so that publishing one does not rewrite the others.
CREATE TABLE upload_part (
    repository_id INTEGER NOT NULL,
    upload_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    size INTEGER NOT NULL,
    location TEXT NOT NULL,
    PRIMARY KEY (repository_id, upload_id, position)
) STRICT, WITHOUT ROWID;

-- About all repositories: whether somebody's upload still needs these bytes.
CREATE INDEX upload_part_location ON upload_part (location);

-- What is named again is no trash, though it had been given up.
CREATE TRIGGER upload_part_added AFTER INSERT ON upload_part
BEGIN
    DELETE FROM trash WHERE location = NEW.location;
END;

CREATE TRIGGER blob_added AFTER INSERT ON blob
BEGIN
    DELETE FROM trash WHERE location = NEW.location;
END;

-- An upload that is finished becomes a blob, gives its repository access to it, and needs its parts no more.
CREATE TRIGGER upload_finished AFTER UPDATE OF finished_digest ON upload
WHEN OLD.finished_digest IS NULL AND NEW.finished_digest IS NOT NULL
BEGIN
    INSERT INTO blob (digest, size, location)
    VALUES (NEW.finished_digest, NEW.finished_size, NEW.finished_location)
    ON CONFLICT DO NOTHING;

    INSERT INTO repository_blob (repository_id, digest, size, location, lease_until_ms)
    VALUES (NEW.repository_id, NEW.finished_digest, NEW.finished_size, NEW.finished_location, NEW.lease_until_ms)
    ON CONFLICT DO UPDATE SET lease_until_ms = max(lease_until_ms, excluded.lease_until_ms);

    DELETE FROM upload_part WHERE repository_id = NEW.repository_id AND upload_id = NEW.id;
END;

CREATE TRIGGER upload_removed AFTER DELETE ON upload
BEGIN
    DELETE FROM upload_part WHERE repository_id = OLD.repository_id AND upload_id = OLD.id;
END;

CREATE TRIGGER upload_part_removed AFTER DELETE ON upload_part
WHEN NOT EXISTS (SELECT 1 FROM blob WHERE location = OLD.location)
BEGIN
    INSERT INTO trash (location, not_before_ms) VALUES (OLD.location, 0) ON CONFLICT DO NOTHING;
END;

-- The shared empty layer, whose bytes are in the program (`manifest_core::empty_layer`).
INSERT INTO blob (digest, size, location)
VALUES (x'01a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4', 32, 'builtin:empty-layer');
