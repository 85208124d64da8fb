"""Start, watch and end a stack from a command."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from trackside.stack import files, processes, state
from trackside.stack.processes import Born, Process, alive
from trackside.stack.settings import CannotStart, Places, StackSettings
from trackside.stack.state import Lock, PartState, State
from trackside.stack.supervisor import (
    CANNOT_START,
    IS_RUNNING,
    IsRunning,
    Supervisor,
    end_left,
    make_folders,
    stop_on_signals,
)

_LOOK_S = 0.1
_HAS_ENDED_S = 120  # a supervisor, with PostgreSQL writing everything
_HAS_BEGUN_S = 60  # to end what an earlier supervisor left
_LAST_BYTES = 64 * 1024

_ENDING = (signal.SIGINT, signal.SIGTERM)

Tell = Callable[[PartState], None]
Pause = Callable[[], None]


class _Changes:
    """Tells each change of a part's state once."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._told: dict[str, tuple[str, str]] = {}

    def look(self, current: State) -> None:
        for part in current.parts:
            if self._told.get(part.name) != (part.state, part.detail):
                self._told[part.name] = (part.state, part.detail)
                self._tell(part)


def start(settings: StackSettings, tell: Tell) -> State:
    """Start a stack's supervisor, and return when all parts answer. A stack that runs already is waited for.

    Raises CannotStart; then nothing is left running that was not before.
    """
    make_folders(settings)
    places = settings.places
    processes.put_aside(places.log("stack"))
    with processes.open_log(places.log("stack")) as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-P", "-m", "trackside.stack.supervisor"],
            cwd=places.data_dir,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    with _signals_noted() as pause:
        try:
            _hand_over(supervisor, settings)
            return _wait(supervisor, settings, _Changes(tell), pause)
        except BaseException:  # what was begun here is ended
            supervisor.terminate()
            supervisor.wait()
            raise


@contextmanager
def _signals_noted() -> Iterator[Pause]:
    """Gives a sleep that raises KeyboardInterrupt after Ctrl-C or SIGTERM: nowhere else could they do harm or be lost."""
    received: list[int] = []

    def pause() -> None:
        time.sleep(_LOOK_S)
        if received:
            raise KeyboardInterrupt

    before = {each: signal.signal(each, lambda got, _: received.append(got)) for each in _ENDING}
    try:
        yield pause
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stay(settings: StackSettings, tell: Tell) -> None:
    """Be the supervisor of a stack until SIGTERM or Ctrl-C. Raises CannotStart."""
    supervisor = Supervisor(settings, tell)
    stop_on_signals(supervisor)
    try:
        supervisor.run()
    except IsRunning:
        raise CannotStart(f"The stack in {settings.data_dir} runs already, in the background.") from None


def _hand_over(supervisor: subprocess.Popen[bytes], settings: StackSettings) -> None:
    assert supervisor.stdin is not None  # noqa: S101  # a pipe was asked for
    with suppress(BrokenPipeError), supervisor.stdin as pipe:
        pipe.write(msgspec.json.encode(settings))


def _wait(
    supervisor: subprocess.Popen[bytes], settings: StackSettings, changes: _Changes, pause: Pause
) -> State:
    while True:
        code = supervisor.poll()
        if code == IS_RUNNING:
            return _join(settings, changes, pause)
        current = state.load(settings.places)
        ours = current and current.supervisor and current.supervisor.pid == supervisor.pid
        if current and ours:
            changes.look(current)
        if code is not None:
            raise CannotStart(_why(settings.places, current if ours else None, code))
        if current and ours and _settled(current):
            return current
        pause()


def _settled(current: State) -> bool:
    """Is there nothing more to wait for? What hangs may do so for ever, and is left alone."""
    return not current.ending and all(part.state in ("ready", "not answering") for part in current.parts)


def _why(places: Places, current: State | None, code: int) -> str:
    """Why a supervisor gave up: a part's words and the end of its log, or its own."""
    failed = [part for part in current.parts if part.state == "failed"] if current else []
    if not failed:
        said = " ".join(last_lines(places.log("stack"), 1))
        return said if code == CANNOT_START else f"The stack's supervisor ended: {said}"
    part = failed[0]
    said = "\n  ".join(last_lines(places.log(part.name), 5))
    return f"{part.detail}. The end of {places.log(part.name)}:\n  {said}" if said else part.detail


def _join(settings: StackSettings, changes: _Changes, pause: Pause) -> State:
    """Wait for a stack that another call started. Raises CannotStart if it was asked for differently."""
    _wait_until_supervised(settings.places, pause)
    running = load_settings(settings.places)
    if differences := _differences(running, settings):
        raise CannotStart(
            f"This stack runs with other settings ({differences}): `trackside down` first, or call"
            " `trackside up` as before."
        )
    while True:
        current = state.load(settings.places)
        if current is None or not current.supervised or current.ending:
            raise CannotStart("This stack is being ended: call `trackside up` again in a moment.")
        changes.look(current)
        if _settled(current):
            return current
        pause()


