-- The `…_of_logged_models` queries take the models' numbers as a JSON list.

-- name: params_of_logged_models
SELECT model_id, key, value FROM logged_model_param
WHERE model_id = ANY (ARRAY(SELECT json_array_elements_text(:model_ids)::bigint))
ORDER BY model_id, key;

-- name: tags_of_logged_models
SELECT model_id, key, value FROM logged_model_tag
WHERE model_id = ANY (ARRAY(SELECT json_array_elements_text(:model_ids)::bigint))
ORDER BY model_id, key;

-- name: metrics_of_logged_models
SELECT model_id, key, timestamp_ms, step, run_uuid, value, is_nan, dataset_name, dataset_digest
FROM logged_model_metric
WHERE model_id = ANY (ARRAY(SELECT json_array_elements_text(:model_ids)::bigint))
ORDER BY model_id, key, timestamp_ms, step, run_uuid;
