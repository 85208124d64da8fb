"""Where artifacts are read from: regular files with names that are text, below where they lie, and nothing else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from trackside.importers.http import Http
from trackside.importers.places import Folder, Place, Places, Proxied
from trackside.importers.records import File, Run
from trackside.importers.rest import RestSource
from trackside.importers.source import FileError, Unreachable


async def listed(place: Place) -> dict[str, str]:
    return await told(place.files())


async def told(files: AsyncIterator[File]) -> dict[str, str]:
    return {file.path: file.error async for file in files}


def test_only_regular_files_below_the_root_are_read(tmp_path: Path) -> None:
    root = tmp_path / "artifacts"
    root.mkdir()
    (root / "plain.txt").write_text("plain")
    (root / "linked.txt").symlink_to("plain.txt")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "outside.txt").symlink_to(tmp_path / "secret.txt")
    (root / "zero").symlink_to("/dev/zero")
    os.mkfifo(root / "pipe")
    (root / os.fsdecode(b"caf\xe9.txt")).write_text("latin")
    outside = "it is a link that leads outside of the artifacts"
    found = asyncio.run(listed(Folder(root)))
    assert found == {
        "plain.txt": "", "linked.txt": "", "outside.txt": outside, "zero": outside,
        "pipe": "it is no regular file", r"caf\udce9.txt": "its name is not UTF-8",
    }  # fmt: skip

    async def content() -> None:
        async for _ in Folder(root).content("pipe"):
            pass

    with pytest.raises(FileError, match="it is no regular file"):
        asyncio.run(content())


def test_names_that_are_no_text_are_named_behind_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    http = Http("http://127.0.0.1:9")

    async def ask(*_: object, **__: object) -> Any:
        return {"files": [{"path": "caf\udce9.txt", "file_size": 3}, {"path": "plain.txt", "file_size": 5}]}

    monkeypatch.setattr(http, "ask", ask)
    wanted = {r"caf\udce9.txt": "its name is not UTF-8", "plain.txt": ""}
    assert asyncio.run(listed(Proxied(http, "1/r/artifacts"))) == wanted
    asyncio.run(http.close())
    source = RestSource("http://127.0.0.1:9")  # whose own listing of artifacts is the same
    monkeypatch.setattr(source._http, "ask", ask)
    elsewhere = Run("r", "1", "s3://bucket/1/r/artifacts")
    assert asyncio.run(told(source.files(elsewhere))) == wanted
    asyncio.run(source.close())


def test_what_is_behind_a_server_stays_below_its_folder(tmp_path: Path) -> None:
    places = Places(str(tmp_path / "kept"))
    assert places.place("mlflow-artifacts:/1/r/artifacts") == Folder(tmp_path / "kept" / "1/r/artifacts")
    for uri in ("mlflow-artifacts:/../../etc", "mlflow-artifacts:/1/%2e%2e/%2e%2e/etc"):
        with pytest.raises(Unreachable, match="is no place behind a server"):
            places.place(uri)
