"""What every reader offers: the same records from a server, a database, a folder or an export."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Protocol, TypeVar

from trackside.errors import TracksideError
from trackside.importers.records import Experiment, File, LeftOut, LoggedModel, Points, RegisteredModel, Run

T = TypeVar("T")
STORE = "mlflow-artifacts:"
PAGE_RUNS = 100
PAGE_POINTS = 100_000


class SourceError(TracksideError):
    """The source cannot be read."""


class Source(Protocol):
    """Reads only. Whatever cannot be read raises SourceError, naming what and where."""

    name: str  # where it is, without a password
    keeps_uris: bool  # an export of our own: what is said of places in it holds for the target, too
    repeats: bool  # it may hold the same point more than once
    tells_changes: bool  # a point or file that came since changes what it says of a run
    identity: str  # what the state of an import is kept by

    async def experiments(self) -> list[Experiment]:
        """All, deleted ones too, by id."""

    def runs(self, experiment: Experiment) -> AsyncIterator[list[Run]]:
        """Pages of an experiment's runs, deleted ones too."""

    def points(self, run: Run) -> AsyncIterator[Points]:
        """The points of all its metrics, in pages, in any order."""

    def logged_models(self, experiment: Experiment) -> AsyncIterator[list[LoggedModel]]:
        """Pages of an experiment's logged models."""

    def registered_models(self) -> AsyncIterator[RegisteredModel]:
        """All registered models with all their versions."""

    def files(self, owner: Run | LoggedModel) -> AsyncIterator[File]:
        """What is below the artifact root of a run or logged model. Raises Unreachable, and Missing at its end."""

    def content(self, owner: Run | LoggedModel, file: File) -> AsyncIterator[bytes]:
        """The bytes of one of them. Raises FileError."""

    async def left_out(self) -> list[LeftOut]:
        """What there is that cannot be moved."""

    async def close(self) -> None: ...


class Unreachable(SourceError):
    """These files are where this command cannot read them."""


class Missing(SourceError):
    """Nothing is there: because nothing was logged, or because the place is a wrong one."""


class FileError(SourceError):
    """One file or folder cannot be read; others may."""


async def threaded(iterator: Iterator[T]) -> AsyncIterator[T]:
    """The same, each step made in a thread: reading a disk must not hold up the writer."""
    nothing = object()
    while (item := await asyncio.to_thread(next, iterator, nothing)) is not nothing:
        yield item  # type: ignore[misc]


def is_in_store(uri: str, store: str = STORE) -> bool:
    """Whether a place is in the store; mlflow-artifacts://HOST/… is in another one."""
    return uri.startswith(f"{store}/") and not uri.startswith(f"{store}//")


def root_of(owner: Run | LoggedModel) -> str:
    """The URI below which its files are."""
    return owner.artifact_uri if isinstance(owner, Run) else owner.location
