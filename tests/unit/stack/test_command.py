"""What `trackside up` refuses before anything is made, and says when it is interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import msgspec
from typer.testing import CliRunner

from trackside.cli.app import app
from trackside.stack import files
from trackside.stack.settings import StackSettings
from trackside.stack.state import Board, Lock, PartState


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
