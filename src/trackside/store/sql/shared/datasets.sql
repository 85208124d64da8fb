-- name: add_dataset
-- One that is known by name and digest keeps what was said of it first.
INSERT INTO dataset (experiment_id, name, digest, source_type, source, schema, profile)
VALUES (:experiment_id, :name, :digest, :source_type, :source, :schema, :profile)
ON CONFLICT (experiment_id, name, digest) DO NOTHING;

-- name: add_run_dataset
-- Gives a row only when the run did not have this dataset: then its tags are set, else they stay.
INSERT INTO run_dataset (run_id, dataset_id)
SELECT :run_id, id FROM dataset WHERE experiment_id = :experiment_id AND name = :name AND digest = :digest
ON CONFLICT (run_id, dataset_id) DO NOTHING
RETURNING id;

-- name: set_run_dataset_tag
INSERT INTO run_dataset_tag (run_dataset_id, key, value) VALUES (:id, :key, :value)
ON CONFLICT (run_dataset_id, key) DO UPDATE SET value = excluded.value;

-- name: add_model_input
INSERT INTO run_model (run_id, model_uuid, direction) VALUES (:run_id, :model_uuid, 'input')
ON CONFLICT (run_id, direction, model_uuid) DO NOTHING;
