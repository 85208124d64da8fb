-- The `…_of_runs` queries take the runs' numbers as a JSON list.

-- name: some_params_of_run
SELECT key, value FROM param WHERE run_id = :run_id AND key IN (SELECT value FROM json_each(:keys));

-- name: params_of_runs
SELECT run_id, key, value FROM param
WHERE run_id IN (SELECT value FROM json_each(:run_ids))
ORDER BY run_id, key;

-- name: tags_of_runs
SELECT run_id, key, value FROM tag
WHERE run_id IN (SELECT value FROM json_each(:run_ids))
ORDER BY run_id, key;

-- name: series_of_runs
SELECT run_id, metric_key.name, last_step, last_ms, last_value, last_nan, min_value, max_value
FROM series JOIN metric_key ON metric_key.id = series.key_id
WHERE run_id IN (SELECT value FROM json_each(:run_ids))
ORDER BY run_id, metric_key.name;

-- name: datasets_of_runs
SELECT run_dataset.run_id, run_dataset.id AS use_id, dataset.name, digest, source_type, source, schema, profile
FROM run_dataset JOIN dataset ON dataset.id = run_dataset.dataset_id
WHERE run_dataset.run_id IN (SELECT value FROM json_each(:run_ids))
ORDER BY run_dataset.id;

-- name: dataset_tags_of_runs
SELECT run_dataset_id AS use_id, key, value FROM run_dataset_tag
WHERE run_dataset_id IN (
  SELECT id FROM run_dataset WHERE run_id IN (SELECT value FROM json_each(:run_ids))
)
ORDER BY run_dataset_id, key;

-- name: models_of_runs
SELECT run_id, model_uuid, direction, step FROM run_model
WHERE run_id IN (SELECT value FROM json_each(:run_ids))
ORDER BY run_id, step, model_uuid;
