-- name: add_logged_model_metric
-- A metric that names a model nobody made is a metric of the run only.
INSERT INTO logged_model_metric
  (model_id, key, timestamp_ms, step, run_uuid, value, is_nan, dataset_name, dataset_digest)
SELECT id, :key, :timestamp_ms, :step, :run_uuid, :value, :is_nan, :dataset_name, :dataset_digest
FROM logged_model WHERE uuid = :model_uuid
ON CONFLICT (model_id, key, timestamp_ms, step, run_uuid) DO NOTHING;

-- name: add_logged_model
INSERT INTO logged_model
  (uuid, experiment_id, name, artifact_location, status, model_type, source_run_uuid, created_ms, updated_ms)
VALUES
  (:uuid, :experiment_id, :name, :artifact_location, 'PENDING', :model_type, :source_run_uuid, :now_ms, :now_ms)
RETURNING *;

-- name: logged_model_by_uuid
SELECT * FROM logged_model WHERE uuid = :uuid;

-- name: logged_models_of_run
-- Those it made, and those it says it wrote; of its own experiment, since others may name any run as their maker.
SELECT * FROM logged_model
WHERE lifecycle = 'active' AND experiment_id = (SELECT experiment_id FROM run WHERE uuid = :run_uuid) AND (
  source_run_uuid = :run_uuid
  OR uuid IN (
    SELECT model_uuid FROM run_model JOIN run ON run.id = run_model.run_id
    WHERE run.uuid = :run_uuid AND run_model.direction = 'output'
  )
)
ORDER BY created_ms, uuid;

-- name: set_status_of_logged_model
UPDATE logged_model SET status = :status, updated_ms = :now_ms WHERE id = :id;

-- name: delete_logged_model
UPDATE logged_model SET lifecycle = 'deleted', updated_ms = :now_ms WHERE id = :id;

-- name: param_of_logged_model
SELECT value FROM logged_model_param WHERE model_id = :model_id AND key = :key;

-- name: set_logged_model_param
INSERT INTO logged_model_param (model_id, key, value) VALUES (:model_id, :key, :value)
ON CONFLICT (model_id, key) DO NOTHING;

-- name: set_logged_model_tag
INSERT INTO logged_model_tag (model_id, key, value) VALUES (:model_id, :key, :value)
ON CONFLICT (model_id, key) DO UPDATE SET value = excluded.value;

-- name: tag_of_logged_model
SELECT value FROM logged_model_tag WHERE model_id = :model_id AND key = :key;

-- name: delete_logged_model_tag
DELETE FROM logged_model_tag WHERE model_id = :model_id AND key = :key;

-- name: add_model_output
INSERT INTO run_model (run_id, model_uuid, direction, step) VALUES (:run_id, :model_uuid, 'output', :step)
ON CONFLICT (run_id, direction, model_uuid) DO UPDATE SET step = excluded.step;

-- name: params_of_logged_models
SELECT model_id, key, value FROM logged_model_param
WHERE model_id IN NUMBERS(:model_ids)
ORDER BY model_id, key;

-- name: tags_of_logged_models
SELECT model_id, key, value FROM logged_model_tag
WHERE model_id IN NUMBERS(:model_ids)
ORDER BY model_id, key;

-- name: metrics_of_logged_models
SELECT model_id, key, timestamp_ms, step, run_uuid, value, is_nan, dataset_name, dataset_digest
FROM logged_model_metric
WHERE model_id IN NUMBERS(:model_ids)
ORDER BY model_id, key, timestamp_ms, step, run_uuid;
