"""What an export says of itself, checked before anything is written: somebody may have changed it, or made it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

import msgspec

from trackside.errors import InvalidParameter
from trackside.importers import layout
from trackside.importers.layout import Manifest, ModelLine, RunLine, StoredFile
from trackside.importers.records import Experiment, RegisteredModel
from trackside.importers.source import STORE, is_in_store

PARTS = (layout.EXPERIMENTS, layout.MODELS, layout.RUNS, layout.REGISTERED, layout.POINTS)
LIFECYCLES = ("active", "deleted")
VERSION_STATUSES = ("READY", "PENDING_REGISTRATION", "FAILED_REGISTRATION")
GREATEST_VERSION = 2**31 - 1  # after a greater one no version could be made
_HEX = re.compile(r"[0-9a-f]{16}")


class Check:
    """Takes the records one after the other; what is wrong with each, and at the end with all of them, in words."""

    def __init__(self) -> None:
        from trackside.model import RUN_STATUSES, LoggedModelStatus  # noqa: PLC0415 - tests/test_layout.py

        self._run_statuses = RUN_STATUSES
        self._model_statuses = get_args(LoggedModelStatus)
        self._counts: Counter[str] = Counter()
        self._experiments: set[str] = set()
        self._seen: set[tuple[str, str]] = set()
        self._next_row = 0

    def faults(self, record: Any) -> Iterator[str]:
        """Of one line of a file."""
        if list(_too_large(msgspec.to_builtins(record))):
            yield "a number has more than 64 bits"
        if isinstance(record, Experiment):
            yield from self._experiment(record)
        elif isinstance(record, RunLine):
            yield from self._run(record)
        elif isinstance(record, ModelLine):
            yield from self._logged_model(record)
        elif isinstance(record, RegisteredModel):
            yield from self._registered(record)

    def total(self, manifest: Manifest, rows: int) -> Iterator[str]:
        """Of all of them, beside what the manifest counts and how many rows of points there are."""
        for kind in (
            "experiments",
            "runs",
            "logged_models",
            "registered_models",
            "versions",
            "files",
            "bytes",
        ):
            if (said := manifest.counts.get(kind, 0)) != self._counts[kind]:
                named = kind.replace("_", " ")
                yield f"{layout.MANIFEST} counts {said:,} {named}, and there are {self._counts[kind]:,}"
        said = manifest.counts.get("points", 0)
        if not said == self._next_row == rows:
            yield (
                f"{layout.MANIFEST} counts {said:,} points, {layout.RUNS} {self._next_row:,}, and {layout.POINTS}"
                f" has {rows:,}"
            )

    def _experiment(self, found: Experiment) -> Iterator[str]:
        self._counts["experiments"] += 1
        self._experiments.add(found.id)
        yield from self._twice("experiment", found.id)
        yield from self._twice("experiment's name", found.name)
        yield from _no_name(found.name)
        yield from _not_in("lifecycle", found.lifecycle, LIFECYCLES)
        yield from _bad_place(found.location)

    def _run(self, line: RunLine) -> Iterator[str]:
        run = line.run
        self._counts.update(runs=1, files=len(line.files), bytes=sum(file.size for file in line.files))
        yield from self._twice("run", run.id)
        yield from self._known(run.experiment_id)
        yield from _not_in("status", run.status, self._run_statuses)
        yield from _not_in("lifecycle", run.lifecycle, LIFECYCLES)
        yield from _files(run.artifact_uri, line.files)
        if line.rows < 0 or (line.first_row != self._next_row and line.rows):
            yield f"its points begin at row {line.first_row:,}, and those before end at {self._next_row:,}"
        self._next_row += line.rows

    def _logged_model(self, line: ModelLine) -> Iterator[str]:
        model = line.model
        self._counts.update(
            logged_models=1, files=len(line.files), bytes=sum(file.size for file in line.files)
        )
        yield from self._twice("logged model", model.id)
        yield from self._known(model.experiment_id)
        yield from _not_in("status", model.status, self._model_statuses)
        yield from _not_in("lifecycle", model.lifecycle, LIFECYCLES)
        yield from _files(model.location, line.files)
        for metric in model.metrics:
            if not _HEX.fullmatch(metric.value):
                yield f"metric '{metric.key}': {metric.value[:40]!r} is not the 16 digits of a float64"

    def _registered(self, model: RegisteredModel) -> Iterator[str]:
        from trackside.core.registry import STAGES  # noqa: PLC0415 - tests/test_layout.py

        self._counts.update(registered_models=1, versions=len(model.versions))
        yield from self._twice("registered model", model.name)
        yield from _no_name(model.name)
        if len({each.version for each in model.versions}) != len(model.versions):
            yield "a version is there twice"
        yield from bad_numbers(model)
        yield from _aliases(model)
        for each in model.versions:
            yield from _not_in("stage", each.stage, STAGES)
            yield from _not_in("status", each.status, VERSION_STATUSES)

    def _known(self, experiment_id: str) -> Iterator[str]:
        if experiment_id not in self._experiments:
            yield f"there is no experiment {experiment_id!r}"

    def _twice(self, kind: str, name: str) -> Iterator[str]:
        if (kind, name) in self._seen:
            yield f"{kind} {name!r} is there twice"
        self._seen.add((kind, name))


def _not_in(what: str, value: str, known: tuple[str, ...]) -> Iterator[str]:
    if value not in known:
        yield f"{value[:40]!r} is no {what}; known are {', '.join(known)}"


def bad_numbers(model: RegisteredModel) -> Iterator[str]:
    """Of its versions, from whatever source."""
    numbers = [each.version for each in model.versions]
    for each in numbers:
        if not 1 <= each <= GREATEST_VERSION:
            yield f"{each} is no number of a version"
    if not max(numbers, default=0) <= model.last_version <= GREATEST_VERSION:
        yield f"{model.last_version} cannot be the number of its last version"


def _aliases(model: RegisteredModel) -> Iterator[str]:
    from trackside.core.registry import check_alias  # noqa: PLC0415 - tests/test_layout.py

    numbers = {each.version for each in model.versions}
    for alias, number in model.aliases.items():
        try:
            check_alias(alias, is_new=True)
        except InvalidParameter as error:
            yield f"alias {alias[:40]!r}: {error.message.rstrip('.')}"
        if number not in numbers:
            yield f"alias {alias[:40]!r} is of version {number}, which is not there"


def _no_name(name: str) -> Iterator[str]:
    if not name:
        yield "its name is empty"


def _files(uri: str, files: list[StoredFile]) -> Iterator[str]:
    """Of a run or logged model whose place is that."""
    from trackside.core.artifacts import safe_path  # noqa: PLC0415 - tests/test_layout.py

    if files and not is_in_store(uri):
        yield f"it has files here, and its place is elsewhere: {uri[:80]!r}"
    seen = set[str]()
    for file in files:
        if file.path in seen:
            yield f"file {file.path[:80]!r} is there twice"
        seen.add(file.path)
        if file.size < 0:
            yield f"file {file.path[:80]!r} has {file.size} bytes"
        try:
            safe_path(f"below/{file.path}")  # as below a place in the store: there `a:b` names no drive
        except InvalidParameter:
            yield f"{file.path[:80]!r} is no path of a file"


def _bad_place(location: str) -> Iterator[str]:
    from trackside.core.artifacts import safe_path  # noqa: PLC0415 - tests/test_layout.py

    if is_in_store(location):
        try:
            safe_path(location.removeprefix(f"{STORE}/"), folder=True)
        except InvalidParameter:
            yield f"{location!r} is no place in a store"


def _too_large(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _too_large(each)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield value
