"""What must not happen around a stack: others' files deleted, doors left open, parts forgotten on a full disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from lab import Lab, get, gone, kill, post

pytestmark = pytest.mark.timeout(200)


def test_others_files_are_refused_and_never_deleted(lab: Lab) -> None:
    for name in ("server", "postgres", "s3", "stack", "notebooks"):
        (lab.folder / name).mkdir(parents=True)
        (lab.folder / name / "mine.txt").write_text("mine")
    assert "is not a stack's" in lab.up("--with", "server", code=1).stderr
    (lab.folder / "stack/mine.txt").unlink()
    assert "is not a stack's" in lab.up("--with", "server", code=1).stderr
    (lab.folder / "server/mine.txt").unlink()
    lab.up("--with", "server")
    lab.down("--delete-data", "--yes")
    kept = sorted(path.relative_to(lab.folder).as_posix() for path in lab.folder.rglob("*") if path.is_file())
    assert kept == ["notebooks/mine.txt", "postgres/mine.txt", "s3/mine.txt"]


def test_data_on_another_disk_by_a_link_are_deleted_too(lab: Lab, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.mkdir()
    lab.folder.mkdir()
    (lab.folder / "server").symlink_to(large)
    lab.up("--with", "server")
    assert (large / "trackside.db").exists()
    lab.down("--delete-data", "--yes")
    assert not large.exists()
    assert not lab.folder.exists()


def test_a_configuration_of_the_users_opens_no_door(lab: Lab, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".jupyter").mkdir(parents=True)
    (home / ".jupyter/jupyter_server_config.py").write_text(
        "c.IdentityProvider.token = ''\nc.ServerApp.token = ''\nc.ServerApp.password = ''\nc.ServerApp.base_url = '/x/'\n"
        "c.PasswordIdentityProvider.hashed_password = ''\nc.ServerApp.allow_unauthenticated_access = True\n"
    )
    lab.environment["HOME"] = str(home)
    lab.environment["JUPYTER_CONFIG_PATH"] = str(home / ".jupyter")
    lab.up("--with", "jupyter")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        get(f"{lab.url('jupyter')}/api/contents")


def test_settings_of_another_server_open_no_door(lab: Lab) -> None:
    lab.environment |= {
        "TRACKSIDE_NO_AUTH": "1", "TRACKSIDE_STATIC_PREFIX": "/x", "TRACKSIDE_DEFAULT_PERMISSION": "MANAGE",
    }  # fmt: skip
    lab.up("--with", "server", "--auth")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        get(f"{lab.url('server')}/api/2.0/mlflow/experiments/get?experiment_id=0")


def test_a_notebook_named_like_a_module_of_pythons(lab: Lab) -> None:
    (lab.folder / "notebooks").mkdir(parents=True)
    for name in ("queue", "random", "types", "email", "msgspec"):
        for folder in ("", "notebooks/"):
            (lab.folder / f"{folder}{name}.py").write_text("raise SystemExit('not this one')\n")
    lab.up("--with", "jupyter")


def test_a_taken_port_ends_nothing_that_was_left(lab: Lab, running: Lab) -> None:
    lab.up("--with", "server")
    pid = lab.pids()["server"]
    kill(lab.supervisor())
    before, lab.ports["server"] = lab.ports["server"], running.ports["server"]
    assert "is taken by" in lab.up("--with", "server", code=1).stderr
    assert not gone(pid)
    lab.ports["server"] = before
    lab.up("--with", "server")
    assert lab.pids()["server"] == pid


def test_what_hangs_when_it_is_taken_over_is_left_alone(lab: Lab) -> None:
    """The hour of training in another part's process must not end for it."""
    lab.up("--with", "server")
    pid = lab.pids()["server"]
    kill(lab.supervisor())
    os.kill(pid, signal.SIGSTOP)
    impatient = (
        "import sys; from trackside.stack.tracking import TrackingServer; TrackingServer.start_s = 1.0;"
        "import trackside.__main__"
    )
    command = [
        sys.executable,
        "-c",
        impatient,
        *lab.command(*lab.up_arguments("--with", "server", "--foreground"))[3:],
    ]
    with subprocess.Popen(command, env=lab.environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            told = iter(process.stderr.readline, "")
            assert (
                next(line for line in told if "not answering" in line or "restarting" in line).split()[3]
                == "not"
            )
            assert lab.pids()["server"] == pid
            os.kill(pid, signal.SIGCONT)
            assert (
                next(line for line in told if "ready" in line or "restarting" in line).split()[3] == "ready"
            )
            assert lab.pids()["server"] == pid
        finally:
            os.kill(pid, signal.SIGCONT)
            process.terminate()


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small disk")
def test_a_full_disk_ends_no_supervision(lab: Lab) -> None:
    lab.folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", lab.folder], check=False)
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    filler = lab.folder / "filler"
    try:
        filler.write_bytes(bytes(25 * 2**20))
        assert "is full: " in " ".join(lab.up("--with", "server", code=1).stderr.split())
        filler.unlink()
        lab.up("--with", "server")
        created = post(lab, "experiments/create", {"name": "before"})["experiment_id"]
        fill(filler, lab.folder / "stack/logs/stack.log")
        kill(lab.pids()["server"])
        time.sleep(2)
        assert lab.parts()["server"]["state"] != "ready"
        filler.unlink()
        lab.all_ready()
        answer = get(f"{lab.url('server')}/api/2.0/mlflow/experiments/get?experiment_id={created}")
        assert json.loads(answer)["experiment"]["name"] == "before"
    finally:
        filler.unlink(missing_ok=True)
        if (lab.folder / "stack/state.json").exists():
            lab.down()
        subprocess.run(["umount", lab.folder], check=True)


def fill(filler: Path, log: Path) -> None:
    """Leave no room on a disk, not even in the last page of a log."""
    with log.open("a") as file:
        file.write("\n" * (-log.stat().st_size % os.sysconf("SC_PAGESIZE")))
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(2**12))
        except OSError:
            pass


