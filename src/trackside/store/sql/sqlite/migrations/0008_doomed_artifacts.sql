-- Artifacts of what was purged. Written in the transaction that purges, deleted when the files are gone,
-- so that a server that ends in between goes on with them.
CREATE TABLE doomed_artifact (
  id INTEGER PRIMARY KEY,
  uri TEXT NOT NULL UNIQUE
) STRICT;
