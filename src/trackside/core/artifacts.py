"""Where a run's or model's files are, and which paths are allowed."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from urllib.parse import unquote

from trackside.blobs import Blob, Stored
from trackside.core import checksums, runs
from trackside.core.app import App
from trackside.errors import InvalidParameter, NotServed, TracksideError
from trackside.model import ArtifactEntry
from trackside.store.database import Transaction

log = logging.getLogger("trackside.artifacts")
_TIDY_SECONDS = 3600.0
_DRIVE = re.compile(r"[A-Za-z]:")
_NUMBER = re.compile(r"[0-9]{1,18}")  # an experiment's: longer ones are no number of the store's
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_DECODINGS = 8  # deeper encodings than anybody writes by accident
_PART_BYTES = 255  # of one name, the limit of common file systems
# Characters; a data folder's own path comes before it, and 4,096 bytes is the system's limit.
_PATH_LENGTH = 2000
_PARTS = 64


def safe_path(path: str, *, folder: bool = False) -> str:
    """The path if it stays below its root in every reading of it, else InvalidParameter.

    As it stands it may not be absolute, name a parent, a drive or a scheme, nor hold a backslash,
    a control character or a part that is empty or a dot. Decoded further, until nothing changes, it
    may not lead elsewhere. `folder` allows "".
    """
    _check(path, folder=folder)
    reading = path
    for _ in range(_DECODINGS):
        decoded = unquote(reading)
        if decoded == reading:
            return path.rstrip("/") if folder else path
        # Nothing here reads it so: a proxy or a client might. What is odd but harmless passes, since
        # mlflow 2.20 names images `key%step%0%timestamp%17…`, which decodes to a control character.
        if _leads_elsewhere(decoded):
            break
        reading = decoded
    raise InvalidParameter("Invalid path")


def _check(path: str, *, folder: bool) -> None:
    parts = path.rstrip("/").split("/") if folder else path.split("/")
    bad = (
        (not path and not folder)
        or "\\" in path
        or any(ord(character) < 32 or character == "\x7f" for character in path)
        or _leads_elsewhere(path)
        or (path and any(part in ("", ".") for part in parts))
        or len(path) > _PATH_LENGTH
        or len(parts) > _PARTS
        or any(len(part.encode("utf-8", "surrogatepass")) > _PART_BYTES for part in parts)
    )
    if bad:
        raise InvalidParameter("Invalid path")


def _leads_elsewhere(path: str) -> bool:
    slashed = path.replace("\\", "/")
    absolute = slashed.startswith("/") or "//" in slashed
    return bool(absolute or ".." in slashed.split("/") or _DRIVE.match(path) or _SCHEME.match(path))


def inside(app: App, uri: str) -> str:
    """The path in our blob store that an artifact URI names. Raises NotServed for other storage."""
    root = f"{app.blobs.uri}/"
    if uri == app.blobs.uri:
        return ""
    if not uri.startswith(root):
        raise NotServed(f"The artifacts at '{uri}' are not in this server's store ('{app.blobs.uri}').")
    return safe_path(uri.removeprefix(root), folder=True)


def experiment_of_folder(path: str) -> int | None:
    """The experiment in whose numbered folder a path of our blob store lies: made or not, and wherever it keeps its
    files. None for any other path."""
    folder = path.partition("/")[0]
    return int(folder) if _NUMBER.fullmatch(folder) else None


async def root_of_run(app: App, uuid: str) -> str:
    """The artifact URI of a run. Raises NotFound."""

    async def job(tx: Transaction) -> str:
        return str((await runs.row_of(tx, uuid))["artifact_uri"])

    return await app.db.read(job)


async def entries(app: App, root_uri: str, path: str, *, listed: bool = False) -> list[ArtifactEntry]:
    """Entries of a folder below an artifact URI, with paths from that URI, sorted; none when it is missing.

    `listed`: the path is one that this function has given, not one that somebody has sent.
    """
    root = inside(app, root_uri)
    found = await app.blobs.entries(_below(root, path, folder=True, listed=listed))
    return [ArtifactEntry(e.path.removeprefix(f"{root}/"), e.is_dir, e.size_bytes) for e in found]


async def open_below(
    app: App, root_uri: str, path: str, *, listed: bool = False
) -> tuple[Blob, bytes | None]:
    """A file below an artifact URI, to be closed by the caller, and its SHA-256 where that is known.

    Reading all of a file whose SHA-256 is known raises CorruptArtifact instead of giving its last bytes
    when they are not what was uploaded. Raises NotFound.
    """
    at = _below(inside(app, root_uri), path, listed=listed)
    blob = await app.blobs.open(at)
    sha256 = await checksums.known(app, at, blob)
    return (blob, None) if sha256 is None else (checksums.Verified(blob, at, sha256), sha256)


def _below(root: str, path: str, *, folder: bool = False, listed: bool = False) -> str:
    """A path below a root of ours. One that was listed is checked as a whole, as it was when it was uploaded: a name
    such as `a:b` that begins it names no drive there. One that was sent must be safe by itself."""
    if not listed or not root or not path:
        path = safe_path(path, folder=folder)
    at = "/".join(part for part in (root, path) if part)
    return safe_path(at, folder=folder) if listed else at


async def put(app: App, path: str, chunks: AsyncIterator[bytes]) -> Stored:
    """Store a file and its checksum at a path of the artifact store."""
    stored = await app.blobs.put(safe_path(path), chunks)
    await checksums.keep(app, path, stored)
    announce(app, path)
    return stored


def announce(app: App, path: str) -> None:
    """Tell the run's listeners of a new file, when it is a run's."""
    match = re.match(r"\d+/([0-9a-f]{32})/artifacts/", path)
    if match:
        app.events.soon(f"run:{match[1]}", kind="run", run_id=match[1])


async def delete(app: App, path: str) -> None:
    """Delete a file or a tree of the artifact store; nothing there is fine."""
    await app.blobs.delete(safe_path(path))
    await checksums.forget(app, path)


async def tidy_for_ever(app: App) -> None:
    """Now and every hour: remove what uploads left that nobody will end. Cancel it to stop."""
    while True:
        try:
            removed = await app.blobs.tidy()
        except (TracksideError, OSError) as error:
            log.warning("unfinished uploads stay: %s", error)
        else:
            if removed:
                log.warning("gave up %d unfinished uploads", removed)
        await asyncio.sleep(_TIDY_SECONDS)
