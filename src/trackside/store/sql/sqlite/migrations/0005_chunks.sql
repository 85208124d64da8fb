-- Metric points at rest: up to 4,096 points of one metric of one run, in MLflow's order
-- (timestamp, step, value). The chunks of a series never overlap: their ranges of (ms, step) are
-- apart. Small columns come first and the points last: who reads statistics or sketches never
-- walks the pages of the points. An id is never given twice, so it names a content.
CREATE TABLE chunk (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id INTEGER NOT NULL REFERENCES run (id),
  key_id INTEGER NOT NULL REFERENCES metric_key (id),
  first_ms INTEGER NOT NULL,    -- first and last point in order
  first_step INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  last_step INTEGER NOT NULL,
  points INTEGER NOT NULL,
  min_step INTEGER NOT NULL,
  max_step INTEGER NOT NULL,
  step_order INTEGER NOT NULL,  -- 1: steps never fall, so the order by step is the order by time
  min_value REAL,               -- these four over finite values; null when there is none
  max_value REAL,
  sum_value REAL,
  last_value REAL,
  nans INTEGER NOT NULL,
  pos_inf INTEGER NOT NULL,
  neg_inf INTEGER NOT NULL,
  codec INTEGER NOT NULL,       -- 1 narrow, 2 pcodec
  level INTEGER NOT NULL,       -- how hard it was packed: 4 while the run goes on, 8 when it has ended
  sketch BLOB,                  -- ranges of 64 points each; null where one would be all
  data BLOB NOT NULL
) STRICT;

CREATE INDEX chunk_by_series ON chunk (run_id, key_id, first_ms);

-- How often a run's chunks were rewritten. Who rewrites them again names the number it has read, so
-- that of two who do it at once one fails. `is_finished`: all chunks are full and packed at level 8.
CREATE TABLE compaction (
  run_id INTEGER PRIMARY KEY REFERENCES run (id),
  generation INTEGER NOT NULL,
  is_finished INTEGER NOT NULL
) STRICT;
