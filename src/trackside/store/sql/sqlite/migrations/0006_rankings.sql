-- Orders of an experiment's runs, made when somebody asks for one and kept from then on, so that a page in an order,
-- or of the runs that satisfy a comparison, is a walk of an index. Nothing here is but what the runs say too.

CREATE TABLE ranking (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- null: given up, its rows go bit by bit
  experiment_id INTEGER REFERENCES experiment (id) ON DELETE SET NULL,
  name TEXT NOT NULL,         -- the order as filters.rankings writes it; 'columns': the table run_key
  view TEXT NOT NULL,         -- active, deleted, all
  built_to INTEGER NOT NULL DEFAULT 0,  -- runs numbered up to this are in it
  runs INTEGER NOT NULL DEFAULT 0,      -- how many that were, about
  used_ms INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX ranking_of_experiment ON ranking (experiment_id, name, view);

CREATE TABLE ranked (
  ranking_id INTEGER NOT NULL REFERENCES ranking (id),
  position BLOB NOT NULL,     -- compares as the runs do; see filters.positions
  run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  PRIMARY KEY (ranking_id, position)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX ranked_run ON ranked (run_id, ranking_id);

-- Runs that have changed since the rankings of their experiment were brought up to date; none of others.
CREATE TABLE changed_run (
  experiment_id INTEGER NOT NULL,
  run_id INTEGER NOT NULL,
  PRIMARY KEY (experiment_id, run_id)
) STRICT, WITHOUT ROWID;

-- Keys that active runs of an experiment have.
CREATE TABLE run_key (
  experiment_id INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,         -- metric, param, tag
  key TEXT NOT NULL,
  doubtful INTEGER NOT NULL DEFAULT 0,  -- a run that had it lost it or was deleted
  version INTEGER NOT NULL DEFAULT 0,   -- counts the changes of `doubtful`
  PRIMARY KEY (experiment_id, kind, key)
) STRICT, WITHOUT ROWID;
