"""Whether every file that was uploaded is still there, and is what was uploaded."""

from __future__ import annotations

import asyncio
import hashlib
from typing import NamedTuple

from trackside.blobs import Blob, Stored
from trackside.core import artifacts, checksums
from trackside.core.app import App
from trackside.errors import InvalidParameter, NotFound, NotServed, Unavailable
from trackside.store.database import Row, Transaction

_ROWS = 1000  # checksums that are read at once
# Between the bytes of an upload or deletion and its row: what looks wrong is named when it still does after that.
_SETTLE_SECONDS = 2.0
_LOOKS = 3  # at what changes meanwhile
_WRONG = ("damaged", "changed", "missing")


class Verification(NamedTuple):
    """What reading every file has shown; the lists are of paths."""

    verified: int
    adopted: int  # had no checksum, or that of another version; have one now
    unknown: int  # the same, left as they are
    damaged: list[str]  # not the bytes that were uploaded, or not readable
    changed: list[str]  # the same, but written since: by a hand, a copy that was broken off, a disk's repair
    missing: list[str]

    @property
    def is_good(self) -> bool:
        return not (self.damaged or self.changed or self.missing)


async def verify_all(app: App, *, adopt: bool) -> Verification:
    """Read every file of the artifact store and compare it; `adopt` keeps checksums of those that have none.

    Servers may go on meanwhile, if the database lets them.
    """
    found = _Found(app, adopt=adopt)
    await found.of_files()
    await found.of_rows()
    return await found.settled()


class _Seen(NamedTuple):
    """What a look at a path has shown: a field of Verification, or "gone" where nothing is and should be."""

    state: str
    noted: str = ""  # the version that the database knows
    found: str = ""  # the version that is there


class _Found:
    def __init__(self, app: App, *, adopt: bool) -> None:
        self._app = app
        self._adopt = adopt
        self._paths: dict[str, set[str]] = {}  # by state
        self._doubtful: dict[str, _Seen] = {}

    async def _look_at(self, path: str) -> None:
        """Note a state that is fine at once, and one that is wrong when it was the same before."""
        seen = await _look(self._app, path, adopt=self._adopt)
        if seen.state in _WRONG and self._doubtful.get(path) != seen:
            self._doubtful[path] = seen
            return
        self._doubtful.pop(path, None)
        self._note(path, seen.state)

    def _note(self, path: str, state: str) -> None:
        self._paths.setdefault(state, set()).add(path)

    async def of_files(self) -> None:
        folders = [""]
        while folders:
            for entry in await self._app.blobs.entries(folders.pop()):
                if entry.is_dir:
                    folders.append(entry.path)
                else:
                    await self._look_at(entry.path)

    async def of_rows(self) -> None:
        """Files that have a checksum and were not found."""
        after = ""
        while rows := await _rows(self._app, after):
            after = rows[-1]
            for path in rows:
                if path not in self._doubtful and not any(path in paths for paths in self._paths.values()):
                    await self._look_at(path)

    async def settled(self) -> Verification:
        """What looks wrong may only be under way: it is looked at again."""
        for _ in range(_LOOKS):
            if self._doubtful and self._app.db.peers is not None:
                await asyncio.sleep(_SETTLE_SECONDS)
            for path in sorted(self._doubtful):
                await self._look_at(path)
        for path in self._doubtful:  # written all the time
            self._note(path, "unknown")
        if self._adopt:
            for path in self._of("changed"):
                await _look(self._app, path, adopt=True, also_changed=True)
        return Verification(
            len(self._of("verified")),
            len(self._of("adopted")),
            len(self._of("unknown")),
            self._of("damaged"),
            self._of("changed"),
            self._of("missing"),
        )

    def _of(self, state: str) -> list[str]:
        return sorted(self._paths.get(state, ()))


async def _rows(app: App, after: str) -> list[str]:
    async def job(tx: Transaction) -> list[str]:
        return [row["path"] for row in await tx.all("artifacts_after", after=after, limit=_ROWS)]

    return await app.db.read(job)


async def _look(app: App, path: str, *, adopt: bool, also_changed: bool = False) -> _Seen:
    for attempt in range(2):
        row = await checksums.row_of(app, path)
        noted = "" if row is None else str(row["version"])
        try:
            blob = await app.blobs.open(path)
            try:
                state = await _compare(app, path, blob, row, adopt=adopt, also_changed=also_changed)
            finally:
                blob.close()
            return _Seen(state, noted, blob.version)
        except (NotFound, InvalidParameter):  # the latter of a folder of that name
            is_right = row is None or await _is_doomed(app, path)
            return _Seen("gone" if is_right else "missing", noted)
        except OSError:
            return _Seen("damaged", noted)
        except Unavailable:  # also of an object that was replaced while it was read
            if attempt:
                raise
    raise AssertionError


async def _compare(
    app: App, path: str, blob: Blob, row: Row | None, *, adopt: bool, also_changed: bool
) -> str:
    if row is None and not adopt:
        return "unknown"
    digest = hashlib.sha256()
    async for piece in blob.chunks(0, blob.size_bytes):
        await asyncio.to_thread(digest.update, piece)
    stored = Stored(blob.size_bytes, digest.digest(), blob.version)
    is_same = row is not None and stored.sha256 == bytes(row["sha256"])
    if row is not None and row["version"] == blob.version:
        return "verified" if is_same else "damaged"
    # Clients replace objects by signed URLs, past us; nobody but an administrator can replace a file in a folder.
    if row is not None and not is_same and app.blobs.direct is None and not also_changed:
        return "changed"
    if adopt:
        await checksums.adopt(app, path, stored, instead_of=row)
        return "adopted"
    return "verified" if is_same else "unknown"


async def _is_doomed(app: App, path: str) -> bool:
    """Whether it belongs to what was removed for good: its files may be gone in part."""

    async def job(tx: Transaction) -> list[str]:
        return [row["uri"] for row in await tx.all("doomed_artifacts")]

    for uri in await app.db.read(job):
        try:
            folder = artifacts.inside(app, uri)
        except (NotServed, InvalidParameter):
            continue
        if path == folder or path.startswith(f"{folder}/"):
            return True
    return False
