// Made by scripts/api-types from src/trackside/server/native/shapes.py; edit that file instead.

export type Number = number | '-Infinity' | 'Infinity' | 'NaN';

export type Lifecycle = 'active' | 'deleted';

export type View = 'active' | 'all' | 'deleted';

export type RunStatus = 'FAILED' | 'FINISHED' | 'KILLED' | 'RUNNING' | 'SCHEDULED';

export type Tags = Record<string, string>;

/**
 * Body of every error answer of this API.
 */
export interface Problem {
  code: string;
  message: string;
}

/**
 * GET /info
 */
export interface ServerInfo {
  version: string;
  store: string;
  auth: boolean;
}

export interface Experiment {
  experiment_id: string;
  name: string;
  lifecycle: 'active' | 'deleted';
  artifact_location: string;
  created_ms: number;
  updated_ms: number;
  tags: Record<string, string>;
  runs: number;
  running: number;
  failed: number;
  last_activity_ms: number | null;
}

/**
 * GET /experiments?view=active&search=TEXT; newest activity first.
 */
export interface ExperimentList {
  experiments: Experiment[];
}

/**
 * POST /experiments -> Experiment
 */
export interface NewExperiment {
  name: string;
}

/**
 * PATCH /experiments/{id} -> Experiment. Also DELETE /experiments/{id}, POST /experiments/{id}/restore.
 */
export interface ExperimentPatch {
  name?: string;
  description?: string;
}

/**
 * GET /experiments/{id}/columns: keys that runs of this experiment have, sorted.
 */
export interface RunColumns {
  metrics: string[];
  params: string[];
  tags: string[];
}

/**
 * POST /runs/query -> RunsPage. At most 500 columns, named as in the search language:
 * `attributes.run_name`, `metrics.loss`, `min(metrics.loss)`, `params.lr`, `tags.team`; and
 * `attributes.last_logged`, the greatest time of the metrics' latest points.
 */
export interface RunsQuery {
  experiment_ids: string[];
  filter?: string;
  order_by?: string[];
  columns?: string[];
  view?: 'active' | 'all' | 'deleted';
  offset?: number;
  limit?: number;
}

/**
 * One window of the runs table, by columns. Every run has the fixed columns;
 * `cells[name][i]` belongs to run i and is null where the run lacks the key.
 */
export interface RunsPage {
  total: number;
  total_is_exact: boolean;
  run_ids: string[];
  names: string[];
  experiment_ids: string[];
  statuses: ('FAILED' | 'FINISHED' | 'KILLED' | 'RUNNING' | 'SCHEDULED')[];
  start_ms: (number | null)[];
  end_ms: (number | null)[];
  parent_run_ids: (string | null)[];
  cells: Record<string, (number | '-Infinity' | 'Infinity' | 'NaN' | string | null)[]>;
}

export interface MetricSummary {
  key: string;
  value: number | '-Infinity' | 'Infinity' | 'NaN';
  step: number;
  timestamp_ms: number;
  min: number | '-Infinity' | 'Infinity' | 'NaN' | null;
  max: number | '-Infinity' | 'Infinity' | 'NaN' | null;
}

export interface Dataset {
  name: string;
  digest: string;
  source_type: string;
  source: string;
  context: string | null;
  schema: string | null;
  profile: string | null;
}

export interface LoggedModel {
  model_id: string;
  name: string;
  status: string;
  artifact_location: string;
  created_ms: number;
}

/**
 * A registered version made from this run.
 */
export interface VersionRef {
  name: string;
  version: string;
}

export interface RunRef {
  run_id: string;
  name: string;
  status: 'FAILED' | 'FINISHED' | 'KILLED' | 'RUNNING' | 'SCHEDULED';
}

/**
 * GET /runs/{run_id}
 */
export interface Run {
  run_id: string;
  name: string;
  experiment_id: string;
  experiment_name: string;
  status: 'FAILED' | 'FINISHED' | 'KILLED' | 'RUNNING' | 'SCHEDULED';
  lifecycle: 'active' | 'deleted';
  user: string;
  start_ms: number | null;
  end_ms: number | null;
  artifact_uri: string;
  description: string;
  params: Record<string, string>;
  tags: Record<string, string>;
  metrics: MetricSummary[];
  datasets: Dataset[];
  models: LoggedModel[];
  versions: VersionRef[];
  parent: RunRef | null;
  children: RunRef[];
}

/**
 * PATCH /runs/{run_id} -> Run. Also DELETE /runs/{run_id}, POST /runs/{run_id}/restore.
 */
export interface RunPatch {
  name?: string;
  description?: string;
}

