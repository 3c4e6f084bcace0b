-- Which stores of bytes belong to these rows: the name that locations begin with, and the id that the store keeps with its bytes. A node
-- whose store has another id is looking at somebody else's bytes, or at a directory that is not mounted.
CREATE TABLE blob_store (
    name TEXT COLLATE "C" PRIMARY KEY,
    id TEXT NOT NULL
);
