"""What `trackside up` refuses before anything is made, and says when it is interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from trackside.cli.app import app
from trackside.stack import files, report
from trackside.stack.external import ExternalPostgres
from trackside.stack.gpus import Gpus
from trackside.stack.keys import Keys
from trackside.stack.parts import NotReady
from trackside.stack.settings import StackSettings
from trackside.stack.sockets import Inner
from trackside.stack.state import Board, Lock, PartState, State

PORTS = Inner(**dict.fromkeys(Inner.__struct_fields__, 1))


def refused(*options: str | Path) -> str:
    """What is said, in one line."""
    done = CliRunner().invoke(app, ["up", *map(str, options)])
    assert done.exit_code in (1, 2)
    return " ".join(done.output.replace("\u2502", " ").split())


def test_two_parts_at_one_port_are_named(tmp_path: Path) -> None:
    place = tmp_path / "lab"
    said = refused("--data-dir", place, "--server-port", "18700", "--jupyter-port", "18700")
    assert "--server-port and --jupyter-port are both 18700" in said
    assert not place.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--data-dir", "a\nb"], "has control characters"),
        (["--data-dir", "b\udcff"], "bytes that are not UTF-8"),
        (["--notebooks", "a\tb"], "--notebooks"),
        (["--data-dir", "a$HOME"], "JupyterLab takes for a variable"),
        (
            ["--external-s3", "http://127.0.0.1:9000/"],
            "it names no bucket: write http://127.0.0.1:9000/BUCKET",
        ),
    ],
)
def test_what_no_part_could_use_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in refused(*options)
    assert not list(tmp_path.iterdir())


def test_a_certificate_that_is_not_there_is_named() -> None:
    url = "postgresql://me:pass-word@127.0.0.1:9/runs?sslmode=verify-ca&sslrootcert=/none.crt"
    part = ExternalPostgres(StackSettings("/nowhere", external_postgres=url), Keys(), PORTS)
    with pytest.raises(NotReady, match=r"sslrootcert is '/none\.crt', and there is no such file") as raised:
        part.answers()
    assert "pass-word" not in str(raised.value)


def test_a_folders_name_is_told_as_a_shell_takes_it(tmp_path: Path) -> None:
    settings = StackSettings(str(tmp_path / "my lab"))
    *_, hint = report.summary(settings, State(), Gpus([], []))
    assert f"--data-dir '{tmp_path}/my lab'" in hint


def test_ctrl_c_while_another_call_starts_the_stack_says_that_it_goes_on(tmp_path: Path) -> None:
    settings = StackSettings(str(tmp_path / "lab"), parts=("server",))
    files.make_own(settings.places.stack)
    files.write(settings.places.settings, msgspec.json.encode(settings))
    lock = Lock(settings.places.lock)
    assert lock.take()  # the other call is this process
    Board(settings.places, [PartState(name="server", state="restarting")], lambda _: None)
    command = [sys.executable, "-m", "trackside", "up", "--data-dir", settings.data_dir, "--with", "server"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as joining:
        assert joining.stderr is not None
        while "restarting" not in joining.stderr.readline():
            assert joining.poll() is None
        joining.send_signal(signal.SIGINT)
        said = joining.stderr.read()
    lock.release()
    assert joining.returncode == 1
    assert "Interrupted: the stack, which another `trackside up` started, goes on." in said
