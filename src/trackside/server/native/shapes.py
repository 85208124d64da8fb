"""JSON shapes of Trackside's own API, `/api/trackside/v1/…`.

One struct per request and per response body. The UI's TypeScript types are generated
from these (`scripts/api-types`), so a field that changes here changes there or the
build fails. Times are milliseconds since the Unix epoch, durations and sizes carry
their unit in their name. A metric value that JSON has no number for is the string
"NaN", "Infinity" or "-Infinity".
"""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

Number = float | Literal["NaN", "Infinity", "-Infinity"]
Lifecycle = Literal["active", "deleted"]
View = Literal["active", "deleted", "all"]
RunStatus = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
Tags = dict[str, str]


class Problem(Struct):
    """Body of every error answer of this API."""

    code: str
    message: str


class ServerInfo(Struct):
    """GET /info"""

    version: str
    store: str  # "sqlite" or "postgresql"
    auth: bool


# --- experiments -----------------------------------------------------------


class Experiment(Struct):
    experiment_id: str
    name: str
    lifecycle: Lifecycle
    artifact_location: str
    created_ms: int
    updated_ms: int
    tags: Tags
    runs: int  # active runs
    running: int
    failed: int
    last_activity_ms: int | None  # newest start or end of a run


class ExperimentList(Struct):
    """GET /experiments?view=active&search=TEXT; newest activity first."""

    experiments: list[Experiment]


class NewExperiment(Struct):
    """POST /experiments -> Experiment"""

    name: str


class ExperimentPatch(Struct):
    """PATCH /experiments/{id} -> Experiment. Also DELETE /experiments/{id}, POST /experiments/{id}/restore."""

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class RunColumns(Struct):
    """GET /experiments/{id}/columns: keys that runs of this experiment have, sorted."""

    metrics: list[str]
    params: list[str]
    tags: list[str]


# --- runs ------------------------------------------------------------------


class RunsQuery(Struct):
    """POST /runs/query -> RunsPage. At most 500 columns, named as in the search language:
    `attributes.run_name`, `metrics.loss`, `min(metrics.loss)`, `params.lr`, `tags.team`; and
    `attributes.last_logged`, the greatest time of the metrics' latest points."""

    experiment_ids: list[str]
    filter: str = ""
    order_by: list[str] = []
    columns: list[str] = []
    view: View = "active"
    offset: int = 0
    limit: int = 100  # at most 1,000


class RunsPage(Struct):
    """One window of the runs table, by columns. Every run has the fixed columns;
    `cells[name][i]` belongs to run i and is null where the run lacks the key."""

    total: int
    total_is_exact: bool
    run_ids: list[str]
    names: list[str]
    experiment_ids: list[str]
    statuses: list[RunStatus]
    start_ms: list[int | None]
    end_ms: list[int | None]
    parent_run_ids: list[str | None]
    cells: dict[str, list[Number | str | None]]


class MetricSummary(Struct):
    key: str
    value: Number  # latest: greatest (step, timestamp, value)
    step: int
    timestamp_ms: int
    min: Number | None  # over finite values; null when there is none
    max: Number | None


class Dataset(Struct):
    name: str
    digest: str
    source_type: str
    source: str
    context: str | None
    schema: str | None = None
    profile: str | None = None


class LoggedModel(Struct):
    model_id: str
    name: str
    status: str  # PENDING, READY, FAILED
    artifact_location: str
    created_ms: int


class VersionRef(Struct):
    """A registered version made from this run."""

    name: str
    version: str


class RunRef(Struct):
    run_id: str
    name: str
    status: RunStatus


class Run(Struct):
    """GET /runs/{run_id}"""

    run_id: str
    name: str
    experiment_id: str
    experiment_name: str
    status: RunStatus
    lifecycle: Lifecycle
    user: str
    start_ms: int | None
    end_ms: int | None
    artifact_uri: str
    description: str  # tag mlflow.note.content, Markdown
    params: Tags
    tags: Tags  # without mlflow.note.content
    metrics: list[MetricSummary]  # sorted by key
    datasets: list[Dataset]
    models: list[LoggedModel]
    versions: list[VersionRef]
    parent: RunRef | None
    children: list[RunRef]


class RunPatch(Struct):
    """PATCH /runs/{run_id} -> Run. Also DELETE /runs/{run_id}, POST /runs/{run_id}/restore."""

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class TagValue(Struct):
    """PUT /runs/{run_id}/tags/{key}; DELETE the same. The same under /models/{name}/tags and
    /models/{name}/versions/{version}/tags. Answers {}."""

    value: str


# --- metric series ---------------------------------------------------------


