-- Queries with `unnest` take the values of all their rows at once, by column.

-- name: append_tail
INSERT INTO tail (run_id, points, first_ms, last_ms, payload)
SELECT * FROM unnest(:run_id::bigint[], :points::bigint[], :first_ms::bigint[], :last_ms::bigint[], :payload::bytea[]);

-- name: upsert_series
-- Latest is the greatest (step, timestamp, value); a tie keeps the first, as in MLflow.
INSERT INTO series (run_id, key_id, last_step, last_ms, last_value, last_nan, min_value, max_value)
SELECT * FROM unnest(
  :run_id::bigint[], :key_id::bigint[], :last_step::bigint[], :last_ms::bigint[], :last_value::double precision[],
  :last_nan::bigint[], :min_value::double precision[], :max_value::double precision[]
)
ON CONFLICT (run_id, key_id) DO UPDATE SET
  (last_step, last_ms, last_value, last_nan) = (
    SELECT excluded.last_step, excluded.last_ms, excluded.last_value, excluded.last_nan
    WHERE (excluded.last_step, excluded.last_ms, excluded.last_value)
      > (series.last_step, series.last_ms, series.last_value)
    UNION ALL
    SELECT series.last_step, series.last_ms, series.last_value, series.last_nan
    LIMIT 1
  ),
  min_value = least(series.min_value, excluded.min_value),
  max_value = greatest(series.max_value, excluded.max_value);

-- name: add_metric_key
-- Asked first, since every conflict would use up a number.
INSERT INTO metric_key (name)
SELECT :name WHERE NOT EXISTS (SELECT 1 FROM metric_key WHERE name = :name)
ON CONFLICT (name) DO NOTHING;
