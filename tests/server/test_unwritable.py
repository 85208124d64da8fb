"""Data that cannot be read or written: at the start, and while the server runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackside.config import ServerSettings
from trackside.server import start

OPEN = """
import asyncio, sys
from pathlib import Path
from trackside.config import ServerSettings
from trackside.server import start
try:
    asyncio.run(start.open_app(ServerSettings(data_dir=Path(sys.argv[1]))).close())
    print("opened")
except start.CannotStart as refusal:
    print(refusal)
"""

UPLOAD = """
import asyncio, os, sys
from pathlib import Path
from trackside.blobs.folder import FolderStore
from trackside.errors import StorageFull

async def upload():
    async def chunks():
        yield b"x"
    store = FolderStore(Path(sys.argv[1]))
    os.chmod(Path(sys.argv[1]) / ".incoming", 0o555)
    await store.put("a/b.txt", chunks())

try:
    asyncio.run(upload())
    print("stored")
except StorageFull as refusal:
    print(refusal.status, refusal)
"""


# Root may write everywhere; without these rights it heeds the modes of files, as users do.
HEEDING = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def run(script: str, folder: Path) -> str:
    """What the script prints, run by a user who must heed permissions."""
    command = [*HEEDING, sys.executable, "-c", script, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A store whose folders and files are given back in the end."""
    assert run(OPEN, tmp_path / "data") == "opened"
    yield tmp_path / "data"
    for path in (tmp_path / "data", *(tmp_path / "data").rglob("*")):
        path.chmod(0o700)


def read_only_folder(data: Path) -> str:
    data.chmod(0o555)
    return str(data)


def read_only_file(data: Path) -> str:
    (data / "trackside.db").chmod(0o444)
    return "trackside.db"


def read_only_uploads(data: Path) -> str:
    (data / "artifacts" / ".incoming" / "x").touch()
    (data / "artifacts" / ".incoming").chmod(0o555)
    (data / "artifacts").chmod(0o555)
    return ".incoming"


@pytest.mark.parametrize("take_away", [read_only_folder, read_only_file, read_only_uploads])
def test_a_store_that_cannot_be_written_is_named(data: Path, take_away) -> None:
    named = take_away(data)
    said = run(OPEN, data)
    assert "cannot be written" in said
    assert named in said
    assert "permissions" in said
    assert "--data-dir" in said


def cut(database: Path) -> None:
    database.write_bytes(database.read_bytes()[:20_000])


def overwrite(database: Path) -> None:
    database.write_bytes(b"this is no database at all " * 4_000)


@pytest.mark.parametrize("damage", [cut, overwrite])
def test_a_damaged_store_is_named_and_left_as_it_is(tmp_path: Path, damage) -> None:
    assert run(OPEN, tmp_path) == "opened"
    database = tmp_path / "trackside.db"
    damage(database)
    before = database.read_bytes()
    with pytest.raises(start.CannotStart, match=r"trackside\.db is damaged.*backup.*--data-dir"):
        start.open_app(ServerSettings(data_dir=tmp_path))
    assert database.read_bytes() == before


def test_an_upload_that_cannot_be_written_says_so(data: Path) -> None:
    said = run(UPLOAD, data / "artifacts")
    assert said.startswith("507 ")
    assert "'a/b.txt' was not stored" in said
    assert not (data / "artifacts" / "a").exists()
