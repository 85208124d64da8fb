-- name: add_chunk
INSERT INTO chunk (
  run_id, key_id, first_ms, first_step, last_ms, last_step, points, min_step, max_step, step_order,
  min_value, max_value, sum_value, last_value, nans, pos_inf, neg_inf, codec, level, sketch, data
) VALUES (
  :run_id, :key_id, :first_ms, :first_step, :last_ms, :last_step, :points, :min_step, :max_step, :step_order,
  :min_value, :max_value, :sum_value, :last_value, :nans, :pos_inf, :neg_inf, :codec, :level, :sketch, :data
);

-- name: chunk_bounds_of_run
SELECT id, key_id, points, first_ms, first_step, last_ms, last_step, level
FROM chunk WHERE run_id = :run_id
ORDER BY key_id, first_ms, first_step;

-- name: chunks_of_run
-- From an id on, so that a run of any length is read in slices.
SELECT * FROM chunk WHERE run_id = :run_id AND id > :after ORDER BY id LIMIT :limit;

-- name: tail_rows_of_run
SELECT id, points, payload FROM tail WHERE run_id = :run_id AND id <= :last ORDER BY id;

-- name: tail_sizes_of_run
SELECT id, points FROM tail WHERE run_id = :run_id ORDER BY id LIMIT :limit;

-- name: tail_of_run_after
SELECT id, run_id, points, payload FROM tail WHERE run_id = :run_id AND id > :after ORDER BY id LIMIT :limit;

-- name: count_tail
SELECT count(*) AS n FROM tail WHERE run_id = :run_id AND id BETWEEN :first AND :last;

-- name: state_of_tail
SELECT max(id) AS last_id FROM tail WHERE run_id = :run_id;

-- name: delete_tail
DELETE FROM tail WHERE run_id = :run_id AND id BETWEEN :first AND :last;

-- name: compaction_of_run
SELECT generation, is_finished FROM compaction WHERE run_id = :run_id;

-- name: begin_compaction
INSERT INTO compaction (run_id, generation, is_finished) VALUES (:run_id, 0, 0) ON CONFLICT (run_id) DO NOTHING;

-- name: next_compaction
UPDATE compaction SET generation = generation + 1, is_finished = :is_finished
WHERE run_id = :run_id AND generation = :generation;

-- name: run_to_compact
SELECT id, uuid, status FROM run WHERE id = :id;

-- name: runs_with_points
SELECT DISTINCT run_id FROM chunk UNION SELECT DISTINCT run_id FROM tail UNION SELECT DISTINCT run_id FROM series
ORDER BY 1;

-- name: keys_of_run_after
-- Those of the metrics that have a row or chunks; some may have points in the tail alone.
SELECT key_id FROM (
  SELECT key_id FROM series WHERE run_id = :run_id AND key_id > :after ORDER BY key_id LIMIT :limit
) AS of_rows
UNION
SELECT key_id FROM (
  SELECT DISTINCT key_id FROM chunk WHERE run_id = :run_id AND key_id > :after ORDER BY key_id LIMIT :limit
) AS of_chunks
ORDER BY key_id LIMIT :limit;

-- name: series_of_keys_between
SELECT key_id, last_step, last_ms, last_value, last_nan, min_value, max_value
FROM series WHERE run_id = :run_id AND key_id > :after AND key_id <= :last;

-- name: statistics_of_keys_between
SELECT key_id, min(min_value) AS min_value, max(max_value) AS max_value, max(pos_inf) AS pos_inf, max(neg_inf) AS neg_inf
FROM chunk WHERE run_id = :run_id AND key_id > :after AND key_id <= :last
GROUP BY key_id;

-- name: latest_chunks_between
-- Of each metric the chunk that has its greatest (step, timestamp): of those that reach the greatest step the last.
SELECT id, key_id, data FROM chunk WHERE id IN (
  SELECT id FROM (
    SELECT id, row_number() OVER (PARTITION BY key_id ORDER BY max_step DESC, first_ms DESC, first_step DESC) AS place
    FROM chunk WHERE run_id = :run_id AND key_id > :after AND key_id <= :last
  ) AS placed WHERE place = 1
);

-- name: runs_with_tail
SELECT DISTINCT run.id, run.uuid FROM tail JOIN run ON run.id = tail.run_id ORDER BY run.id;

-- name: runs_unfinished
SELECT run.id, run.uuid FROM compaction JOIN run ON run.id = compaction.run_id
WHERE compaction.is_finished = 0 AND run.status IN ('FINISHED', 'FAILED', 'KILLED')
ORDER BY run.id;

-- name: purge_chunks
DELETE FROM chunk WHERE run_id = :run_id;

-- name: purge_tail
DELETE FROM tail WHERE run_id = :run_id;

-- name: purge_series
DELETE FROM series WHERE run_id = :run_id;

-- name: purge_compaction
DELETE FROM compaction WHERE run_id = :run_id;

-- name: chunks_of_keys
-- Read by position: the columns are those of `Known`, behind the key.
SELECT key_id, id, points, first_ms, first_step, last_ms, last_step, min_step, max_step, step_order,
  nans, pos_inf, neg_inf, min_value, max_value, last_value
FROM chunk
WHERE run_id = :run_id AND key_id IN NUMBERS(:key_ids)
  AND max_step >= CAST(:low_step AS DOUBLE PRECISION) AND min_step <= CAST(:high_step AS DOUBLE PRECISION)
  AND last_ms >= CAST(:low_ms AS DOUBLE PRECISION) AND first_ms <= CAST(:high_ms AS DOUBLE PRECISION)
ORDER BY key_id, first_ms, first_step;

-- name: chunk_data
SELECT id, data FROM chunk WHERE id IN NUMBERS(:ids);

-- name: chunk_sketches
SELECT id, points, sketch FROM chunk WHERE id IN NUMBERS(:ids);

-- name: delete_chunks
DELETE FROM chunk WHERE id IN NUMBERS(:ids);
