"""Large files between clients and the object store, past this server: it signs URLs, the bytes go elsewhere.

What arrives so has no checksum of ours; S3 compares each part with its ETag.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from trackside.blobs import Direct
from trackside.core import artifacts
from trackside.core.app import App
from trackside.errors import NotServed


def target(folder: str, local_file: str) -> str:
    """Where an upload goes: the name of the client's file, whatever its system, below a folder."""
    name = re.split(r"[/\\]", local_file)[-1]
    return artifacts.safe_path(f"{folder.rstrip('/')}/{name}")


async def begin(app: App, folder: str, local_file: str, parts: int) -> tuple[str, list[str]]:
    """An upload's id and the URLs for its parts. Raises NotServed where the store has no parts."""
    return await _direct(app, "upload").begin(target(folder, local_file), parts)


async def complete(
    app: App, folder: str, local_file: str, upload_id: str, etags: Sequence[tuple[int, str]]
) -> None:
    """Make the file of its parts, each (number, ETag); before this nothing of it is visible."""
    path = target(folder, local_file)
    await _direct(app, "upload").complete(path, upload_id, etags)
    artifacts.announce(app, path)


async def abort(app: App, folder: str, local_file: str, upload_id: str) -> None:
    """Give an upload up, and its parts with it."""
    await _direct(app, "upload").abort(target(folder, local_file), upload_id)


async def download_url(app: App, path: str) -> tuple[str, int]:
    """A URL to fetch a file from, and its size in bytes. Raises NotFound, and NotServed for a folder."""
    return await _direct(app, "download").download_url(artifacts.safe_path(path))


def _direct(app: App, what: str) -> Direct:
    if app.blobs.direct is None:
        # MLflow's words: its client goes on without parts only when it reads exactly these.
        raise NotServed(f"Multipart {what} is not supported for the current artifact repository")
    return app.blobs.direct
