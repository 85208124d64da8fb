"""The records that Trackside keeps, as plain values. No HTTP, no SQL.

Times are milliseconds since the Unix epoch. MLflow's spellings of these stop at
`server/mlflow/wire.py`.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from msgspec import Struct, field

Lifecycle = Literal["active", "deleted"]
View = Literal["active", "deleted", "all"]
RunStatus = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
RUN_STATUSES: tuple[RunStatus, ...] = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")

LARGEST = 1.7976931348623157e308  # what MLflow stores for an infinite metric

# Tags with a meaning of their own
RUN_NAME = "mlflow.runName"
NOTE = "mlflow.note.content"
PARENT_RUN = "mlflow.parentRunId"
DATASET_CONTEXT = "mlflow.data.context"


class Point(NamedTuple):
    """One value of a metric. Identical points are one point."""

    key: str
    step: int
    timestamp_ms: int
    value: float  # NaN and infinities as they were sent


class Position(NamedTuple):
    """Where a point stands in the history of its metric."""

    timestamp_ms: int
    step: int
    compared: float  # its value; NaN as 0, infinities as the largest doubles
    is_nan: bool


def clamped(value: float) -> float:
    """The value as MLflow returns it: infinities become the largest double."""
    return math.copysign(LARGEST, value) if math.isinf(value) else value


class Experiment(Struct, frozen=True):
    id: int
    name: str
    artifact_location: str
    lifecycle: Lifecycle
    created_ms: int
    updated_ms: int
    tags: dict[str, str] = {}


class Activity(Struct, frozen=True):
    """How much goes on in an experiment; counts of its active runs."""

    runs: int = 0
    running: int = 0
    failed: int = 0
    last_ms: int | None = None


class Latest(Struct, frozen=True):
    """What is known of a metric without reading its history."""

    key: str
    step: int
    timestamp_ms: int
    value: float
    min: float | None  # over finite values
    max: float | None


class RunInfo(Struct, frozen=True):
    uuid: str
    experiment_id: int
    name: str
    user_id: str
    status: RunStatus
    lifecycle: Lifecycle
    start_ms: int
    end_ms: int | None
    artifact_uri: str


class Dataset(Struct, frozen=True):
    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Struct, frozen=True):
    """A dataset that a run read, with tags of that use (its context: training, evaluation)."""

    dataset: Dataset
    tags: dict[str, str] = {}


class ModelUse(Struct, frozen=True):
    """A logged model that a run read or wrote."""

    model_uuid: str
    step: int = 0


class Run(Struct, frozen=True):
    """A run with everything but the histories of its metrics."""

    info: RunInfo
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: list[Latest] = field(default_factory=list)
    datasets: list[DatasetInput] = field(default_factory=list)
    models_read: list[ModelUse] = field(default_factory=list)
    models_written: list[ModelUse] = field(default_factory=list)


LoggedModelStatus = Literal["PENDING", "READY", "FAILED"]


class ModelMetric(Struct, frozen=True):
    """A metric of a logged model, logged by a run, possibly on a dataset."""

    key: str
    step: int
    timestamp_ms: int
    value: float
    run_uuid: str
    dataset_name: str | None = None
    dataset_digest: str | None = None


class LoggedModel(Struct, frozen=True):
    uuid: str
    experiment_id: int
    name: str
    artifact_location: str
    status: LoggedModelStatus
    status_message: str | None
    model_type: str | None
    source_run_uuid: str | None
    created_ms: int
    updated_ms: int
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    metrics: list[ModelMetric] = []


class ModelVersion(Struct, frozen=True):
    name: str
    version: int
    stage: str
    status: str
    status_message: str | None
    description: str | None
    user_id: str | None
    source: str
    storage_location: str
    run_uuid: str | None
    run_link: str | None
    logged_model_uuid: str | None
    created_ms: int
    updated_ms: int
    aliases: list[str] = []
    tags: dict[str, str] = {}


class RegisteredModel(Struct, frozen=True):
    name: str
    description: str | None
    created_ms: int
    updated_ms: int
    tags: dict[str, str] = {}
    aliases: dict[str, int] = {}
    latest: list[ModelVersion] = []  # the highest version of each stage


WebhookStatus = Literal["ACTIVE", "DISABLED"]


class Webhook(Struct, frozen=True):
    """Who is told of which events. Its secret is only in the store."""

    uuid: str
    name: str
    url: str
    events: list[str]  # registered_model.created, …
    description: str | None
    status: WebhookStatus
    created_ms: int
    updated_ms: int


class Page(NamedTuple):
    """Which part of a list is wanted."""

    limit: int
    offset: int = 0


class Visible(NamedTuple):
    """What somebody may see of a kind: only these, or all but these."""

    only: bool
    names: frozenset[str]


class VisibleModels(NamedTuple):
    """The same of registered models and of prompts, which are kept among them; None for all."""

    models: Visible | None = None
    prompts: Visible | None = None


class Account(Struct, frozen=True):
    """A user, without what proves it."""

    id: int
    name: str
    is_admin: bool


class RolePermission(Struct, frozen=True, gc=False):  # there may be 100,000s
    id: int
    role_id: int
    resource_type: str
    resource_pattern: str
    permission: str


class Role(Struct, frozen=True):
    id: int
    workspace: str
    name: str
    description: str | None
    permissions: list[RolePermission] = []


class RoleMember(Struct, frozen=True):
    id: int
    account_id: int
    role_id: int


class Token(Struct, frozen=True):
    """A personal token, without its text."""

    id: int
    account_name: str
    name: str
    scope: str
    created_ms: int
    expires_ms: int | None


class AuditEntry(Struct, frozen=True):
    """Who did, or tried to do, what."""

    id: int
    time_ms: int
    who: str
    action: str
    detail: str
    address: str
    outcome: int  # HTTP status


class ArtifactEntry(Struct, frozen=True):
    path: str  # from the root that was listed
    is_dir: bool
    size_bytes: int | None = None
