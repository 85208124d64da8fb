"""The folder that `trackside export` writes and `trackside import folder` reads.

    export.json              format, counts, and the SHA-256 of each of the files beside it; written last
    experiments.jsonl        one record a line, as the other .jsonl
    logged_models.jsonl      with their metrics and the list of their files
    runs.jsonl               with the list of their files, and which rows of points.parquet are theirs
    registered_models.jsonl  with their versions
    points.parquet           metric points: run, key, step, time_ms, value; runs in the order of runs.jsonl, keys in
                             alphabetical order, points in MLflow's; row groups of 262,144 rows
    artifacts/runs/ID/…      files as they were logged
    artifacts/models/ID/…

The same store gives the same bytes, by the same release of pyarrow.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from msgspec import Struct

from trackside.importers.records import LoggedModel, Run

FORMAT = 1
MANIFEST, POINTS = "export.json", "points.parquet"
EXPERIMENTS, MODELS, RUNS, REGISTERED = (
    f"{name}.jsonl" for name in ("experiments", "logged_models", "runs", "registered_models")
)
GROUP_ROWS = 262_144
COLUMNS = ("run", "key", "step", "time_ms", "value")


class StoredFile(Struct):
    path: str
    size: int
    sha256: str


class RunLine(Struct, omit_defaults=True):
    run: Run
    first_row: int = 0
    rows: int = 0
    files: list[StoredFile] = []


class ModelLine(Struct, omit_defaults=True):
    model: LoggedModel
    files: list[StoredFile] = []


class Part(Struct):
    size: int
    sha256: str


class Manifest(Struct):
    format: int
    counts: dict[str, int]
    files: dict[str, Part]


def folder_of(owner: Run | LoggedModel) -> str:
    """Where in the export its files are."""
    return f"artifacts/{'runs' if isinstance(owner, Run) else 'models'}/{owner.id}"


def part_of(path: Path) -> Part:
    """Size and SHA-256 of a file."""
    with path.open("rb") as file:
        return Part(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
