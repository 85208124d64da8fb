-- The `…_of_runs` queries take the runs' numbers as a JSON list.

-- name: some_params_of_run
SELECT key, value FROM param
WHERE run_id = :run_id AND key = ANY (ARRAY(SELECT json_array_elements_text(:keys)));

-- name: params_of_runs
SELECT run_id, key, value FROM param
WHERE run_id = ANY (ARRAY(SELECT json_array_elements_text(:run_ids)::bigint))
ORDER BY run_id, key;

-- name: tags_of_runs
SELECT run_id, key, value FROM tag
WHERE run_id = ANY (ARRAY(SELECT json_array_elements_text(:run_ids)::bigint))
ORDER BY run_id, key;

-- name: series_of_runs
SELECT run_id, metric_key.name, last_step, last_ms, last_value, last_nan, min_value, max_value
FROM series JOIN metric_key ON metric_key.id = series.key_id
WHERE run_id = ANY (ARRAY(SELECT json_array_elements_text(:run_ids)::bigint))
ORDER BY run_id, metric_key.name;

-- name: datasets_of_runs
SELECT run_dataset.run_id, run_dataset.id AS use_id, dataset.name, digest, source_type, source, schema, profile
FROM run_dataset JOIN dataset ON dataset.id = run_dataset.dataset_id
WHERE run_dataset.run_id = ANY (ARRAY(SELECT json_array_elements_text(:run_ids)::bigint))
ORDER BY run_dataset.id;

-- name: dataset_tags_of_runs
SELECT run_dataset_id AS use_id, key, value FROM run_dataset_tag
WHERE run_dataset_id IN (
  SELECT id FROM run_dataset WHERE run_id = ANY (ARRAY(SELECT json_array_elements_text(:run_ids)::bigint))
)
ORDER BY run_dataset_id, key;

-- name: models_of_runs
SELECT run_id, model_uuid, direction, step FROM run_model
WHERE run_id = ANY (ARRAY(SELECT json_array_elements_text(:run_ids)::bigint))
ORDER BY run_id, step, model_uuid;

-- name: set_param
INSERT INTO param (run_id, key, value)
SELECT * FROM unnest(:run_id::bigint[], :key::text[], :value::text[])
ON CONFLICT (run_id, key) DO NOTHING;

-- name: runs_by_uuids
-- As run_by_uuid.
SELECT run.*, EXISTS (SELECT 1 FROM ranking WHERE ranking.experiment_id = run.experiment_id) AND NOT EXISTS (
  SELECT 1 FROM changed_run WHERE changed_run.experiment_id = run.experiment_id AND changed_run.run_id = run.id
) AS to_mark
FROM run WHERE uuid = ANY (:uuids::text[]);
