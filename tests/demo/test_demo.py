"""`make demo` as a newcomer runs it: it trains, registers, is quick the second time, ends what it started."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECOND_S = 30  # a second demo starts no training, builds and downloads nothing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@contextmanager
def demo(data_dir: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A demo that has just been started, with its output to read; it is ended when the block ends."""
    arguments = " ".join([*options, "--data-dir", str(data_dir), "--port", str(free_port())])
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    with subprocess.Popen(
        ["make", "demo", f"ARGS={arguments}"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """What a demo prints up to a line with `wanted` (a pattern), shown while it comes."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        seen += line
        if re.search(wanted, line):
            return seen
    pytest.fail(f"the demo ended without printing {wanted!r}")


def programs_using(folder: Path) -> list[str]:
    """Command lines of running programs that name a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:  # it has ended meanwhile
            continue
        if str(folder) in command and "pytest" not in command:
            found.append(command)
    return found


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "data"


def test_ctrl_c_while_training_ends_everything_and_the_next_demo_trains(data_dir: Path) -> None:
    with demo(data_dir) as process:
        read_until(process, "epoch")
        os.killpg(process.pid, signal.SIGINT)
        read_until(process, "everything it started has ended")
        assert process.wait(30) != 0
    assert programs_using(data_dir) == []


def test_the_demo_trains_and_registers_a_model(data_dir: Path) -> None:
    with demo(data_dir, "--ci") as process:
        shown = read_until(process, "done in")
        assert process.wait(30) == 0
    assert re.search(r"run +http://\S+/runs/\w{32}", shown)
    assert re.search(r"model +http://\S+/models/food11/", shown)
    (accuracy,) = re.findall(r"^accuracy +([\d.]+) on", shown, re.MULTILINE)
    assert float(accuracy) >= 3 / 11
    assert programs_using(data_dir) == []


def test_a_second_demo_starts_in_seconds_and_stays_until_ctrl_c(data_dir: Path) -> None:
    started = time.monotonic()
    with demo(data_dir) as process:
        shown = read_until(process, "Ctrl-C ends it")
        assert time.monotonic() - started < SECOND_S
        (page,) = re.findall(r"run +(http://\S+)", shown)
        as_browser = urllib.request.Request(page, headers={"Accept": "text/html"})
        with urllib.request.urlopen(as_browser) as answer:
            assert answer.headers.get_content_type() == "text/html"
        os.killpg(process.pid, signal.SIGINT)
        read_until(process, "done in")
        process.wait(30)
    assert programs_using(data_dir) == []


def test_a_demo_whose_server_cannot_start_fails_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with demo(tmp_path / "file", "--ci") as process:
        shown = read_until(process, "failed: the server ended")
        assert process.wait(30) != 0
    assert str(tmp_path / "file") in shown
