-- What each file was when it was uploaded through the server. `version` is the store's own mark of the file's
-- content (S3's ETag; the time of change in a folder): a row whose version is another says nothing of the file.
CREATE TABLE artifact (
  path TEXT PRIMARY KEY,
  size_bytes INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  version TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
