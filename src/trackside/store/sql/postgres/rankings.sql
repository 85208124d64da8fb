-- name: rank_run
INSERT INTO ranked (ranking_id, position, run_id)
SELECT * FROM unnest(:ranking_id::bigint[], :position::bytea[], :run_id::bigint[]);
