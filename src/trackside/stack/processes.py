"""Processes that outlive who started them: started detached, found again by pid and birth, ended politely."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import psutil
from msgspec import Struct

from trackside.stack.users import OtherUser

LOG_BYTES = 20 * 1024**2  # a log that has grown over this is put aside
_LOOK_S = 0.1


class Launch(NamedTuple):
    """How a program is started."""

    arguments: list[str]
    environment: dict[str, str]  # besides what it inherits
    folder: Path
    user: OtherUser | None = None  # None: as whom we are
    # Beginnings of variables that it must not inherit: they are for other programs, or said otherwise here.
    without: tuple[str, ...] = ()

    def whole_environment(self) -> dict[str, str]:
        """What it inherits, and what it is given."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(self.without)}
        return {**inherited, **self.environment}


class Born(Struct, frozen=True):
    """A process, told apart from a later one with the same number."""

    pid: int
    birth: str


def birth(pid: int) -> str | None:
    """When a process was born, exactly; None if there is none, or one that has ended but for its exit code."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else _birth_elsewhere(pid)
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def _birth_elsewhere(pid: int) -> str | None:
    """Where there is no /proc."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except psutil.NoSuchProcess:
        return None


def myself() -> Born:
    """This process."""
    return Born(os.getpid(), birth(os.getpid()) or "")


def alive(process: Born) -> bool:
    """Does it still run?"""
    return birth(process.pid) == process.birth


class Process:
    """A running program: one that we started, or one that an earlier supervisor left."""

    def __init__(self, born: Born, child: subprocess.Popen[bytes] | None = None) -> None:
        self.born = born
        self._child = child

    @classmethod
    def start(cls, launch: Launch, log: Path) -> Process:
        """Start a program in a session of its own, its output appended to a log. Raises OSError."""
        start_as = launch.user.start if launch.user else _as_we_are
        arguments, identity = start_as(launch.arguments)
        put_aside(log)
        with open_log(log) as output:
            child = subprocess.Popen(  # noqa: S603
                arguments,
                cwd=launch.folder,
                env=launch.whole_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **identity,
            )
        return cls(Born(child.pid, birth(child.pid) or ""), child)

    @property
    def ended(self) -> bool:
        """Has it ended? Takes the exit code of a child, so that no zombie stays."""
        return self._child.poll() is not None if self._child else not alive(self.born)

    @property
    def last_words(self) -> str:
        """How it ended."""
        code = self._child.returncode if self._child else None
        if code is None:
            return "ended"
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def end(self, number: signal.Signals, grace_s: float) -> None:
        """Ask it to end; after `grace_s` seconds end it and all that it started in its session."""
        if self._send(number) and not self._ended_within(grace_s):
            self._send_group(signal.SIGKILL)
            self._ended_within(10)

    def _ended_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not self.ended:
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_S)
        return True

    def _send(self, number: signal.Signals) -> bool:
        """False if it has ended: its number may be another's by now."""
        if self.ended:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.born.pid, number)
        return True

    def _send_group(self, number: signal.Signals) -> None:
        if not self.ended:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.born.pid, number)


def open_log(path: Path) -> BinaryIO:
    """A log to append to, readable by its owner alone."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def put_aside(log: Path) -> None:
    """Copy a log that has become long to one beside it, and begin it again: its writers go on where it ends.

    On a full disk the copy is not kept.
    """
    if not log.exists() or log.stat().st_size <= LOG_BYTES:
        return
    aside = log.with_suffix(".log.1")
    try:
        shutil.copy(log, aside)
    except OSError:
        aside.unlink(missing_ok=True)
    os.truncate(log, 0)


def _as_we_are(arguments: list[str]) -> tuple[list[str], dict[str, Any]]:
    return arguments, {}


def memory(pid: int) -> int | None:
    """Bytes of a process and all it started, shared pages shared out (PSS) where the system tells; None if gone."""
    try:
        first = psutil.Process(pid)
        family = [first, *first.children(recursive=True)]
    except psutil.Error:
        return None
    return sum(_own_memory(each) for each in family)


def _own_memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", 0) or full.uss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