/**
 * PUT /runs/{run_id}/tags/{key}; DELETE the same. The same under /models/{name}/tags and
 * /models/{name}/versions/{version}/tags. Answers {}.
 */
export interface TagValue {
  value: string;
}

/**
 * POST /series/query -> SeriesAnswer: every metric of every run named.
 *
 * With `Accept: application/vnd.trackside.series` the answer is binary (docs/storage.md). Its ETag, sent
 * back as If-None-Match, is answered by 304 while no point was logged to these runs.
 */
export interface SeriesQuery {
  run_ids: string[];
  metrics: string[];
  axis?: 'relative' | 'step' | 'time';
  start?: number | null;
  end?: number | null;
  buckets?: number;
}

/**
 * A value that no line can show.
 */
export interface Mark {
  x: number;
  kind: '-Infinity' | 'Infinity' | 'NaN';
}

/**
 * One line. When `exact`, `last` holds every finite point of the window and `min` and
 * `max` are empty; otherwise one entry per bucket that has points. `x` ascends.
 */
export interface Series {
  run_id: string;
  metric: string;
  points: number;
  exact: boolean;
  x: number[];
  step: number[];
  time_ms: number[];
  last: number[];
  min: number[];
  max: number[];
  marks: Mark[];
}

export interface SeriesAnswer {
  series: Series[];
}

export interface ArtifactFile {
  path: string;
  is_dir: boolean;
  size_bytes: number | null;
}

/**
 * GET /runs/{run_id}/artifacts?path=DIR. One file: GET /runs/{run_id}/artifacts/file?path=FILE
 * (bytes with their media type, sandboxed; `&download=1` as an attachment).
 * A model version's: the same under /models/{name}/versions/{version}/artifacts.
 */
export interface ArtifactList {
  root_uri: string;
  files: ArtifactFile[];
}

/**
 * POST /models -> RegisteredModel
 */
export interface NewRegisteredModel {
  name: string;
  description?: string;
}

/**
 * POST /models/{name}/versions -> ModelVersion. Makes the registered model when there is none.
 * `path` is the model's folder among the run's artifacts (or names the run's logged model).
 */
export interface NewModelVersion {
  run_id: string;
  path?: string;
  model_id?: string | null;
  description?: string;
}

export interface ModelVersion {
  name: string;
  version: string;
  status: string;
  stage: string;
  description: string;
  source: string;
  run_id: string | null;
  run_name: string | null;
  experiment_id: string | null;
  model_id: string | null;
  created_ms: number;
  updated_ms: number;
  aliases: string[];
  tags: Record<string, string>;
}

/**
 * GET /models/{name}; DELETE the same.
 */
export interface RegisteredModel {
  name: string;
  description: string;
  created_ms: number;
  updated_ms: number;
  tags: Record<string, string>;
  aliases: Record<string, string>;
  versions: ModelVersion[];
}

export interface RegisteredModelSummary {
  name: string;
  description: string;
  created_ms: number;
  updated_ms: number;
  versions: number;
  latest_version: string | null;
  aliases: Record<string, string>;
}

/**
 * GET /models?search=TEXT
 */
export interface RegisteredModelList {
  models: RegisteredModelSummary[];
}

/**
 * PATCH /models/{name} and PATCH /models/{name}/versions/{version}
 */
export interface DescriptionPatch {
  description: string;
}

/**
 * PUT /models/{name}/aliases/{alias}; DELETE the same. Answers {}.
 */
export interface AliasTarget {
  version: string;
}

/**
 * {}
 */
export interface Empty {

}

/**
 * GET /me: who sends this request; an empty name on a server without sign-in.
 */
export interface Me {
  name: string;
  is_admin: boolean;
  auth: boolean;
  scope: string;
}

/**
 * `data` of one server-sent event of GET /events?topic=…&topic=….
 *
 * Topics: `experiments`, `experiment:ID` (its runs), `run:ID`, `models`, `model:NAME`.
 * Kinds: `metrics` (run topic; new points), `metrics-changed` (run topic; too many points to
 * carry: ask again), `run` (status, params, tags, name or artifacts of the run changed; on the
 * experiment topic too, at most a few times a second for each run), `runs` (experiment topic:
 * a run was made, deleted or restored), `experiment`, `model`, and `resync` (events were
 * missed: ask for everything again). A comment line comes every 15 s as a heartbeat.
 */
export interface Event {
  kind: 'experiment' | 'metrics' | 'metrics-changed' | 'model' | 'resync' | 'run' | 'runs';
  topic: string;
  run_id?: string;
  points?: Record<string, ([number, number, number | '-Infinity' | 'Infinity' | 'NaN'])[]>;
  keys?: string[];
}
