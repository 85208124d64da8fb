-- name: upsert_series
-- Latest is the greatest (step, timestamp, value); a tie keeps the first, as in MLflow.
INSERT INTO series (run_id, key_id, last_step, last_ms, last_value, last_nan, min_value, max_value)
VALUES (:run_id, :key_id, :last_step, :last_ms, :last_value, :last_nan, :min_value, :max_value)
ON CONFLICT (run_id, key_id) DO UPDATE SET
  (last_step, last_ms, last_value, last_nan) = (
    SELECT excluded.last_step, excluded.last_ms, excluded.last_value, excluded.last_nan
    WHERE (excluded.last_step, excluded.last_ms, excluded.last_value) > (last_step, last_ms, last_value)
    UNION ALL
    SELECT last_step, last_ms, last_value, last_nan
    LIMIT 1
  ),
  min_value = min(coalesce(min_value, excluded.min_value), coalesce(excluded.min_value, min_value)),
  max_value = max(coalesce(max_value, excluded.max_value), coalesce(excluded.max_value, max_value));

-- name: add_metric_key
INSERT OR IGNORE INTO metric_key (name) VALUES (:name);
