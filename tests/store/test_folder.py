"""Artifacts in a folder: durable before they are acknowledged, whole or absent, unmoved under readers."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from pathlib import Path

import pytest

from trackside.blobs import folder
from trackside.blobs.folder import FolderStore
from trackside.errors import NotFound, StorageFull, StorageRefused


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "artifacts")


async def pieces(*parts):
    for part in parts:
        yield part


async def content(blob):
    return b"".join([piece async for piece in blob.chunks(0, blob.size_bytes)])


def test_bytes_then_name_then_every_folder_are_on_disk_before_the_answer(store, run, tmp_path, monkeypatch):
    """A kill would not show a missing fsync, since the page cache survives it: so the calls are watched."""
    root = tmp_path / "artifacts"
    done = []
    fsync, replace = os.fsync, Path.replace

    def watched_fsync(descriptor):
        done.append(("fsync", Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def watched_replace(path, target):
        done.append(("rename", target))
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    run(store.put("0/run/model/data.bin", pieces(b"x" * 10)))
    target = root / "0" / "run" / "model" / "data.bin"
    assert done[0][1].parent == root / ".incoming"
    assert done[0][0] == "fsync"
    assert done[1] == ("rename", target)
    assert done[2:] == [("fsync", path) for path in (target.parent, target.parent.parent, root / "0", root)]
    done.clear()
    run(store.delete("0/run/model/data.bin"))
    assert done == [("fsync", target.parent)]


def test_a_reader_keeps_the_file_it_opened(store, run):
    run(store.put("f", pieces(b"first version")))
    blob = run(store.open("f"))
    run(store.put("f", pieces(b"2nd")))
    assert run(content(blob)) == b"first version"
    blob.close()
    blob = run(store.open("f"))
    run(store.delete("f"))
    assert run(content(blob)) == b"2nd"
    blob.close()
    with pytest.raises(NotFound):
        run(store.open("f"))


def test_a_cancelled_upload_stops_before_its_file_is_closed(store, run, monkeypatch, tmp_path):
    """Its descriptor's number would go to the next file that is opened, and the rest of its bytes with it."""
    write = os.write
    monkeypatch.setattr(
        os, "write", lambda descriptor, view: (time.sleep(0.02), write(descriptor, view[:4096]))[1]
    )

    async def scenario():
        upload = asyncio.ensure_future(store.put("big", pieces(b"x" * (1 << 20), b"y" * (1 << 20))))
        await asyncio.sleep(0.1)
        upload.cancel()
        [error] = await asyncio.gather(upload, return_exceptions=True)
        return error

    monkeypatch.setattr(folder, "_CHUNK", 1 << 16)
    assert isinstance(run(scenario()), asyncio.CancelledError)
    with (tmp_path / "innocent").open("wb") as innocent:
        time.sleep(0.1)
        assert os.fstat(innocent.fileno()).st_size == 0
    assert list((tmp_path / "artifacts" / ".incoming").iterdir()) == []


@pytest.mark.parametrize("at", ["write", "fsync"])
def test_a_full_disk_leaves_nothing_and_says_so(store, run, monkeypatch, tmp_path, at):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, at, full)
        with pytest.raises(StorageFull, match="a/b"):
            run(store.put("a/b", pieces(b"x" * 100)))
    assert [path.name for path in (tmp_path / "artifacts").rglob("*") if path.is_file()] == []
    assert run(store.put("a/b", pieces(b"x"))).size_bytes == 1


def test_a_sender_that_fails_leaves_nothing(store, run, tmp_path):
    async def failing():
        yield b"x" * 100
        raise ConnectionError

    with pytest.raises(ConnectionError):
        run(store.put("a", failing()))
    assert run(store.entries("")) == []
    assert list((tmp_path / "artifacts" / ".incoming").iterdir()) == []


def test_what_a_killed_server_left_is_removed_and_what_another_one_writes_is_not(store, run, tmp_path):
    """Several servers may share a folder: the parts of one that runs are locked."""
    unfinished = tmp_path / "artifacts" / ".incoming"
    left = unfinished / "left-by-a-killed-server"
    left.write_bytes(b"half of a fi")

    async def scenario():
        arrived, go_on = asyncio.Event(), asyncio.Event()

        async def slow():
            yield b"x" * (1 << 20)
            arrived.set()
            await go_on.wait()
            yield b"y"

        upload = asyncio.ensure_future(store.put("a", slow()))
        await arrived.wait()
        FolderStore(tmp_path / "artifacts")
        assert not left.exists()
        assert len(list(unfinished.iterdir())) == 1
        go_on.set()
        return await upload

    assert run(scenario()).size_bytes == (1 << 20) + 1


def test_a_file_that_cannot_be_deleted_is_named_and_all_else_goes(store, run, tmp_path, monkeypatch):
    for name in ("d/held/x", "d/a", "d/z"):
        run(store.put(name, pieces(b"1")))
    unlink = os.unlink

    def refusing(path, *arguments, **named):
        if Path(path).name == "x":
            raise PermissionError(errno.EPERM, "Operation not permitted", path)
        unlink(path, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refusing)
        for path in ("d", "d/held/x"):
            with pytest.raises(
                StorageRefused, match=r"'d/held/x' be deleted \(Operation not permitted\)\. Once"
            ):
                run(store.delete(path))
    assert [path.name for path in (tmp_path / "artifacts" / "d").rglob("*")] == ["held", "x"]
    run(store.delete("d"))
    assert run(store.entries("")) == []


def test_a_link_to_a_folder_goes_and_the_folder_stays(store, run, tmp_path):
    run(store.put("d/a", pieces(b"1")))
    (tmp_path / "artifacts" / "link").symlink_to("d")
    run(store.delete("link"))
    assert [entry.path for entry in run(store.entries(""))] == ["d"]
    assert [entry.path for entry in run(store.entries("d"))] == ["d/a"]


def test_links_that_lead_nowhere_are_no_entries_and_hide_none(store, run, tmp_path):
    run(store.put("d/a", pieces(b"1")))
    for name, target in (("gone", "nowhere"), ("round", "round"), ("through", "a/b")):
        (tmp_path / "artifacts" / "d" / name).symlink_to(target)
    assert [entry.path for entry in run(store.entries("d"))] == ["d/a"]


def test_a_file_that_is_deleted_while_its_folder_is_listed_hides_no_other(store, run, tmp_path, monkeypatch):
    for name in ("a", "b", "c"):
        run(store.put(f"d/{name}", pieces(b"1")))
    scan = os.scandir

    @contextlib.contextmanager
    def deleting(path):
        with scan(path) as found:
            listed = list(found)
            (tmp_path / "artifacts" / "d" / "b").unlink(missing_ok=True)
            yield listed

    monkeypatch.setattr(os, "scandir", deleting)
    assert [entry.path for entry in run(store.entries("d"))] == ["d/a", "d/c"]
    assert run(store.entries("none")) == []
