"""Purging what was deleted: rows at once, then the files, so that space is free again.

A purge first writes down, with the rows it deletes, whose files are to go; a server that ends in
between goes on with them later. Files that a registered model version needs are never purged, nor
is the run or logged model that they belong to.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NamedTuple

from trackside import words
from trackside.core import artifacts, rankings
from trackside.core.app import App
from trackside.core.names import now_ms
from trackside.errors import NotServed, StorageRefused, TracksideError, Unavailable
from trackside.store.database import Job, Row, Transaction

log = logging.getLogger("trackside.retention")
BATCH = 20  # runs that one transaction purges: others write in between
DAY_MS = 24 * 3600 * 1000
ROUND_SECONDS = 3600.0
KEPT_NAMED = 100  # things that were kept of which the answer says why


class Size(NamedTuple):
    files: int = 0
    bytes: int = 0

    def plus(self, other: Size) -> Size:
        return Size(self.files + other.files, self.bytes + other.bytes)


class Purged(NamedTuple):
    """What a purge has removed, or would; `kept` says what it left and why. `more`: it is not done."""

    runs: int = 0
    logged_models: int = 0
    experiments: int = 0
    artifacts: Size = Size()
    database_bytes: int = 0  # by which the database's file became smaller
    kept: tuple[str, ...] = ()
    more: bool = False

    @property
    def any(self) -> bool:
        return bool(self.runs or self.logged_models or self.experiments or self.artifacts.files)

    def fields(self) -> dict[str, Any]:
        """As the API and the command line give it."""
        rest = self._asdict()
        files, size_bytes = rest.pop("artifacts")
        return {**rest, "artifact_files": files, "artifact_bytes": size_bytes, "kept": list(self.kept)}


class _Kind(NamedTuple):
    """Runs or logged models: queries of `retention.sql`, children before parents."""

    noun: str
    candidates: str
    still: str
    deletions: tuple[str, ...]


_RUNS = _Kind(
    "run",
    "runs_to_purge",
    "run_is_to_purge",
    (
        "purge_params",
        "purge_tags",
        "purge_dataset_tags",
        "purge_dataset_uses",
        "purge_model_uses",
        "purge_run",
    ),
)
_MODELS = _Kind(
    "logged model",
    "logged_models_to_purge",
    "logged_model_is_to_purge",
    (
        "purge_logged_model_params",
        "purge_logged_model_tags",
        "purge_logged_model_metrics",
        "purge_uses_of_logged_model",
        "purge_logged_model",
    ),
)


async def purge(app: App, before_ms: int, *, seconds: float = 8.0, dry_run: bool = False) -> Purged:
    """Remove for good what was deleted before a time, as much as can be done in about `seconds`.

    Deleted experiments go when they are empty. With `dry_run` nothing is removed, only counted.
    Raises what kept files from being deleted, when all else is done.
    """
    purged, failure = await _purge(app, before_ms, seconds=seconds, dry_run=dry_run)
    _raise_at_the_end(purged, failure)
    return purged


def _raise_at_the_end(purged: Purged, failure: TracksideError | None) -> None:
    """Who asks again for the rest will be told then: the files that wait are tried again."""
    if failure is not None and not (purged.more and purged.any):
        raise failure


async def _purge(
    app: App, before_ms: int, *, seconds: float = 8.0, dry_run: bool = False
) -> tuple[Purged, TracksideError | None]:
    """What was removed, and why files that should be are not."""
    deadline = asyncio.get_running_loop().time() + seconds
    needed = await _needed(app)
    purge_round = _Round(app, before_ms, needed, deadline, dry_run=dry_run)
    runs = await purge_round.of(_RUNS)
    models = await purge_round.of(_MODELS)
    experiments = 0 if purge_round.late else await purge_round.experiments()
    files, freed = _Deleted(purge_round.size), 0
    if not dry_run:
        files = await _delete_doomed(app, deadline + seconds)
        freed = await app.db.shrink()
    more = purge_round.late or files.left > 0
    kept = tuple(purge_round.kept)
    return Purged(runs, models, experiments, files.size, freed, kept, more), files.failure


class _Round:
    def __init__(
        self, app: App, before_ms: int, needed: dict[str, str], deadline: float, *, dry_run: bool
    ) -> None:
        self._app = app
        self._before_ms = before_ms
        self._needed = needed
        self._deadline = deadline
        self._dry_run = dry_run
        self.kept: list[str] = []
        self.size = Size()

    @property
    def late(self) -> bool:
        return asyncio.get_running_loop().time() > self._deadline

    async def of(self, kind: _Kind) -> int:
        """Purge runs or logged models; how many."""
        count, after = 0, 0
        while not self.late:
            rows = await self._candidates(kind, after)
            if not rows:
                break
            after = rows[-1]["id"]
            going = [row for row in rows if self._may_go(kind.noun, row)]
            if self._dry_run:
                count += len(going)
                for row in going:
                    self.size = self.size.plus(await _size(self._app, _folder(row)))
            elif going:
                count += await self._purge(kind, going)
        return count

    async def _candidates(self, kind: _Kind, after: int) -> list[Row]:
        async def job(tx: Transaction) -> list[Row]:
            return await tx.all(kind.candidates, before_ms=self._before_ms, after=after, limit=BATCH)

        return await self._app.db.read(job)

    def _may_go(self, noun: str, row: Row) -> bool:
        needed_by = self._needed.get(_folder(row))
        if needed_by and len(self.kept) < KEPT_NAMED:
            self.kept.append(f"{noun} {row['uuid']}: its files are needed by {needed_by}")
        return not needed_by

    async def _purge(self, kind: _Kind, rows: list[Row]) -> int:
        async def job(tx: Transaction) -> int:
            count = 0
            for row in rows:
                # It may have been restored since it was listed.
                if await tx.one(kind.still, id=row["id"], before_ms=self._before_ms) is None:
                    continue
                await tx.run("doom_artifacts", uri=_folder(row))
                if kind is _RUNS:
                    await self._app.series.purge(tx, row["id"])
                for deletion in kind.deletions:
                    await tx.run(deletion, id=row["id"])
                count += 1
            return count

        return await self._app.db.write(job)

    async def experiments(self) -> int:
        async def job(tx: Transaction) -> int:
            rows = await tx.all("experiments_to_purge", before_ms=self._before_ms, limit=1000)
            for row in [] if self._dry_run else rows:
                place = row["artifact_uri"].rstrip("/")
                sharing = await tx.all("experiments_at_location", location=place)
                if len(sharing) == 1 and place not in self._needed:
                    await tx.run("doom_artifacts", uri=place)
                await rankings.give_up(tx, row["id"])
                for deletion in (
                    "purge_datasets_of_experiment",
                    "purge_experiment_tags",
                    "purge_experiment",
                ):
                    await tx.run(deletion, id=row["id"])
            return len(rows)

        return await (self._app.db.read(job) if self._dry_run else self._app.db.write(job))


def _folder(row: Row) -> str:
    """The URI that holds a run's or logged model's `artifacts` folder and nothing else."""
    uri = str(row["artifact_uri"])
    own = f"/{row['uuid']}/artifacts"
    return uri.removesuffix("/artifacts") if uri.endswith(own) else uri


async def _needed(app: App) -> dict[str, str]:
    """URIs below which something is that must stay, and what needs it."""

    async def job(tx: Transaction) -> list[tuple[str, str]]:
        versions = await tx.all("storage_of_versions")
        places = await tx.all("experiment_locations")
        return [
            *(
                (f"{row['name']} version {row['version']}", row["storage_location"].rstrip("/"))
                for row in versions
            ),
            # An experiment does not stand in its own way.
            *((f"experiment {row['id']}", _above(row["artifact_location"])) for row in places),
        ]

    found: dict[str, str] = {}
    for what, uri in await app.db.read(job):
        at = uri
        while "/" in at and at not in found:
            found[at] = what
            at = at.rpartition("/")[0]
    return found


def _above(uri: str) -> str:
    return uri.rstrip("/").rpartition("/")[0]


async def _size(app: App, uri: str) -> Size:
    try:
        path = artifacts.inside(app, uri)
    except NotServed:
        return Size()
    return await _size_below(app, path)


async def _size_below(app: App, path: str) -> Size:
    total = Size()
    for entry in await app.blobs.entries(path):
        total = total.plus(
            await _size_below(app, entry.path) if entry.is_dir else Size(1, entry.size_bytes or 0)
        )
    return total


class _Deleted(NamedTuple):
    size: Size = Size()
    left: int = 0  # folders for which there was no time
    failure: TracksideError | None = None  # why others wait, and how many


async def _delete_doomed(app: App, deadline: float) -> _Deleted:
    """Delete the files of what was purged, now or before a server ended. One that cannot go keeps no other."""

    async def listed(tx: Transaction) -> list[Row]:
        return await tx.all("doomed_artifacts")

    total, doomed = Size(), await app.db.read(listed)
    failed, failure = 0, None
    for number, row in enumerate(doomed):
        left = len(doomed) - number
        if asyncio.get_running_loop().time() > deadline:
            return _Deleted(total, left, failure and _waiting(failure, failed + left))
        try:
            total = total.plus(await _delete_files(app, row["uri"]))
        except Unavailable as error:
            # Storage that is away is not asked for each of them: it may take a quarter of a minute to say so.
            return _Deleted(total, 0, _waiting(failure or error, failed + left))
        except TracksideError as error:
            failed, failure = failed + 1, failure or error
            continue
        await app.db.write(_gone(row["id"]))
    return _Deleted(total, 0, failure and _waiting(failure, failed))


def _waiting(error: TracksideError, count: int) -> TracksideError:
    folders = "1 folder waits" if count == 1 else f"{count:,} folders wait"
    kind = Unavailable if isinstance(error, Unavailable) else StorageRefused
    told = kind(
        f"{error.message} The rows of what was removed are gone, their files are not: {folders} for the next purge."
    )
    told.__cause__ = error
    return told


async def _delete_files(app: App, uri: str) -> Size:
    size = await _size(app, uri)
    try:
        await artifacts.delete(app, artifacts.inside(app, uri))
    except NotServed:
        log.warning("%s is not in this server's store: its files stay where they are", uri)
    return size


def _gone(number: int) -> Job[int]:
    async def job(tx: Transaction) -> int:
        return await tx.run("artifacts_are_gone", id=number)

    return job


async def keep_purging(app: App) -> None:
    """Once an hour remove what was deleted longer ago than the settings keep it; for ever, cancel it to stop."""
    days = app.settings.keep_deleted_days
    while days is not None:
        more = False
        try:
            more = await _purge_round(app, now_ms() - int(days * DAY_MS))
        except TracksideError as error:
            log.warning("purging what was deleted waits: %s", error.message)
        except Exception:  # a mistake of ours, or a disk's, must not end it: the trash would fill the disk
            log.exception("purging what was deleted waits for the next round")
        await asyncio.sleep(1.0 if more else ROUND_SECONDS)


async def _purge_round(app: App, before_ms: int) -> bool:
    """Whether there is more to do at once."""
    purged, failure = await _purge(app, before_ms)
    if purged.any:
        found = purged.fields()
        log.warning("removed from the trash: %s; %s", words.purged(found), words.shrunk(found))
    _raise_at_the_end(purged, failure)
    return purged.more