def test_lost_secrets_are_not_replaced(lab: Lab) -> None:
    lab.up("--with", "postgres")
    lab.down()
    secrets = lab.folder / "stack/secrets.json"
    kept = secrets.rename(lab.folder / "elsewhere")
    assert "put it back" in lab.up("--with", "postgres", code=1).stderr
    assert not secrets.exists()
    kept.rename(secrets)
    lab.up("--with", "postgres")


@pytest.mark.parametrize(
    ("option", "url"),
    [
        ("--external-postgres", "postgresql://u:Sec/ret#9@127.0.0.1:5999/db"),
        ("--external-postgres", "postgresql://u:Secret:9x@127.0.0.1:port/db"),
        ("--external-s3", "http://AKIA:Secret@127.0.0.1:9000/bucket"),
    ],
)
def test_a_password_that_breaks_an_address_is_not_repeated(lab: Lab, option: str, url: str) -> None:
    said = lab.up(option, url, code=2).stderr
    assert option in said
    assert "Sec" not in said


def test_the_other_loopback_and_a_path_with_a_comma(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "a, b ü")
    try:
        lab.up("--with", "s3", "--with", "server", "--host", "::1")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            get(f"http://[::1]:{lab.ports['s3']}/")
        assert get(f"http://[::1]:{lab.ports['server']}/health") == b"OK"
    finally:
        lab.down()


def test_the_shell_finds_sqlite_and_forgets_what_was(lab: Lab) -> None:
    lab.up("--with", "server")
    said = lab.call("status", "--secrets", "--shell").stdout
    script = f"{said}\n{sys.executable} -m trackside db check\nenv"
    environment = {
        **lab.environment,
        "AWS_SESSION_TOKEN": "old",
        "TRACKSIDE_STORE": "postgresql://127.0.0.1:9/old",
    }
    done = subprocess.run(
        ["bash", "-ec", script], env=environment, capture_output=True, text=True, check=True
    )
    assert "trackside.db is sound" in done.stdout
    assert "=old" not in done.stdout


def test_a_stopped_supervisor_is_ended(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    from trackside.stack import control
    from trackside.stack.settings import Places

    lab.up("--with", "server")
    pid, supervisor = lab.pids()["server"], lab.supervisor()
    os.kill(supervisor, signal.SIGSTOP)
    monkeypatch.setattr(control, "_HAS_ENDED_S", 1)
    control.stop(Places(lab.folder), lambda _: None)
    assert gone(pid)
    assert gone(supervisor)
