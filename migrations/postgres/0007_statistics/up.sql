-- What the planner is to believe about columns, whatever ANALYZE finds.
--
-- A prepared statement has one plan for any values, so what it is made for must hold for the worst of them. Counted, a
-- repository is one of thousands and seems to have a few rows each, and a digest that everything links makes links seem to go
-- to a few places. Either has the planner read all rows of a repository, which is as good as the index for what is
-- common, and ruin for the repository that has a million. Taken as said here, a repository may have a tenth of everything, and
-- what is looked up in it is nearly unique. The words take effect with the next ANALYZE.

ALTER TABLE manifest
    ALTER COLUMN repository_id SET (n_distinct = 10),
    ALTER COLUMN id SET (n_distinct = -1),
    ALTER COLUMN digest SET (n_distinct = -1),
    ALTER COLUMN subject SET (n_distinct = -0.3),
    ALTER COLUMN legacy_image SET (n_distinct = -0.3);
ALTER TABLE legacy_image
    ALTER COLUMN repository_id SET (n_distinct = 10),
    ALTER COLUMN v1_id SET (n_distinct = -1),
    ALTER COLUMN parent SET (n_distinct = -0.3);
ALTER TABLE manifest_child
    ALTER COLUMN repository_id SET (n_distinct = 10),
    ALTER COLUMN manifest_id SET (n_distinct = -0.3),
    ALTER COLUMN digest SET (n_distinct = -0.3);
ALTER TABLE manifest_blob
    ALTER COLUMN repository_id SET (n_distinct = 10),
    ALTER COLUMN manifest_id SET (n_distinct = -0.1),
    ALTER COLUMN digest SET (n_distinct = -0.3);
ALTER TABLE label
    ALTER COLUMN repository_id SET (n_distinct = 10),
    ALTER COLUMN manifest_id SET (n_distinct = -0.1);
ALTER TABLE tag
    ALTER COLUMN repository_id SET (n_distinct = 10),
    ALTER COLUMN name SET (n_distinct = -1),
    ALTER COLUMN manifest_id SET (n_distinct = -0.3);
ALTER TABLE tag_history
    ALTER COLUMN repository_id SET (n_distinct = 10),
    ALTER COLUMN name SET (n_distinct = -0.1),
    ALTER COLUMN manifest_id SET (n_distinct = -0.3);
ALTER TABLE repository_blob
    ALTER COLUMN repository_id SET (n_distinct = 10),
    ALTER COLUMN digest SET (n_distinct = -0.3);
ALTER TABLE upload
    ALTER COLUMN repository_id SET (n_distinct = 10),
    ALTER COLUMN id SET (n_distinct = -1);
ALTER TABLE upload_part
    ALTER COLUMN repository_id SET (n_distinct = 10),
    ALTER COLUMN upload_id SET (n_distinct = -0.3);
