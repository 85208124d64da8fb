-- name: mark_changed
-- Only runs of experiments that have rankings.
INSERT INTO changed_run (experiment_id, run_id)
SELECT CAST(:experiment_id AS BIGINT), CAST(:run_id AS BIGINT)
WHERE EXISTS (SELECT 1 FROM ranking WHERE experiment_id = :experiment_id)
ON CONFLICT (experiment_id, run_id) DO NOTHING;

-- name: some_changed_run
SELECT run_id FROM changed_run WHERE experiment_id = :experiment_id LIMIT 1;

-- name: changed_runs
-- The last of the first so many.
SELECT count(*) AS runs, max(run_id) AS last FROM (
  SELECT run_id FROM changed_run WHERE experiment_id = :experiment_id ORDER BY run_id LIMIT :limit
) AS first_ones;

-- name: forget_changed
DELETE FROM changed_run WHERE experiment_id = :experiment_id AND run_id <= :last;

-- name: forget_all_changed
DELETE FROM changed_run WHERE experiment_id = :experiment_id;

-- name: rankings_of_experiment
SELECT id, name, view, built_to, runs, used_ms FROM ranking WHERE experiment_id = :experiment_id ORDER BY id;

-- name: ranking_by_id
SELECT id, experiment_id, name, view, built_to, runs FROM ranking WHERE id = :id AND experiment_id IS NOT NULL;

-- name: add_ranking
INSERT INTO ranking (experiment_id, name, view, used_ms) VALUES (:experiment_id, :name, :view, :now_ms)
RETURNING id;

-- name: ranking_was_used
UPDATE ranking SET used_ms = :now_ms WHERE id = :id;

-- name: ranking_is_built
UPDATE ranking SET built_to = :built_to, runs = runs + :runs WHERE id = :id;

-- name: give_up_ranking
UPDATE ranking SET experiment_id = NULL WHERE id = :id;

-- name: give_up_rankings
UPDATE ranking SET experiment_id = NULL WHERE experiment_id = :experiment_id;

-- name: given_up_ranking
SELECT id FROM ranking WHERE experiment_id IS NULL LIMIT 1;

-- name: remove_ranked
DELETE FROM ranked WHERE ranking_id = :id AND run_id IN (
  SELECT run_id FROM ranked WHERE ranking_id = :id ORDER BY position LIMIT :rows
);

-- name: remove_ranking
DELETE FROM ranking WHERE id = :id;

-- name: unrank_changed
DELETE FROM ranked WHERE ranking_id = :id AND run_id IN (
  SELECT run_id FROM changed_run WHERE experiment_id = :experiment_id AND run_id <= :last
);

-- name: rank_run
INSERT INTO ranked (ranking_id, position, run_id) VALUES (:ranking_id, :position, :run_id);

-- name: is_large
-- A row if an experiment has more runs than that.
SELECT 1 AS yes FROM run WHERE experiment_id = :experiment_id LIMIT 1 OFFSET :runs;

-- name: greatest_run
SELECT max(id) AS id FROM run;

-- name: keys_of_experiment
SELECT kind, key, doubtful, version FROM run_key WHERE experiment_id = :experiment_id ORDER BY kind, key;

-- name: forget_keys
DELETE FROM run_key WHERE experiment_id = :experiment_id;

-- name: add_keys
-- Of active runs numbered above `after` up to `last`.
INSERT INTO run_key (experiment_id, kind, key)
SELECT DISTINCT run.experiment_id, 'metric', metric_key.name
FROM run JOIN series ON series.run_id = run.id JOIN metric_key ON metric_key.id = series.key_id
WHERE run.id > :after AND run.id <= :last AND run.experiment_id = :experiment_id AND run.lifecycle = 'active'
UNION ALL
SELECT DISTINCT run.experiment_id, 'param', param.key FROM run JOIN param ON param.run_id = run.id
WHERE run.id > :after AND run.id <= :last AND run.experiment_id = :experiment_id AND run.lifecycle = 'active'
UNION ALL
SELECT DISTINCT run.experiment_id, 'tag', tag.key FROM run JOIN tag ON tag.run_id = run.id
WHERE run.id > :after AND run.id <= :last AND run.experiment_id = :experiment_id AND run.lifecycle = 'active'
ON CONFLICT (experiment_id, kind, key) DO NOTHING;

-- name: add_keys_of_changed
INSERT INTO run_key (experiment_id, kind, key)
SELECT DISTINCT c.experiment_id, 'metric', metric_key.name
FROM changed_run AS c JOIN run ON run.id = c.run_id AND run.lifecycle = 'active'
JOIN series ON series.run_id = run.id JOIN metric_key ON metric_key.id = series.key_id
WHERE c.experiment_id = :experiment_id AND c.run_id <= :last
UNION ALL
SELECT DISTINCT c.experiment_id, 'param', param.key
FROM changed_run AS c JOIN run ON run.id = c.run_id AND run.lifecycle = 'active' JOIN param ON param.run_id = run.id
WHERE c.experiment_id = :experiment_id AND c.run_id <= :last
UNION ALL
SELECT DISTINCT c.experiment_id, 'tag', tag.key
FROM changed_run AS c JOIN run ON run.id = c.run_id AND run.lifecycle = 'active' JOIN tag ON tag.run_id = run.id
WHERE c.experiment_id = :experiment_id AND c.run_id <= :last
ON CONFLICT (experiment_id, kind, key) DO UPDATE SET doubtful = 0, version = run_key.version + 1
WHERE run_key.doubtful <> 0;

-- name: doubt_keys_of_deleted
UPDATE run_key SET doubtful = 1, version = version + 1
WHERE experiment_id = :experiment_id AND EXISTS (
  SELECT 1 FROM changed_run AS c JOIN run ON run.id = c.run_id AND run.lifecycle <> 'active'
  WHERE c.experiment_id = :experiment_id AND c.run_id <= :last
);

-- name: doubt_key
UPDATE run_key SET doubtful = 1, version = version + 1
WHERE experiment_id = :experiment_id AND kind = :kind AND key = :key;

-- name: run_with_metric
SELECT run.id FROM run JOIN series ON series.run_id = run.id
WHERE run.experiment_id = :experiment_id AND run.lifecycle = 'active'
  AND series.key_id = (SELECT id FROM metric_key WHERE name = :key)
LIMIT 1;

-- name: run_with_param
SELECT run.id FROM run JOIN param ON param.run_id = run.id AND param.key = :key
WHERE run.experiment_id = :experiment_id AND run.lifecycle = 'active'
LIMIT 1;

-- name: run_with_tag
SELECT run.id FROM run JOIN tag ON tag.run_id = run.id AND tag.key = :key
WHERE run.experiment_id = :experiment_id AND run.lifecycle = 'active'
LIMIT 1;

-- name: trust_key
UPDATE run_key SET doubtful = 0
WHERE experiment_id = :experiment_id AND kind = :kind AND key = :key AND version = :version;

-- name: remove_key
DELETE FROM run_key
WHERE experiment_id = :experiment_id AND kind = :kind AND key = :key AND version = :version AND doubtful <> 0;
