"""Who keeps a part running: what is raised by surprise ends nothing that runs, and leaves nothing that does not answer."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trackside.stack import files, keeper, keys
from trackside.stack.keeper import Keeper
from trackside.stack.parts import NotReady, Part
from trackside.stack.processes import Launch, alive
from trackside.stack.settings import StackSettings
from trackside.stack.sockets import Inner
from trackside.stack.state import Board, PartState, load

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


class Sleeper(Part):
    """A program that does nothing; what its questions raise is said by the test."""

    name = "server"
    title = "Sleeper"
    url = ""
    raised: Exception | None = None

    def launch(self) -> Launch:
        return Launch([sys.executable, "-c", "import time; time.sleep(60)"], {}, self.places.data_dir)

    def answers(self) -> None:
        if self.raised:
            raise self.raised


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Sleeper, Board, Keeper]]:
    monkeypatch.setattr(keeper, "ASK_S", 0.05)
    settings = StackSettings(str(tmp_path), parts=("server",))
    files.make_own(settings.places.stack)
    settings.places.logs.mkdir()
    part = Sleeper(settings, keys.Keys(), Inner(**dict.fromkeys(Inner.__struct_fields__, 1)))
    board = Board(settings.places, [PartState(name=part.name)], lambda _: None)
    thread = Keeper(part, board)
    yield part, board, thread
    thread.stop()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_a_question_raises_by_surprise_ends_nothing(kept: tuple[Sleeper, Board, Keeper]) -> None:
    part, board, thread = kept
    thread.start()
    until(lambda: board["server"].state == "ready")
    part.raised = RuntimeError("from a library")
    until(lambda: board["server"].state == "not answering")
    assert "RuntimeError: from a library" in board["server"].detail
    part.raised = None
    until(lambda: board["server"].state == "ready")
    assert board["server"].restarts == 0


def test_a_mistake_of_ours_leaves_nothing_that_never_answered(
    kept: tuple[Sleeper, Board, Keeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, board, thread = kept

    def mistake() -> str:
        raise TypeError("ours")

    monkeypatch.setattr(thread, "_until_ready", mistake)
    ran = []
    monkeypatch.setattr(board, "runs", lambda _name, process, *_, **__: ran.append(process))
    thread.start()
    until(lambda: board["server"].state == "failed")
    assert "TypeError: ours" in board["server"].detail
    assert ran[0]
    assert not alive(ran[0])


def test_a_state_that_is_damaged_or_gone_is_written_again(kept: tuple[Sleeper, Board, Keeper]) -> None:
    part, board, thread = kept
    thread.start()
    until(lambda: board["server"].state == "ready")
    for damage in (part.places.state.unlink, lambda: part.places.state.write_text("{")):
        damage()
        board.write_again()
        found = load(part.places)
        assert found is not None
        assert found.parts[0].process == board["server"].process


def test_a_part_that_found_its_port_taken_names_who_has_it(
    kept: tuple[Sleeper, Board, Keeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check before the start saw it free: two stacks that start at once."""
    part, board, thread = kept
    monkeypatch.setattr(keeper, "FIRST_PAUSE_S", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as others:
        port = others.getsockname()[1]
        monkeypatch.setattr(Sleeper, "ports", {port: "--server-port"})
        monkeypatch.setattr(part, "launch", lambda: Launch([sys.executable, "-c", "exit(1)"], {}, Path("/")))
        part.raised = NotReady("does not answer")
        thread.start()
        until(lambda: board["server"].state == "failed")
    assert f"Port {port} for Sleeper is taken by" in board["server"].detail
    assert f"(pid {os.getpid()}, " in board["server"].detail
    assert "choose another with --server-port" in board["server"].detail
