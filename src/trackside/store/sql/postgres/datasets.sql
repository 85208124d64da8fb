-- name: dataset_uses_of_experiments
-- Takes the experiments' numbers as a JSON list.
SELECT DISTINCT dataset.experiment_id, dataset.name, dataset.digest, tag.value AS context
FROM dataset
JOIN run_dataset ON run_dataset.dataset_id = dataset.id
LEFT JOIN run_dataset_tag AS tag ON tag.run_dataset_id = run_dataset.id AND tag.key = 'mlflow.data.context'
WHERE dataset.experiment_id = ANY (ARRAY(SELECT json_array_elements_text(:experiment_ids)::bigint))
ORDER BY dataset.experiment_id, dataset.name, dataset.digest, context NULLS FIRST
LIMIT :limit;
