-- name: add_run
INSERT INTO run (uuid, experiment_id, name, user_id, status, start_ms, artifact_uri)
VALUES (:uuid, :experiment_id, :name, :user_id, 'RUNNING', :start_ms, :artifact_uri)
RETURNING *;

-- name: run_by_uuid
-- `to_mark`: rankings have to be told when it changes, and were not yet.
SELECT run.*, EXISTS (SELECT 1 FROM ranking WHERE ranking.experiment_id = run.experiment_id) AND NOT EXISTS (
  SELECT 1 FROM changed_run WHERE changed_run.experiment_id = run.experiment_id AND changed_run.run_id = run.id
) AS to_mark
FROM run WHERE uuid = :uuid;

-- name: update_run
UPDATE run SET status = :status, end_ms = :end_ms, name = :name WHERE id = :id;

-- name: set_run_lifecycle
UPDATE run SET lifecycle = :lifecycle, deleted_ms = :deleted_ms WHERE id = :id;

-- name: children_of_run
SELECT run.* FROM tag JOIN run ON run.id = tag.run_id
WHERE tag.key = 'mlflow.parentRunId' AND tag.value = :uuid AND run.lifecycle = 'active'
ORDER BY run.start_ms, run.uuid
LIMIT :limit;

-- name: set_param
INSERT INTO param (run_id, key, value) VALUES (:run_id, :key, :value)
ON CONFLICT (run_id, key) DO NOTHING;

-- name: param_of_run
SELECT value FROM param WHERE run_id = :run_id AND key = :key;

-- name: set_tag
INSERT INTO tag (run_id, key, value) VALUES (:run_id, :key, :value)
ON CONFLICT (run_id, key) DO UPDATE SET value = excluded.value;

-- name: tag_of_run
SELECT value FROM tag WHERE run_id = :run_id AND key = :key;

-- name: delete_tag
DELETE FROM tag WHERE run_id = :run_id AND key = :key;

-- name: rename_run
UPDATE run SET name = :name WHERE id = :id;

-- name: uuid_of_run
SELECT uuid AS known_as FROM run WHERE id = :id;

-- name: params_of_runs
SELECT run_id, key, value FROM param
WHERE run_id IN NUMBERS(:run_ids)
ORDER BY run_id, key;

-- name: params_of_run
-- Those of some keys, which come as JSON.
SELECT key, value FROM param WHERE run_id = :run_id AND key IN TEXTS(:keys);

-- name: tags_of_runs
SELECT run_id, key, value FROM tag
WHERE run_id IN NUMBERS(:run_ids)
ORDER BY run_id, key;

-- name: series_of_runs
SELECT run_id, metric_key.name, last_step, last_ms, last_value, last_nan, min_value, max_value
FROM series JOIN metric_key ON metric_key.id = series.key_id
WHERE run_id IN NUMBERS(:run_ids)
ORDER BY run_id, metric_key.name;

-- name: datasets_of_runs
SELECT run_dataset.run_id, run_dataset.id AS use_id, dataset.name, digest, source_type, source, schema, profile
FROM run_dataset JOIN dataset ON dataset.id = run_dataset.dataset_id
WHERE run_dataset.run_id IN NUMBERS(:run_ids)
ORDER BY run_dataset.id;

-- name: dataset_tags_of_runs
SELECT run_dataset_id AS use_id, key, value FROM run_dataset_tag
WHERE run_dataset_id IN (
  SELECT id FROM run_dataset WHERE run_id IN NUMBERS(:run_ids)
)
ORDER BY run_dataset_id, key;

-- name: models_of_runs
SELECT run_id, model_uuid, direction, step FROM run_model
WHERE run_id IN NUMBERS(:run_ids)
ORDER BY run_id, step, model_uuid;
