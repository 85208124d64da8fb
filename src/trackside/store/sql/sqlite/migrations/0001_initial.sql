-- The first schema. Times are milliseconds since the Unix epoch. `id` is an internal number;
-- `uuid` is the id that clients see. Nothing here holds NaN: SQLite would make it NULL.

CREATE TABLE experiment (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- MLflow's experiment_id, counting up from 0
  name TEXT NOT NULL UNIQUE,
  artifact_location TEXT NOT NULL,
  lifecycle TEXT NOT NULL DEFAULT 'active',  -- active, deleted
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE experiment_tag (
  experiment_id INTEGER NOT NULL REFERENCES experiment (id),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (experiment_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid TEXT NOT NULL UNIQUE,  -- MLflow's run_id, 32 hex digits
  experiment_id INTEGER NOT NULL REFERENCES experiment (id),
  name TEXT NOT NULL,
  user_id TEXT NOT NULL,
  status TEXT NOT NULL,  -- RUNNING, SCHEDULED, FINISHED, FAILED, KILLED
  lifecycle TEXT NOT NULL DEFAULT 'active',
  start_ms INTEGER NOT NULL,
  end_ms INTEGER,
  deleted_ms INTEGER,
  artifact_uri TEXT NOT NULL
) STRICT;

-- what an experiment's counts and last activity are read from, without its runs
CREATE INDEX run_activity ON run (experiment_id, lifecycle, status, start_ms, end_ms);
CREATE INDEX run_by_start ON run (experiment_id, lifecycle, start_ms DESC, uuid);

CREATE TABLE param (
  run_id INTEGER NOT NULL REFERENCES run (id),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE tag (
  run_id INTEGER NOT NULL REFERENCES run (id),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;

-- children of a run
CREATE INDEX tag_parent ON tag (value, run_id) WHERE key = 'mlflow.parentRunId';

CREATE TABLE metric_key (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- Metric points as they arrived: one row a request and run, columns packed in `payload`.
CREATE TABLE tail (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id INTEGER NOT NULL REFERENCES run (id),
  points INTEGER NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;

CREATE INDEX tail_by_run ON tail (run_id, id);

-- What search, tables and charts' legends need of a metric without reading its points.
CREATE TABLE series (
  run_id INTEGER NOT NULL REFERENCES run (id),
  key_id INTEGER NOT NULL REFERENCES metric_key (id),
  last_step INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  last_value REAL NOT NULL,     -- 0 when last_nan; infinities as they are
  last_nan INTEGER NOT NULL,
  min_value REAL,               -- over finite values; null when there is none
  max_value REAL,
  PRIMARY KEY (run_id, key_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE dataset (
  id INTEGER PRIMARY KEY,
  experiment_id INTEGER NOT NULL REFERENCES experiment (id),
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  source_type TEXT NOT NULL,
  source TEXT NOT NULL,
  schema TEXT,
  profile TEXT,
  UNIQUE (experiment_id, name, digest)
) STRICT;

CREATE TABLE run_dataset (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES run (id),
  dataset_id INTEGER NOT NULL REFERENCES dataset (id),
  UNIQUE (run_id, dataset_id)
) STRICT;

CREATE TABLE run_dataset_tag (
  run_dataset_id INTEGER NOT NULL REFERENCES run_dataset (id),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_dataset_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE logged_model (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid TEXT NOT NULL UNIQUE,  -- MLflow's model_id, "m-" and 32 hex digits
  experiment_id INTEGER NOT NULL REFERENCES experiment (id),
  name TEXT NOT NULL,
  artifact_location TEXT NOT NULL,
  status TEXT NOT NULL,  -- PENDING, READY, FAILED
  status_message TEXT,
  lifecycle TEXT NOT NULL DEFAULT 'active',
  model_type TEXT,
  source_run_uuid TEXT,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX logged_model_by_experiment ON logged_model (experiment_id, lifecycle, created_ms DESC, uuid);
CREATE INDEX logged_model_by_run ON logged_model (source_run_uuid) WHERE source_run_uuid IS NOT NULL;

CREATE TABLE logged_model_param (
  model_id INTEGER NOT NULL REFERENCES logged_model (id),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE logged_model_tag (
  model_id INTEGER NOT NULL REFERENCES logged_model (id),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model_id, key)
) STRICT, WITHOUT ROWID;

-- Metrics that name a logged model are kept with the run and here.
CREATE TABLE logged_model_metric (
  model_id INTEGER NOT NULL REFERENCES logged_model (id),
  key TEXT NOT NULL,
  timestamp_ms INTEGER NOT NULL,
  step INTEGER NOT NULL,
  run_uuid TEXT NOT NULL,
  value REAL NOT NULL,
  is_nan INTEGER NOT NULL,
  dataset_name TEXT,
  dataset_digest TEXT,
  PRIMARY KEY (model_id, key, timestamp_ms, step, run_uuid)
) STRICT, WITHOUT ROWID;

-- Logged models that a run read (direction 'input') or wrote ('output').
CREATE TABLE run_model (
  run_id INTEGER NOT NULL REFERENCES run (id),
  model_uuid TEXT NOT NULL,
  direction TEXT NOT NULL,
  step INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run_id, direction, model_uuid)
) STRICT, WITHOUT ROWID;

CREATE TABLE registered_model (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  description TEXT,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  last_version INTEGER NOT NULL DEFAULT 0  -- never goes back, so a deleted number is not used again
) STRICT;

CREATE TABLE registered_model_tag (
  model_id INTEGER NOT NULL REFERENCES registered_model (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE model_version (
  model_id INTEGER NOT NULL REFERENCES registered_model (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  stage TEXT NOT NULL DEFAULT 'None',
  status TEXT NOT NULL DEFAULT 'READY',
  status_message TEXT,
  description TEXT,
  user_id TEXT,
  source TEXT NOT NULL,
  storage_location TEXT NOT NULL,  -- the source with models:/ references followed
  run_uuid TEXT,
  run_link TEXT,
  logged_model_uuid TEXT,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  PRIMARY KEY (model_id, version)
) STRICT, WITHOUT ROWID;

CREATE INDEX model_version_by_run ON model_version (run_uuid) WHERE run_uuid IS NOT NULL;

CREATE TABLE model_version_tag (
  model_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model_id, version, key),
  FOREIGN KEY (model_id, version) REFERENCES model_version (model_id, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE registered_model_alias (
  model_id INTEGER NOT NULL REFERENCES registered_model (id) ON DELETE CASCADE,
  alias TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (model_id, alias),
  FOREIGN KEY (model_id, version) REFERENCES model_version (model_id, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