class SeriesQuery(Struct):
    """POST /series/query -> SeriesAnswer: every metric of every run named.

    With `Accept: application/vnd.trackside.series` the answer is binary (docs/storage.md). Its ETag, sent
    back as If-None-Match, is answered by 304 while no point was logged to these runs.
    """

    run_ids: list[str]  # at most 100
    metrics: list[str]  # at most 200
    axis: Literal["step", "time", "relative"] = "step"  # relative: ms since the run's start
    start: float | None = None  # window on the axis, both ends included
    end: float | None = None
    buckets: int = 800  # at most 4,000; about twice the pixels of the chart


class Mark(Struct):
    """A value that no line can show."""

    x: float
    kind: Literal["NaN", "Infinity", "-Infinity"]


class Series(Struct):
    """One line. When `exact`, `last` holds every finite point of the window and `min` and
    `max` are empty; otherwise one entry per bucket that has points. `x` ascends."""

    run_id: str
    metric: str
    points: int  # in the window
    exact: bool
    x: list[float]  # on the axis asked for
    step: list[int]
    time_ms: list[int]
    last: list[float]
    min: list[float]
    max: list[float]
    marks: list[Mark]


class SeriesAnswer(Struct):
    series: list[Series]


# --- artifacts -------------------------------------------------------------


class ArtifactFile(Struct):
    path: str  # from the run's artifact root
    is_dir: bool
    size_bytes: int | None  # null for folders


class ArtifactList(Struct):
    """GET /runs/{run_id}/artifacts?path=DIR. One file: GET /runs/{run_id}/artifacts/file?path=FILE
    (bytes with their media type, sandboxed; `&download=1` as an attachment).
    A model version's: the same under /models/{name}/versions/{version}/artifacts."""

    root_uri: str
    files: list[ArtifactFile]  # folders first, then by name


# --- registered models -----------------------------------------------------


class NewRegisteredModel(Struct):
    """POST /models -> RegisteredModel"""

    name: str
    description: str = ""


class NewModelVersion(Struct):
    """POST /models/{name}/versions -> ModelVersion. Makes the registered model when there is none.
    `path` is the model's folder among the run's artifacts (or names the run's logged model)."""

    run_id: str
    path: str = ""
    model_id: str | None = None
    description: str = ""


class ModelVersion(Struct):
    name: str
    version: str
    status: str  # READY, PENDING_REGISTRATION, FAILED_REGISTRATION
    stage: str  # None, Staging, Production, Archived
    description: str
    source: str
    run_id: str | None
    run_name: str | None
    experiment_id: str | None
    model_id: str | None
    created_ms: int
    updated_ms: int
    aliases: list[str]
    tags: Tags


class RegisteredModel(Struct):
    """GET /models/{name}; DELETE the same."""

    name: str
    description: str
    created_ms: int
    updated_ms: int
    tags: Tags
    aliases: dict[str, str]  # alias -> version
    versions: list[ModelVersion]  # newest first


class RegisteredModelSummary(Struct):
    name: str
    description: str
    created_ms: int
    updated_ms: int
    versions: int
    latest_version: str | None
    aliases: dict[str, str]


class RegisteredModelList(Struct):
    """GET /models?search=TEXT"""

    models: list[RegisteredModelSummary]


class DescriptionPatch(Struct):
    """PATCH /models/{name} and PATCH /models/{name}/versions/{version}"""

    description: str


class AliasTarget(Struct):
    """PUT /models/{name}/aliases/{alias}; DELETE the same. Answers {}."""

    version: str


class Empty(Struct):
    """{}"""


# --- who may do what -------------------------------------------------------


class Me(Struct):
    """GET /me: who sends this request; an empty name on a server without sign-in."""

    name: str
    is_admin: bool
    auth: bool
    scope: str  # read, edit, admin: what the token allows; admin for a password or a session


# --- live updates ----------------------------------------------------------


class Event(Struct, omit_defaults=True):
    """`data` of one server-sent event of GET /events?topic=…&topic=….

    Topics: `experiments`, `experiment:ID` (its runs), `run:ID`, `models`, `model:NAME`.
    Kinds: `metrics` (run topic; new points), `metrics-changed` (run topic; too many points to
    carry: ask again), `run` (status, params, tags, name or artifacts of the run changed; on the
    experiment topic too, at most a few times a second for each run), `runs` (experiment topic:
    a run was made, deleted or restored), `experiment`, `model`, and `resync` (events were
    missed: ask for everything again). A comment line comes every 15 s as a heartbeat.
    """

    kind: Literal["metrics", "metrics-changed", "run", "runs", "experiment", "model", "resync"]
    topic: str
    run_id: str = ""
    # metrics: key -> [[step, timestamp_ms, value], …]
    points: dict[str, list[tuple[int, int, Number]]] = field(default_factory=dict)
    keys: list[str] = []
