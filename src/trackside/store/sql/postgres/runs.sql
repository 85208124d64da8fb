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
