"""Several processes that serve one port. The first one serves nothing: it starts them, and starts anew who dies.

They share one listening socket, so that a connection that waits for a process that dies is taken by another.
Each opens the store by itself; what they tell each other goes through the store.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import NamedTuple

log = logging.getLogger("trackside.workers")
STOP_SECONDS = 4.7  # then who has not ended is killed
READY_SECONDS = 60.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 10.0
_STEADY_SECONDS = 10.0  # who lived so long is started again at once
_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}


class Pipes(NamedTuple):
    """How a worker and the first process know of each other."""

    # To write a line to when requests are answered: the code that makes the first admin, or nothing.
    ready: int
    alive: int  # to read from: it ends when the first process has ended


class CannotServe(Exception):
    """A worker ended before it had answered anything."""


Serve = Callable[[Pipes], None]


class Workers:
    """The processes of one server."""

    def __init__(self, count: int, serve: Serve) -> None:
        self._count = count
        self._serve = serve
        self._started: dict[int, float] = {}  # by process
        self._pause = _FIRST_PAUSE_SECONDS
        self._due: list[float] = []  # when the next ones are to be started
        self._ready, self._tell_ready = os.pipe()
        self._alive, self._keep_alive = os.pipe()

    def run(self, say_ready: Callable[[str], None]) -> None:
        """Serve until SIGTERM or SIGINT. Raises CannotServe.

        `say_ready` is called once, when all workers answer, with the line that the first of them wrote.
        """
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            for _ in range(self._count):
                self._start(mask)
            lines = self._lines()
            if len(lines) == self._count:
                say_ready(lines[0])
                self._watch(mask)
        finally:
            self._stop()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _start(self, mask: set[int | signal.Signals]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            self._started[pid] = time.monotonic()
            return
        code = 1
        try:  # from here on this is the worker
            os.close(self._keep_alive)
            os.close(self._ready)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            self._serve(Pipes(self._tell_ready, self._alive))
            code = 0
        except BaseException:  # noqa: BLE001 - nothing of it may run on in a copy of the first process
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _lines(self) -> list[str]:
        """What each writes when it answers; fewer when told to stop before that. Raises CannotServe."""
        os.set_blocking(self._ready, False)
        until, text = time.monotonic() + READY_SECONDS, b""
        while text.count(b"\n") < self._count:
            got = signal.sigtimedwait(_SIGNALS, 0.02)
            if got and got.si_signo in (signal.SIGTERM, signal.SIGINT):
                return []
            if self._ended() or time.monotonic() > until:
                raise CannotServe("A worker ended before it answered; its error stands above.")
            with contextlib.suppress(BlockingIOError):
                text += os.read(self._ready, 4096)
        return text.decode().splitlines()

    def _watch(self, mask: set[int | signal.Signals]) -> None:
        while True:
            got = signal.sigtimedwait(_SIGNALS, 0.5 if not self._due else 0.05)
            if got and got.si_signo in (signal.SIGTERM, signal.SIGINT):
                return
            now = time.monotonic()
            for lived in self._ended():
                self._pause = (
                    _FIRST_PAUSE_SECONDS
                    if lived > _STEADY_SECONDS
                    else min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
                )
                log.warning("a worker has ended; another starts in %.1f s", self._pause)
                self._due.append(now + self._pause)
            for _ in [at for at in self._due if at <= now]:
                self._start(mask)
            self._due = [at for at in self._due if at > now]

    def _ended(self) -> list[float]:
        """How long each lived that has ended since."""
        found = []
        while self._started:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid in self._started:
                found.append(time.monotonic() - self._started.pop(pid))
        return found

    def _stop(self) -> None:
        os.close(self._keep_alive)
        self._signal(signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        while self._started and time.monotonic() < until:
            self._ended()
            time.sleep(0.02)
        self._signal(signal.SIGKILL)
        while self._started:
            self._ended()
            time.sleep(0.01)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._started:  # not waited for yet, so that nobody else can have the number
            os.kill(pid, number)
