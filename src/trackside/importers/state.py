"""What of a source is in the target already, so that an import that was broken off goes on where it stood.

One line for each run or logged model that is in the store with everything that belongs to it, files too. A line is
written after that is so; without the file, or with half a last line, more is done again, and nothing twice.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from trackside.importers.records import LARGEST, File, LoggedModel, Run, unhexed


class Done(Struct, omit_defaults=True):
    """A run or logged model that was moved: what it looked like, and what was counted."""

    id: str
    print: str
    counts: dict[str, int] = {}
    files: str = ""  # the fingerprint of the list of its files


class Went(Struct):
    """An experiment of the source and the one of the target that it went into."""

    experiment: str
    target: int
    name: str  # that the target's has from the source; empty where it had one of its own
    # When the two were made: another store at the same address has others of these numbers.
    born_ms: int = 0
    made_ms: int = 0


class State:
    """The file of one source in the target's data folder."""

    def __init__(self, folder: Path, source: str, target: str) -> None:
        name = hashlib.sha256(f"{source}\n{target}".encode()).hexdigest()[:16]
        self._path = folder / "imports" / f"{name}.jsonl"
        self.done: dict[str, Done] = {}
        self.went: dict[str, Went] = {}
        if self._path.is_file():
            for line in self._path.read_bytes().splitlines():
                try:
                    if line.startswith(b'{"experiment"'):
                        went = msgspec.json.decode(line, type=Went)
                        self.went[went.experiment] = went
                    else:
                        found = msgspec.json.decode(line, type=Done)
                        self.done[found.id] = found
                except msgspec.DecodeError:
                    continue  # killed while it wrote this

    def keep(self, found: Iterable[Done | Went]) -> None:
        """Note these, durably."""
        lines = b"".join(msgspec.json.encode(each) + b"\n" for each in found)
        if not lines:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            if file.tell() and self._path.read_bytes()[-1:] != b"\n":
                file.write(b"\n")  # after half a line
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())


class Listing:
    """The fingerprint of a list of files, in any order."""

    def __init__(self) -> None:
        self._sum = 0

    def add(self, file: File) -> None:
        told = msgspec.json.encode((file.path, file.size_bytes, file.sha256, file.mark, file.error))
        self._sum += int.from_bytes(hashlib.blake2b(told, digest_size=12).digest())

    def print(self) -> str:
        return f"{self._sum % 2**96:024x}"


def values_of(run: Any, params: dict[str, str], tags: dict[str, str]) -> str:
    """The same for a run of the source and for what the target has of it, if they say the same."""
    told = (run.name, run.user_id, run.status, run.lifecycle, run.start_ms, run.end_ms, params, tags)
    return hashlib.blake2b(msgspec.json.encode(told, order="deterministic"), digest_size=12).hexdigest()


def values_of_model(model: LoggedModel) -> str:
    """The same for a logged model; infinite metrics are the largest doubles, as MLflow's databases have them."""
    metrics = sorted(
        (m.key, m.step, m.time_ms, str(max(-LARGEST, min(LARGEST, unhexed(m.value)))), m.run_id,
         m.dataset_name or "", m.dataset_digest or "")
        for m in model.metrics
    )  # fmt: skip
    told = (
        model.name, model.status, model.status_message, model.lifecycle, model.model_type, model.run_id,
        model.created_ms, model.updated_ms, model.params, model.tags, metrics,
    )  # fmt: skip
    return hashlib.blake2b(msgspec.json.encode(told, order="deterministic"), digest_size=12).hexdigest()


def fingerprint(owner: Run | LoggedModel, files: str) -> str:
    """Changes when what the source says of it does, or how its files are to be moved."""
    return hashlib.blake2b(msgspec.json.encode(owner) + files.encode(), digest_size=12).hexdigest()
