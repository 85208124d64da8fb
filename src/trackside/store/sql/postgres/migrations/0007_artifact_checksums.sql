-- What each file was when it was uploaded through the server. `version` is the store's own mark of the file's
-- content (S3's ETag; the time of change in a folder): a row whose version is another says nothing of the file.
-- Paths are compared byte by byte, so that what lies below a folder is one range of the key.
CREATE TABLE artifact (
  path TEXT COLLATE "C" PRIMARY KEY,
  size_bytes BIGINT NOT NULL,
  sha256 BYTEA NOT NULL,
  version TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL
);
