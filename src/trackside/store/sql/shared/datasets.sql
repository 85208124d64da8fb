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

-- name: dataset_uses_of_experiments
-- Takes the experiments' numbers as a JSON list.
SELECT DISTINCT dataset.experiment_id, dataset.name, dataset.digest, tag.value AS context
FROM dataset
JOIN run_dataset ON run_dataset.dataset_id = dataset.id
LEFT JOIN run_dataset_tag AS tag ON tag.run_dataset_id = run_dataset.id AND tag.key = 'mlflow.data.context'
WHERE dataset.experiment_id IN NUMBERS(:experiment_ids)
ORDER BY dataset.experiment_id, dataset.name, dataset.digest, context NULLS FIRST
LIMIT :limit;
