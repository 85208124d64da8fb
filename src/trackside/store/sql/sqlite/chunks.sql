-- Lists come as JSON.

-- name: metric_keys_by_names
SELECT id, name FROM metric_key WHERE name IN (SELECT value FROM json_each(:names));

-- name: chunks_of_keys
SELECT id, key_id, points, first_ms, first_step, last_ms, last_step, min_step, max_step, step_order,
  min_value, max_value, last_value, nans, pos_inf, neg_inf
FROM chunk
WHERE run_id = :run_id AND key_id IN (SELECT value FROM json_each(:key_ids))
ORDER BY key_id, first_ms, first_step;

-- name: chunk_data
SELECT id, data FROM chunk WHERE id IN (SELECT value FROM json_each(:ids));

-- name: chunk_sketches
SELECT id, points, sketch FROM chunk WHERE id IN (SELECT value FROM json_each(:ids));

-- name: delete_chunks
DELETE FROM chunk WHERE id IN (SELECT value FROM json_each(:ids));
