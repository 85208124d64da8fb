"""Preparation that is killed with SIGKILL, again and again, ends where an undisturbed one ends."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from data_samples import Site, flat, jpeg, prepare, tree, write_folder, write_zip

from trackside.data import files, mini
from trackside.data.layout import SPLITS
from trackside.data.progress import SILENT

FOOD11 = """
import sys
from trackside.data import food11
from trackside.data.progress import SILENT
print("ready", flush=True)
food11.prepare(sys.argv[1] or None, sys.argv[2], progress=SILENT)
"""
MINI = """
import sys
from trackside.data import mini
from trackside.data.progress import SILENT
import numpy, PIL.Image, trackside.data.scenes
print("ready", flush=True)
mini.make(sys.argv[2], per_class=(3, 1, 1), size=int(sys.argv[1]), pictures="shapes", progress=SILENT)
"""
TIMES = pytest.mark.parametrize(
    "kills", [2, pytest.param(25, marks=[pytest.mark.slow, pytest.mark.timeout(600)])], ids=["few", "many"]
)


def run(code: str, *arguments: str, kill_after: float | None = None) -> float:
    """Run until done, or kill after so many seconds of work; the seconds it worked."""
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        start = time.monotonic()
        try:
            _, errors = process.communicate(timeout=kill_after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        else:
            assert process.returncode == 0, errors.decode()
        return time.monotonic() - start


def members() -> dict[str, bytes]:
    """Some hundred images, a few of them broken, and files of no use."""
    good = flat(8)
    return {
        **good,
        "training/0_100.jpg": jpeg(1, side=64)[:600],
        "validation/3_100.jpg": b"no image",
        "evaluation/class_02/9_100.jpg": jpeg(2),
        "README.md": b"",
    }


def rejected(target: Path) -> list[str]:
    return sorted(path for path in tree(target) if path.startswith("rejected/"))


@TIMES
@pytest.mark.parametrize(
    "kind",
    ["url", "in place", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("zip", "folder"))],
)
def test_food11(tmp_path: Path, site: Site, kind: str, kills: int) -> None:
    archive = write_zip(tmp_path / "x.zip", members())
    site.content, site.chunk_pause = archive.read_bytes(), lambda: time.sleep(0.002)
    folder = write_folder(tmp_path / "folder", members())
    source = {"url": site.url, "zip": str(archive), "folder": str(folder), "in place": ""}[kind]
    whole, target = tmp_path / "whole", tmp_path / "target"

    def start_anew(path: Path) -> None:
        shutil.rmtree(path, ignore_errors=True)
        if kind == "in place":
            shutil.copytree(folder, path)

    start_anew(whole)
    seconds = run(FOOD11, source, str(whole))
    assert len(tree(whole)) >= 8 * 33 + 3
    chance = random.Random(kills)
    start_anew(target)
    for _ in range(kills):
        if chance.random() < 0.3:
            start_anew(target)
        run(FOOD11, source, str(target), kill_after=chance.uniform(0, seconds))
        if kind != "in place":  # whatever is there is whole
            assert tree(target).items() <= tree(whole).items()
    run(FOOD11, source, str(target))
    assert tree(target) == tree(whole)
    assert len(rejected(target)) == 3
    left = {path.name for path in (target / ".trackside").iterdir()}
    assert left == {"lock"}


@TIMES
def test_mini(tmp_path: Path, kills: int) -> None:
    whole, other, target = tmp_path / "whole", tmp_path / "other", tmp_path / "target"
    run(MINI, "64", str(other))
    seconds = run(MINI, "128", str(whole))
    assert len(tree(whole)) == 5 * 11 + 1
    chance = random.Random(kills)
    for _ in range(kills):
        size = chance.choice(("128", "128", "64"))  # now and then other images are asked for
        run(MINI, size, str(target), kill_after=chance.uniform(0, seconds))
        assert tree(target).items() <= tree(whole).items() | tree(other).items()
    run(MINI, "128", str(target))
    assert tree(target) == tree(whole)
    assert {path.name for path in (target / ".trackside").iterdir()} == {"lock"}


class Killed(BaseException):
    """Stands for the end of the process at one exact place."""


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, function: str) -> Iterator[None]:
    """The block ends as soon as it comes to this function of `trackside.data`."""

    def end(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(f"trackside.data.{function}", end)
        with pytest.raises(Killed):
            yield


@pytest.mark.usefixtures("one_each")
class TestExactly:
    """Moments too short to hit by chance."""

    def test_while_images_of_another_source_come_in(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target = tmp_path / "data"
        prepare(write_zip(tmp_path / "x.zip", flat()), target)
        other = write_zip(tmp_path / "y.zip", {**flat(), "training/0_0.jpg": jpeg(7)})
        with killed_at(monkeypatch, "images.defect"):
            prepare(other, target)
        assert not (target / "manifest.json").exists()

    def test_while_the_record_is_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        target = tmp_path / "data"
        with killed_at(monkeypatch, "files.os.fsync"):
            prepare(write_zip(tmp_path / "x.zip", flat()), target)
        assert {path.name for path in target.iterdir()} == {".trackside", *SPLITS}

    def test_between_manifest_and_tidying_up(
        self, tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site.content, target = write_zip(tmp_path / "x.zip", flat()).read_bytes(), tmp_path / "data"
        with killed_at(monkeypatch, "files.tidy"):
            prepare(site.url, target)
        assert (target / ".trackside/download").exists()
        assert prepare(site.url, target).changed is False
        assert not (target / ".trackside/download").exists()

    def test_a_finished_folder_leaves_the_download_of_another_process_alone(self, tmp_path: Path) -> None:
        source, target = write_zip(tmp_path / "x.zip", flat()), tmp_path / "data"
        prepare(source, target)
        (target / ".trackside/download").mkdir()
        with files.claim(target):
            assert prepare(source, target).changed is False
            assert (target / ".trackside/download").exists()

    @pytest.mark.parametrize("moment", ["manifest.forget", "manifest.scan", "manifest.write", "files.tidy"])
    def test_mini_made_anew_with_another_seed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
    ) -> None:
        def make(seed: int, target: Path) -> None:
            mini.make(target, seed=seed, per_class=(1, 1, 1), size=48, pictures="shapes", progress=SILENT)

        make(0, tmp_path / "data")
        with killed_at(monkeypatch, moment):
            make(1, tmp_path / "data")
        make(1, tmp_path / "data")
        make(1, tmp_path / "fresh")
        assert tree(tmp_path / "data") == tree(tmp_path / "fresh")
        assert [path.name for path in (tmp_path / "data/.trackside").iterdir()] == ["lock"]
