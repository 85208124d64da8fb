-- Purging what was deleted. Rows go children first: nothing here cascades by itself.

-- name: runs_to_purge
SELECT id, uuid, artifact_uri FROM run
WHERE lifecycle = 'deleted' AND deleted_ms <= :before_ms AND id > :after
ORDER BY id LIMIT :limit;

-- name: logged_models_to_purge
SELECT id, uuid, artifact_location AS artifact_uri FROM logged_model
WHERE lifecycle = 'deleted' AND updated_ms <= :before_ms AND id > :after
ORDER BY id LIMIT :limit;

-- name: experiments_to_purge
-- Only empty ones: what an experiment still holds, in the trash or kept, needs it. The default stays.
SELECT id, artifact_location AS artifact_uri FROM experiment
WHERE lifecycle = 'deleted' AND updated_ms <= :before_ms AND id > 0
  AND NOT EXISTS (SELECT 1 FROM run WHERE run.experiment_id = experiment.id)
  AND NOT EXISTS (SELECT 1 FROM logged_model WHERE logged_model.experiment_id = experiment.id)
ORDER BY id LIMIT :limit;

-- name: run_is_to_purge
SELECT id FROM run WHERE id = :id AND lifecycle = 'deleted' AND deleted_ms <= :before_ms;

-- name: logged_model_is_to_purge
SELECT id FROM logged_model WHERE id = :id AND lifecycle = 'deleted' AND updated_ms <= :before_ms;

-- name: storage_of_versions
SELECT registered_model.name, model_version.version, model_version.storage_location
FROM model_version JOIN registered_model ON registered_model.id = model_version.model_id;

-- name: purge_params
DELETE FROM param WHERE run_id = :id;

-- name: purge_tags
DELETE FROM tag WHERE run_id = :id;

-- name: purge_dataset_tags
DELETE FROM run_dataset_tag WHERE run_dataset_id IN (SELECT id FROM run_dataset WHERE run_id = :id);

-- name: purge_dataset_uses
DELETE FROM run_dataset WHERE run_id = :id;

-- name: purge_model_uses
DELETE FROM run_model WHERE run_id = :id;

-- name: purge_run
DELETE FROM run WHERE id = :id;

-- name: purge_logged_model_params
DELETE FROM logged_model_param WHERE model_id = :id;

-- name: purge_logged_model_tags
DELETE FROM logged_model_tag WHERE model_id = :id;

-- name: purge_logged_model_metrics
DELETE FROM logged_model_metric WHERE model_id = :id;

-- name: purge_uses_of_logged_model
DELETE FROM run_model WHERE model_uuid = (SELECT uuid FROM logged_model WHERE id = :id);

-- name: purge_logged_model
DELETE FROM logged_model WHERE id = :id;

-- name: purge_datasets_of_experiment
DELETE FROM dataset WHERE experiment_id = :id;

-- name: purge_experiment_tags
DELETE FROM experiment_tag WHERE experiment_id = :id;

-- name: purge_experiment
DELETE FROM experiment WHERE id = :id;

-- name: doom_artifacts
INSERT INTO doomed_artifact (uri) VALUES (:uri) ON CONFLICT (uri) DO NOTHING;

-- name: doomed_artifacts
SELECT id, uri FROM doomed_artifact ORDER BY id;

-- name: artifacts_are_gone
DELETE FROM doomed_artifact WHERE id = :id;
