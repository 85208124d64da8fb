"""What a stack is doing, in a file: written by its supervisor, read by everybody else."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field

from trackside.stack import files
from trackside.stack.processes import Born, alive, myself
from trackside.stack.settings import CannotStart, Places

Phase = Literal[
    "waiting",  # for the parts it needs
    "starting",
    "ready",
    "not answering",  # it runs, but did not answer the last questions
    "restarting",  # it ended, and is started again after a pause
    "failed",  # it did not start
    "stopping",
    "stopped",
    "unsupervised",  # it runs, but nobody would start it again: `trackside up` takes it over
]


class PartState(Struct, kw_only=True):
    """One part."""

    name: str
    state: Phase = "waiting"
    url: str = ""
    external: bool = False
    process: Born | None = None
    # What it was started with, as a hash: another `up` keeps a process only if it would start the same one.
    launch: str = ""
    started_at: float | None = None  # seconds since 1970
    restarts: int = 0
    adopted: bool = False  # started by an earlier supervisor
    detail: str = ""  # why it is not ready
    folders: tuple[str, ...] = ()


class State(Struct, kw_only=True):
    """A stack."""

    supervisor: Born | None = None
    ending: bool = False  # told to stop
    parts: list[PartState] = field(default_factory=list)

    @property
    def supervised(self) -> bool:
        """Does somebody look after it?"""
        return self.supervisor is not None and alive(self.supervisor)


def load(places: Places) -> State | None:
    """The state as it is now; None if there never was a stack here."""
    try:
        state = msgspec.json.decode(places.state.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise CannotStart(
            f"{places.state} cannot be read ({error}): was it written by another version? Remove it"
            " when none of the stack's processes run."
        ) from None
    supervised = state.supervised
    for part in state.parts:
        running = part.process is not None and alive(part.process)
        if not supervised:
            part.state = "unsupervised" if running else "failed" if part.state == "failed" else "stopped"
        elif part.state == "ready" and not running and not part.external:
            part.state = "restarting"  # the supervisor is about to see it, or could not write that down
        part.process = part.process if running else None
    return state


class Board:
    """The state while this process is the supervisor: each change is written at once."""

    def __init__(self, places: Places, parts: list[PartState], tell: Callable[[PartState], None]) -> None:
        self._path = places.state
        self._tell = tell
        self._lock = threading.Condition()
        self._state = State(supervisor=myself(), parts=parts)
        self._parts = {part.name: part for part in parts}
        self._written: tuple[int, int, int] | None = None  # tells our file from another
        with self._lock:
            self._write()

    def __getitem__(self, name: str) -> PartState:
        return self._parts[name]

    def set(self, name: str, state: Phase, detail: str = "") -> None:
        """A part's new state."""
        with self._lock:
            part = self._parts[name]
            if (part.state, part.detail) == (state, detail):
                return
            part.state, part.detail = state, detail
            self._write()
            self._lock.notify_all()
        self._tell(part)

    def runs(self, name: str, process: Born | None, launch: str = "", *, adopted: bool = False) -> None:
        """A part's new process, or that it has none."""
        with self._lock:
            part = self._parts[name]
            part.process = process
            if process is not None:
                part.launch, part.adopted = launch, adopted
                part.started_at = part.started_at if adopted else time.time()
            self._write()

    def restarted(self, name: str) -> None:
        """Count it."""
        with self._lock:
            self._parts[name].restarts += 1

    def end(self) -> None:
        """From now on the stack is being ended."""
        with self._lock:
            self._state.ending = True
            self._write()

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for a change that makes the condition true."""
        with self._lock:
            return self._lock.wait_for(condition, seconds)

    def wake(self) -> None:
        """Let everybody who waits look again."""
        with self._lock:
            self._lock.notify_all()

    def are_ready(self, names: tuple[str, ...]) -> bool:
        """Do all these answer?"""
        return all(self._parts[name].state == "ready" for name in names)

    def write_again(self) -> None:
        """What could not be written before, or is not as it was written: removed, damaged, put back."""
        with self._lock:
            if self._written is None or self._written != _mark(self._path):
                self._write()

    def _write(self) -> None:
        """A full disk must not end those who keep the parts running: what is known here is written later."""
        try:
            files.write(self._path, msgspec.json.encode(self._state))
            self._written = _mark(self._path)
        except OSError as error:
            if self._written is not None:  # said once
                with suppress(OSError):
                    print(f"{self._path} cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201
            self._written = None


def _mark(path: Path) -> tuple[int, int, int] | None:
    """Which file it is, and when it was written; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class Lock:
    """Held by the one supervisor of a stack for as long as it lives; the system lets go of it when it dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> bool:
        """False if another process has it."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)  # not inherited by what we start
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Let go of it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
