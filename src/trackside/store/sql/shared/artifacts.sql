-- name: artifact_by_path
SELECT * FROM artifact WHERE path = :path;

-- name: artifacts_after
SELECT path FROM artifact WHERE path > :after ORDER BY path LIMIT :limit;

-- name: set_artifact
INSERT INTO artifact (path, size_bytes, sha256, version, created_ms)
VALUES (:path, :size_bytes, :sha256, :version, :now_ms)
ON CONFLICT (path) DO UPDATE SET size_bytes = excluded.size_bytes, sha256 = excluded.sha256,
  version = excluded.version, created_ms = excluded.created_ms;

-- name: forget_artifact
DELETE FROM artifact WHERE path = :path;

-- name: forget_artifacts_between
-- Of a folder: from its path with "/" to its path with "0", the character after "/".
DELETE FROM artifact WHERE path >= :first AND path < :end;
