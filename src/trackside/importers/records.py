"""What is moved, as plain records: the same from every source, and the lines of an export.

Times are milliseconds since the Unix epoch. An experiment's id is the source's: a text, since not every source
counts. Metric points are apart, in pages of columns: a run may have more of them than memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Struct

LARGEST = 1.7976931348623157e308  # what MLflow's databases hold for an infinite metric


class Experiment(Struct, omit_defaults=True):
    id: str
    name: str
    location: str
    lifecycle: str = "active"
    created_ms: int = 0
    updated_ms: int = 0
    tags: dict[str, str] = {}


class DatasetUse(Struct, omit_defaults=True):
    """A dataset that a run read, with tags of that use."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None
    tags: dict[str, str] = {}


class ModelUse(Struct, omit_defaults=True):
    """A logged model that a run read or wrote."""

    model_id: str
    step: int = 0


class Run(Struct, omit_defaults=True):
    id: str
    experiment_id: str
    artifact_uri: str
    name: str = ""
    user_id: str = ""
    status: str = "RUNNING"
    lifecycle: str = "active"
    start_ms: int = 0
    end_ms: int | None = None
    deleted_ms: int | None = None
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    datasets: list[DatasetUse] = []
    models_read: list[ModelUse] = []
    models_written: list[ModelUse] = []
    # Names of its metrics with (step, time, value) of the latest point where the source says so: by this a
    # run that has changed is told from one that has not. Not exported.
    latest: dict[str, tuple[int, int, str]] = {}
    points: int = 0  # how many, where the source tells it; for the same purpose, and not exported either


class LoggedModel(Struct, omit_defaults=True):
    id: str
    experiment_id: str
    name: str
    location: str
    status: str = "READY"
    status_message: str | None = None
    lifecycle: str = "active"
    model_type: str | None = None
    run_id: str | None = None
    created_ms: int = 0
    updated_ms: int = 0
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    metrics: list[ModelMetric] = []


class ModelMetric(Struct, omit_defaults=True):
    """A metric of a logged model. Its value is written as the 16 hexadecimal digits of the float64: JSON has no NaN."""

    key: str
    step: int
    time_ms: int
    value: str
    run_id: str
    dataset_name: str | None = None
    dataset_digest: str | None = None


class Version(Struct, omit_defaults=True):
    version: int
    source: str = ""
    location: str = ""  # the source with models:/ followed; empty where it is the same
    stage: str = "None"
    status: str = "READY"
    status_message: str | None = None
    description: str | None = None
    user_id: str | None = None
    run_id: str | None = None
    run_link: str | None = None
    model_id: str | None = None
    created_ms: int = 0
    updated_ms: int = 0
    tags: dict[str, str] = {}


class RegisteredModel(Struct, omit_defaults=True):
    name: str
    description: str | None = None
    created_ms: int = 0
    updated_ms: int = 0
    last_version: int = 0  # the greatest number ever given, also to a version that was deleted
    tags: dict[str, str] = {}
    aliases: dict[str, int] = {}
    versions: list[Version] = []


class Points(NamedTuple):
    """A page of one run's metric points, by column; all of one length but `names`."""

    names: list[str]
    key: npt.NDArray[np.int32]  # places in `names`
    step: npt.NDArray[np.int64]
    time_ms: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]


class File(NamedTuple):
    """A file among the artifacts of a run or a logged model."""

    path: str  # from its root
    size_bytes: int | None
    sha256: str = ""  # where the source knows it
    mark: str = ""  # changes with the content: a time or an ETag, where the source tells one
    error: str = ""  # why this file, or all of this folder, cannot be read


class LeftOut(NamedTuple):
    """What is not moved."""

    what: str
    number: int  # -1 for one that is not known
    why: str
    is_wrong: bool = False  # it is damaged, so the import is not whole


def points_of(rows: Iterable[Sequence[Any]]) -> Points:
    """Columns of (name, step, time, value); None for none."""
    keys, steps, times, values = zip(*rows, strict=True)
    names = list(dict.fromkeys(keys))
    places = {name: place for place, name in enumerate(names)}
    return Points(
        names,
        np.array([places[key] for key in keys], np.int32),
        np.array(steps, np.int64),
        np.array(times, np.int64),
        unclamped(np.array(values, np.float64)),
    )


def unclamped(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """MLflow's databases keep an infinity as the largest double, and nobody logs that: it is an infinity again."""
    values[values == LARGEST] = np.inf
    values[values == -LARGEST] = -np.inf
    return values


def hexed(value: float) -> str:
    """The bits of a float64."""
    bits: int = np.array([value], np.float64).view(np.uint64)[0].item()
    return f"{bits:016x}"


def unhexed(digits: str) -> float:
    return float(np.array([int(digits, 16)], np.uint64).view(np.float64)[0])
