"""Disks and permissions that do not allow what preparation needs: told clearly, and nothing lost."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from data_samples import flat, jpeg, prepare, prepare_as_nobody, write_folder, write_zip

from trackside.data import files
from trackside.data.errors import DataError


def test_two_at_once(tmp_path: Path) -> None:
    source, target = write_zip(tmp_path / "x.zip", flat()), tmp_path / "data"
    with files.claim(target), pytest.raises(DataError, match="Another process is preparing"):
        prepare(source, target)


def test_a_process_that_comes_while_another_gives_up_has_the_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second has opened the lock of the first, which then removes it: what it holds counts for nothing."""
    target, flock = tmp_path / "data", files.fcntl.flock
    first = files.claim(target)
    first.__enter__()

    def late(file: object, how: int) -> None:
        monkeypatch.setattr(files.fcntl, "flock", flock)
        assert first.__exit__(DataError, DataError("gives up"), None) in (False, None)
        assert not target.exists()
        flock(file, how)

    monkeypatch.setattr(files.fcntl, "flock", late)
    with files.claim(target), pytest.raises(DataError, match="Another process"), files.claim(target):
        pass
    assert (target / ".trackside/lock").exists()


def test_target_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(DataError, match="is a file where a folder is needed"):
        prepare(write_zip(tmp_path / "x.zip", flat()), tmp_path / "data")


@pytest.mark.parametrize(
    ("locked", "mode", "denied"), [("target", 0o555, "target/data"), ("source", 0o000, "source/x.zip")]
)
def test_no_permission(locked: str, mode: int, denied: str) -> None:
    with tempfile.TemporaryDirectory() as name:  # tmp_path is closed to other users
        root = Path(name)
        root.chmod(0o777)
        source = write_zip(write_folder(root / "source", {"x": b""}) / "x.zip", flat())
        (root / "target").mkdir()
        (root / locked).chmod(mode)
        printed = prepare_as_nobody(source, root / "target/data")
        (root / locked).chmod(0o755)
    assert (
        printed == f"No permission for {root / denied}. Choose another folder, or change its permissions.\n"
    )


@pytest.mark.parametrize("left_over", [False, True])
def test_a_finished_folder_may_be_read_only(left_over: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o777)
        source, target = write_zip(root / "x.zip", flat()), root / "data"
        prepare(source, target)
        if left_over:  # by a process that was killed after its last step
            (target / ".trackside/download").mkdir()
        places = [target, *target.rglob("*")]
        for path in places:
            path.chmod(0o555 if path.is_dir() else 0o444)
        printed = prepare_as_nobody(source, target)
        for path in places:
            path.chmod(0o755)
    assert printed == "nothing to do\n"


FULL_DISK = """
import sys
from pathlib import Path
from trackside.data import files, food11
from trackside.data.errors import DataError
from trackside.data.progress import SILENT
disk, source = Path(sys.argv[1]), sys.argv[2]
def run():
    try:
        food11.prepare(source, disk / "data", progress=SILENT)
        print("prepared")
    except DataError as error:
        print(str(error).replace(str(disk), "DISK"))
(disk / "ballast").write_bytes(bytes(700_000))
run()
files.require_space = lambda *_: None
run()
print((disk / "data/manifest.json").exists())
(disk / "ballast").unlink()
run()
"""


def test_full_disk_is_a_clear_error_and_can_be_gone_on_from(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    source = write_zip(tmp_path / "x.zip", {path: jpeg(n, side=100) for n, path in enumerate(flat(2))})
    mount = 'mount -t tmpfs -o size=1000k none "$0" && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mount, str(disk)]
    if subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    python = [sys.executable, "-c", FULL_DISK, str(disk), str(source)]
    run = subprocess.run([*command, *python], capture_output=True, text=True, check=True)
    before, during, manifest_there, after = run.stdout.splitlines()
    assert before.startswith("Not enough space in DISK/data: the data set needs")
    assert during.startswith(
        "The disk is full: writing to DISK/data failed. Free some space and run the same"
    )
    assert manifest_there == "False"
    assert after == "prepared"
