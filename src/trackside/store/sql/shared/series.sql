-- name: append_tail
INSERT INTO tail (run_id, points, first_ms, last_ms, payload)
VALUES (:run_id, :points, :first_ms, :last_ms, :payload);

-- name: tail_of_run
SELECT id, payload FROM tail WHERE run_id = :run_id AND id > :after ORDER BY id;

-- name: series_of_run
SELECT metric_key.name, last_step, last_ms, last_value, last_nan, min_value, max_value
FROM series JOIN metric_key ON metric_key.id = series.key_id
WHERE run_id = :run_id
ORDER BY metric_key.name;

-- name: name_of_metric
SELECT name AS known_as FROM metric_key WHERE id = :id;

-- name: metric_keys_by_name
SELECT id, name FROM metric_key WHERE name IN TEXTS(:names);
