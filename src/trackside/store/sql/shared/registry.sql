-- name: registered_model_by_name
SELECT * FROM registered_model WHERE name = :name;

-- name: add_registered_model
INSERT INTO registered_model (name, description, created_ms, updated_ms)
VALUES (:name, :description, :now_ms, :now_ms)
RETURNING *;

-- name: describe_registered_model
UPDATE registered_model SET description = :description, updated_ms = :now_ms WHERE id = :id;

-- name: touch_registered_model
UPDATE registered_model SET updated_ms = :now_ms WHERE id = :id;

-- name: rename_registered_model
UPDATE registered_model SET name = :name, updated_ms = :now_ms WHERE id = :id;

-- name: touch_versions_of_model
UPDATE model_version SET updated_ms = :now_ms WHERE model_id = :id;

-- name: delete_registered_model
-- Versions, tags and aliases go with it.
DELETE FROM registered_model WHERE id = :id;

-- name: tag_of_registered_model
SELECT value FROM registered_model_tag WHERE model_id = :model_id AND key = :key;

-- name: set_registered_model_tag
INSERT INTO registered_model_tag (model_id, key, value) VALUES (:id, :key, :value)
ON CONFLICT (model_id, key) DO UPDATE SET value = excluded.value;

-- name: delete_registered_model_tag
DELETE FROM registered_model_tag WHERE model_id = :id AND key = :key;

-- name: set_registered_model_alias
INSERT INTO registered_model_alias (model_id, alias, version) VALUES (:id, :alias, :version)
ON CONFLICT (model_id, alias) DO UPDATE SET version = excluded.version;

-- name: delete_registered_model_alias
DELETE FROM registered_model_alias WHERE model_id = :id AND alias = :alias;

-- name: version_of_alias
SELECT version FROM registered_model_alias WHERE model_id = :id AND alias = :alias;

-- name: next_version_of_model
UPDATE registered_model SET last_version = last_version + 1, updated_ms = :now_ms WHERE id = :id
RETURNING last_version;

-- name: add_model_version
INSERT INTO model_version (model_id, version, description, source, storage_location, run_uuid, run_link,
  logged_model_uuid, created_ms, updated_ms)
VALUES (:model_id, :version, :description, :source, :storage_location, :run_uuid, :run_link,
  :logged_model_uuid, :now_ms, :now_ms);

-- name: model_version
SELECT model_version.*, registered_model.name
FROM model_version JOIN registered_model ON registered_model.id = model_version.model_id
WHERE model_id = :model_id AND version = :version;

-- name: versions_of_model
SELECT model_version.*, registered_model.name
FROM model_version JOIN registered_model ON registered_model.id = model_version.model_id
WHERE model_id = :model_id
ORDER BY version DESC;

-- name: versions_of_run
SELECT model_version.*, registered_model.name
FROM model_version JOIN registered_model ON registered_model.id = model_version.model_id
WHERE run_uuid = :run_uuid
ORDER BY registered_model.name, version;

-- name: describe_model_version
UPDATE model_version SET description = :description, updated_ms = :now_ms
WHERE model_id = :model_id AND version = :version;

-- name: set_stage_of_version
UPDATE model_version SET stage = :stage, updated_ms = :now_ms WHERE model_id = :model_id AND version = :version;

-- name: archive_other_versions
UPDATE model_version SET stage = 'Archived', updated_ms = :now_ms
WHERE model_id = :model_id AND version <> :version AND stage = :stage;

-- name: delete_model_version
-- Its tags and aliases go with it; its number is not used again (registered_model.last_version).
DELETE FROM model_version WHERE model_id = :model_id AND version = :version;

-- name: set_model_version_tag
INSERT INTO model_version_tag (model_id, version, key, value) VALUES (:model_id, :version, :key, :value)
ON CONFLICT (model_id, version, key) DO UPDATE SET value = excluded.value;

-- name: delete_model_version_tag
DELETE FROM model_version_tag WHERE model_id = :model_id AND version = :version AND key = :key;

-- name: tags_of_models
SELECT model_id, key, value FROM registered_model_tag
WHERE model_id IN NUMBERS(:model_ids)
ORDER BY model_id, key;

-- name: aliases_of_models
SELECT model_id, alias, version FROM registered_model_alias
WHERE model_id IN NUMBERS(:model_ids)
ORDER BY model_id, alias;

-- name: latest_versions_of_models
SELECT model_version.*, registered_model.name
FROM (
  SELECT model_id, stage, max(version) AS version, min(version) AS first FROM model_version
  WHERE model_id IN NUMBERS(:model_ids)
  GROUP BY model_id, stage
) AS newest
JOIN model_version USING (model_id, version)
JOIN registered_model ON registered_model.id = model_id
-- MLflow's order: as the stages come when one goes through the versions.
ORDER BY model_id, newest.first;

-- name: version_counts_of_models
SELECT model_id, count(*) AS versions, max(version) AS newest FROM model_version
WHERE model_id IN NUMBERS(:model_ids)
GROUP BY model_id;

-- name: runs_by_uuid
SELECT * FROM run WHERE uuid IN TEXTS(:run_uuids);
