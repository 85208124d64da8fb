-- Writing what was recorded elsewhere under the ids it has there; to write it again changes nothing.

-- name: all_experiments
SELECT id, name, lifecycle, artifact_location, created_ms, updated_ms FROM experiment ORDER BY id;

-- name: add_experiment_as
INSERT INTO experiment (id, name, artifact_location, lifecycle, created_ms, updated_ms)
VALUES (:id, :name, :artifact_location, :lifecycle, :created_ms, :updated_ms);

-- name: become_experiment
-- The row of one that was just added, or of a default that holds nothing yet.
UPDATE experiment SET artifact_location = :artifact_location, lifecycle = :lifecycle, created_ms = :created_ms,
  updated_ms = :updated_ms
WHERE id = :id;

-- name: is_empty_experiment
SELECT 1 AS yes WHERE NOT EXISTS (SELECT 1 FROM run WHERE experiment_id = :id)
  AND NOT EXISTS (SELECT 1 FROM logged_model WHERE experiment_id = :id)
  AND NOT EXISTS (SELECT 1 FROM experiment_tag WHERE experiment_id = :id);

-- name: move_run
-- One that is there stays in its experiment, and its files where they are.
INSERT INTO run (uuid, experiment_id, name, user_id, status, lifecycle, start_ms, end_ms, deleted_ms, artifact_uri)
VALUES (:uuid, :experiment_id, :name, :user_id, :status, :lifecycle, :start_ms, :end_ms, :deleted_ms, :artifact_uri)
ON CONFLICT (uuid) DO UPDATE SET name = excluded.name, user_id = excluded.user_id, status = excluded.status,
  lifecycle = excluded.lifecycle, start_ms = excluded.start_ms, end_ms = excluded.end_ms,
  deleted_ms = excluded.deleted_ms
RETURNING id, uuid, experiment_id, artifact_uri;

-- name: move_logged_model
INSERT INTO logged_model (uuid, experiment_id, name, artifact_location, status, status_message, lifecycle, model_type,
  source_run_uuid, created_ms, updated_ms)
VALUES (:uuid, :experiment_id, :name, :artifact_location, :status, :status_message, :lifecycle, :model_type,
  :source_run_uuid, :created_ms, :updated_ms)
ON CONFLICT (uuid) DO UPDATE SET name = excluded.name, status = excluded.status,
  status_message = excluded.status_message, lifecycle = excluded.lifecycle, model_type = excluded.model_type,
  source_run_uuid = excluded.source_run_uuid, created_ms = excluded.created_ms, updated_ms = excluded.updated_ms
RETURNING id, experiment_id, artifact_location;

-- name: place_run
UPDATE run SET artifact_uri = :uri WHERE id = :id;

-- name: place_logged_model
UPDATE logged_model SET artifact_location = :uri WHERE id = :id;

-- name: move_registered_model
INSERT INTO registered_model (name, description, created_ms, updated_ms, last_version)
VALUES (:name, :description, :created_ms, :updated_ms, :last_version)
ON CONFLICT (name) DO UPDATE SET last_version = CASE
  WHEN excluded.last_version > registered_model.last_version THEN excluded.last_version
  ELSE registered_model.last_version END
RETURNING id;

-- name: move_version
INSERT INTO model_version (model_id, version, stage, status, status_message, description, user_id, source,
  storage_location, run_uuid, run_link, logged_model_uuid, created_ms, updated_ms)
VALUES (:model_id, :version, :stage, :status, :status_message, :description, :user_id, :source,
  :storage_location, :run_uuid, :run_link, :logged_model_uuid, :created_ms, :updated_ms)
ON CONFLICT (model_id, version) DO UPDATE SET stage = excluded.stage, status = excluded.status,
  status_message = excluded.status_message, description = excluded.description, user_id = excluded.user_id,
  source = excluded.source, storage_location = excluded.storage_location, run_link = excluded.run_link,
  updated_ms = excluded.updated_ms;

-- name: points_in_chunks
SELECT sum(points) AS points FROM chunk WHERE run_id = :run_id;

-- name: counts_of_runs
SELECT run.id, run.uuid, run.artifact_uri,
  (SELECT count(*) FROM param WHERE param.run_id = run.id) AS params,
  (SELECT count(*) FROM tag WHERE tag.run_id = run.id) AS tags,
  (SELECT count(*) FROM series WHERE series.run_id = run.id) AS metrics,
  (SELECT count(*) FROM run_dataset WHERE run_dataset.run_id = run.id) AS datasets,
  (SELECT count(*) FROM run_model WHERE run_model.run_id = run.id) AS models
FROM run WHERE uuid IN TEXTS(:uuids);

-- name: counts_of_logged_models
SELECT logged_model.uuid, logged_model.artifact_location AS artifact_uri,
  (SELECT count(*) FROM logged_model_param AS p WHERE p.model_id = logged_model.id) AS params,
  (SELECT count(*) FROM logged_model_tag AS t WHERE t.model_id = logged_model.id) AS tags,
  (SELECT count(*) FROM logged_model_metric AS m WHERE m.model_id = logged_model.id) AS metrics
FROM logged_model WHERE uuid IN TEXTS(:uuids);

-- name: runs_to_export
SELECT * FROM run WHERE experiment_id = :id ORDER BY start_ms, uuid;

-- name: logged_models_to_export
SELECT * FROM logged_model WHERE experiment_id = :id ORDER BY created_ms, uuid;

-- name: models_to_export
SELECT * FROM registered_model ORDER BY name;
