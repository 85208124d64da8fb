-- Lists come as JSON.

-- name: chunks_of_keys
-- Read by position: the columns are those of `Known`, behind the key.
SELECT key_id, id, points, first_ms, first_step, last_ms, last_step, min_step, max_step, step_order,
  nans, pos_inf, neg_inf, min_value, max_value, last_value
FROM chunk
WHERE run_id = :run_id AND key_id IN (SELECT value FROM json_each(:key_ids))
  AND max_step >= CAST(:low_step AS DOUBLE PRECISION) AND min_step <= CAST(:high_step AS DOUBLE PRECISION)
  AND last_ms >= CAST(:low_ms AS DOUBLE PRECISION) AND first_ms <= CAST(:high_ms AS DOUBLE PRECISION)
ORDER BY key_id, first_ms, first_step;

-- name: chunk_data
SELECT id, data FROM chunk WHERE id IN (SELECT value FROM json_each(:ids));

-- name: chunk_sketches
SELECT id, points, sketch FROM chunk WHERE id IN (SELECT value FROM json_each(:ids));

-- name: delete_chunks
DELETE FROM chunk WHERE id IN (SELECT value FROM json_each(:ids));
