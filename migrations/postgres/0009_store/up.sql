-- Which stores of bytes belong to these rows: the name that locations begin with, and the id that the store keeps with its bytes. A node
-- whose store has another id is looking at somebody else's bytes, or at a directory that is not mounted.
CREATE TABLE blob_store (
    name TEXT COLLATE "C" PRIMARY KEY,
    id TEXT NOT NULL
);

-- The key that signs schema 1 manifests, one for all nodes: whoever can read this table can sign as this registry. No row until a node
-- made a key.
CREATE TABLE signing_key (
    -- There is one.
    id SMALLINT PRIMARY KEY CHECK (id = 1),
    -- PKCS #8 in DER.
    private BYTEA NOT NULL,
    -- The public halves of those that were in use before, oldest first.
    earlier BYTEA[] NOT NULL
);