def load_settings(places: Places) -> StackSettings:
    """What the stack was last started with. Raises CannotStart."""
    try:
        return msgspec.json.decode(places.settings.read_bytes(), type=StackSettings)
    except FileNotFoundError:
        raise CannotStart(f"There is no stack in {places.data_dir}.") from None
    except msgspec.DecodeError:  # not its text: there may be a password in it
        raise CannotStart(
            f"{places.settings} is damaged: `trackside down`, then `trackside up` writes it anew."
        ) from None


def _wait_until_supervised(places: Places, pause: Pause) -> None:
    """The other call's supervisor holds the lock a moment before it has written its settings and state."""
    until = time.monotonic() + _HAS_BEGUN_S
    while not ((current := state.load(places)) and current.supervised):
        if time.monotonic() > until:
            raise CannotStart(
                f"Another process holds {places.lock}, but no stack is running: wait until `trackside down` has ended."
            )
        pause()


def _differences(running: StackSettings, wanted: StackSettings) -> str:
    """Which settings differ; values of URLs are not told, there may be passwords in them."""
    differ = [name for name in wanted.__struct_fields__ if getattr(running, name) != getattr(wanted, name)]
    return ", ".join(
        name
        if name.startswith("external")
        else f"{name}: {getattr(running, name)} there, {getattr(wanted, name)} asked for"
        for name in differ
    )


def stop(places: Places, tell: Tell, *, delete: bool = False) -> bool:
    """End a stack's parts in order; False if nothing ran. With `delete`, its data too. Raises CannotStart."""
    files.check_owner(places.stack)
    current = state.load(places)
    if current is None:
        raise CannotStart(f"There is no stack in {places.data_dir}.")
    ran = current.supervised or any(part.process for part in current.parts)
    if current.supervisor and current.supervised:
        _end_supervisor(current.supervisor, places, _Changes(tell))
    lock = Lock(places.lock)
    if not lock.take():
        raise CannotStart("Another `trackside up` has just started this stack; call `trackside down` again.")
    try:
        _end_what_is_left(places, tell)
        if delete:
            _delete_data(places)
    finally:
        lock.release()
    return ran


def _end_supervisor(supervisor: Born, places: Places, changes: _Changes) -> None:
    """Ask it to end everything; after a while end it, and leave its parts to be ended."""
    os.kill(supervisor.pid, signal.SIGTERM)
    until = time.monotonic() + _HAS_ENDED_S
    while alive(supervisor):
        if now := state.load(places):
            changes.look(now)
        if time.monotonic() > until:
            os.kill(supervisor.pid, signal.SIGKILL)
        time.sleep(_LOOK_S)


def _end_what_is_left(places: Places, tell: Tell) -> None:
    """Where the supervisor itself was killed. The lock is held."""
    current = state.load(places) or State()
    for part in reversed(current.parts):
        left, part.process = part.process, None
        part.state = part.state if part.state == "failed" else "stopped"
        if left is not None:
            end_left(Process(left), part.name)
            tell(part)
    current.supervisor, current.ending = None, False
    with suppress(OSError):  # a full or read-only disk: the processes have ended all the same
        files.write(places.state, msgspec.json.encode(current))


def _delete_data(places: Places) -> None:
    """Delete what the stack made, and nothing else. The lock goes with it, last: each folder leaves its place first."""
    for folder in (places.postgres, places.s3, places.server, places.stack):
        if aside := files.set_aside(folder):
            shutil.rmtree(aside)
    for folder in (places.notebooks, places.data_dir):
        with suppress(OSError):  # people's own work is in it
            folder.rmdir()


def status(places: Places) -> list[dict[str, object]]:
    """One row for each part; sizes in bytes, times in seconds, None where there is none."""
    current = state.load(places)
    return [_row(part, places) for part in current.parts] if current else []


def _row(part: PartState, places: Places) -> dict[str, object]:
    running = part.process is not None and alive(part.process)
    pid = part.process.pid if part.process and running else None
    return {
        "name": part.name,
        "state": part.state,
        "url": part.url,
        "pid": pid,
        "uptime_s": round(time.time() - part.started_at, 1) if running and part.started_at else None,
        "data_bytes": sum(files.size(Path(folder)) for folder in part.folders) if part.folders else None,
        "memory_bytes": processes.memory(pid) if pid else None,
        "restarts": part.restarts,
        "external": part.external,
        "detail": part.detail,
        "log": None if part.external else str(places.log(part.name)),
    }


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of a log; none if there is no log."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _LAST_BYTES))
            return file.read().decode("utf-8", "replace").splitlines()[-count:] if count else []
    except FileNotFoundError:
        return []


def follow(path: Path) -> Generator[str, None, None]:
    """What is appended to a log from now on, also when it was put aside and begins again."""
    decoder = getincrementaldecoder("utf-8")("replace")
    with path.open("rb") as file:
        file.seek(0, 2)
        while True:
            if text := file.read():
                yield decoder.decode(text)
                continue
            time.sleep(_LOOK_S)
            if os.fstat(file.fileno()).st_size < file.tell():
                file.seek(0)
