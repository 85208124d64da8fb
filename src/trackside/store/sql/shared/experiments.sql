-- name: add_experiment
INSERT INTO experiment (name, artifact_location, created_ms, updated_ms)
VALUES (:name, :artifact_location, :now_ms, :now_ms)
RETURNING id;

-- name: add_default_experiment
INSERT INTO experiment (id, name, artifact_location, created_ms, updated_ms)
VALUES (0, 'Default', :artifact_location, :now_ms, :now_ms)
ON CONFLICT (id) DO NOTHING;

-- name: set_experiment_location
UPDATE experiment SET artifact_location = :artifact_location WHERE id = :id;

-- name: experiment_by_id
SELECT * FROM experiment WHERE id = :id;

-- name: experiment_by_name
SELECT * FROM experiment WHERE name = :name;

-- name: tags_of_experiments
SELECT experiment_id, key, value FROM experiment_tag
WHERE experiment_id BETWEEN :first AND :last
ORDER BY experiment_id, key;

-- name: rename_experiment
UPDATE experiment SET name = :name, updated_ms = :now_ms WHERE id = :id;

-- name: experiment_locations
SELECT id, artifact_location FROM experiment;

-- name: set_experiment_lifecycle
UPDATE experiment SET lifecycle = :lifecycle, updated_ms = :now_ms WHERE id = :id;

-- name: delete_runs_of_experiment
UPDATE run SET lifecycle = 'deleted', deleted_ms = :now_ms WHERE experiment_id = :id AND lifecycle = 'active';

-- name: restore_runs_of_experiment
UPDATE run SET lifecycle = 'active', deleted_ms = NULL WHERE experiment_id = :id AND lifecycle = 'deleted';

-- name: set_experiment_tag
INSERT INTO experiment_tag (experiment_id, key, value) VALUES (:id, :key, :value)
ON CONFLICT (experiment_id, key) DO UPDATE SET value = excluded.value;

-- name: delete_experiment_tag
DELETE FROM experiment_tag WHERE experiment_id = :id AND key = :key;

-- name: activity_of_experiments
SELECT experiment_id, count(*) AS runs,
  count(*) FILTER (WHERE status = 'RUNNING') AS running,
  count(*) FILTER (WHERE status = 'FAILED') AS failed,
  max(coalesce(end_ms, start_ms)) AS last_ms
FROM run
WHERE lifecycle = 'active' AND experiment_id BETWEEN :first AND :last
GROUP BY experiment_id;

-- name: metric_names_of_experiment
SELECT name FROM metric_key
WHERE EXISTS (
  SELECT 1 FROM run JOIN series ON series.run_id = run.id AND series.key_id = metric_key.id
  WHERE run.experiment_id = :id AND run.lifecycle = 'active'
)
ORDER BY name;

-- name: param_names_of_experiment
SELECT DISTINCT key FROM run JOIN param ON param.run_id = run.id
WHERE run.experiment_id = :id AND run.lifecycle = 'active'
ORDER BY key;

-- name: tag_names_of_experiment
SELECT DISTINCT key FROM run JOIN tag ON tag.run_id = run.id
WHERE run.experiment_id = :id AND run.lifecycle = 'active'
ORDER BY key;
