"""Keeps one part running: starts it, sees that it answers, starts it again when it has ended."""

from __future__ import annotations

import hashlib
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

from trackside.stack import ports
from trackside.stack.parts import NotReady, Part
from trackside.stack.processes import Launch, Process, put_aside
from trackside.stack.settings import CannotStart
from trackside.stack.state import Board

LOOK_S = 0.1  # between looks at a process, or at whether it answers yet
ASK_S = 5.0  # between questions to a part that answered before
MISSED = 2  # questions without an answer until it is called "not answering"
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
TRIES = 3  # of a part that ends before it has ever answered
CALM_S = 60.0  # who ran this long is started again after the first pause


_PASSING = ("PATH", "TRACKSIDE_PUBLIC_URL")


class Keeper(threading.Thread):
    """One part's thread."""

    def __init__(self, part: Part, board: Board, left: Process | None = None) -> None:
        super().__init__(name=part.name, daemon=True)
        self.part = part
        self._board = board
        self._left = left  # by an earlier supervisor, to be taken over
        self._process: Process | None = None
        self._ending = threading.Event()
        self._was_ready = False
        self._was_odd = False  # something unforeseen was raised, and printed

    def run(self) -> None:
        """Until told to stop, or until it is clear that the part does not start."""
        try:
            self._keep()
        except BaseException as error:
            # A mistake of ours: told, since nobody looks after the part any more. One that has answered runs on.
            said = f"{type(error).__name__}: {error}"
            if self._was_ready:
                self._board.set(self.part.name, "not answering", f"is no longer looked after: {said}")
            else:
                self._end()
                self._board.set(self.part.name, "failed", said)
            raise

    def _keep(self) -> None:
        pause, tries = FIRST_PAUSE_S, 0
        while not self._ending.is_set():
            began = time.monotonic()
            try:
                problem = self._one_life()
            except CannotStart as error:
                problem, tries = str(error), TRIES
            except OSError as error:
                problem = f"{self.part.title} cannot be started: {error}"
                self._end()
            if self._ending.is_set():
                break
            tries += 1
            if not self._was_ready and tries >= TRIES:
                self._end()
                self._board.set(self.part.name, "failed", problem)
                return
            if time.monotonic() - began > CALM_S:
                pause = FIRST_PAUSE_S
            self._board.restarted(self.part.name)
            self._board.set(self.part.name, "restarting", problem)
            self._ending.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        self._end()

    def stop(self) -> None:
        """End the part, and wait for that."""
        self._ending.set()
        self._board.wake()
        self.join()
        if self._board[self.part.name].state != "failed":
            self._board.set(self.part.name, "stopped")

    def _one_life(self) -> str:
        """From one start to its end; returns how it ended."""
        needs = self.part.needs
        self._board.wait_until(lambda: self._ending.is_set() or self._board.are_ready(needs), 1e6)
        if self._ending.is_set():
            return ""
        self._board.set(self.part.name, "starting")
        self._begin()
        problem = self._until_ready()
        if problem:
            self._end()
            return problem
        self._was_ready = True
        self._board.set(self.part.name, "ready")
        return self._until_end()

    def _begin(self) -> None:
        """Take over what was left, or start it."""
        launch = self.part.launch()
        if launch is None:
            return
        self._process, self._left = self._left, None
        adopted = self._process is not None
        self._was_ready |= adopted  # if it has ended or hangs, that is no reason to end the rest
        if self._process is None:
            self.part.prepare()
            self._process = Process.start(launch, self.part.places.log(self.part.name))
        self._board.runs(self.part.name, self._process.born, fingerprint(launch), adopted=adopted)

    def _until_ready(self) -> str:
        """Empty when it answers; else what is wrong. What was taken over is left alone even if it does not answer."""
        adopted = self._board[self.part.name].adopted
        until = time.monotonic() + self.part.start_s
        said = ""
        while not self._ending.is_set():
            if self._process is not None and self._process.ended:
                return self._taken() or f"{self.part.title} {self._process.last_words} before it answered"
            said = self._question(self.part.answers) or self._question(self.part.complete)
            if not said:
                return ""
            if time.monotonic() > until and adopted:
                self._board.set(self.part.name, "not answering", said)
            elif time.monotonic() > until:
                problem = f"{self.part.title} {said}, {self.part.start_s:.0f} s after its start"
                if not self._was_ready:
                    raise CannotStart(problem)
                return problem
            self._ending.wait(LOOK_S)
        return ""

    def _taken(self) -> str:
        """Whether another program, such as another stack's, was faster at a port."""
        try:
            ports.check_free(self.part)
        except CannotStart as taken:
            return str(taken)
        return ""

    def _until_end(self) -> str:
        """Watch it; returns how it ended."""
        missed, asked = 0, time.monotonic()
        while not self._ending.wait(LOOK_S):
            if self._process is not None and self._process.ended:
                return f"{self.part.title} {self._process.last_words}"
            if time.monotonic() - asked < ASK_S:
                continue
            with suppress(OSError):  # a log that cannot be put aside is no reason to end its part
                put_aside(self.part.places.log(self.part.name))
            said = self._question(self.part.answers)
            missed = missed + 1 if said else 0
            if not said:
                self._board.set(self.part.name, "ready")
            elif missed >= MISSED:
                self._board.set(self.part.name, "not answering", said)
            asked = time.monotonic()
        return ""

    def _question(self, ask: Callable[[], None]) -> str:
        """What is wrong with a part; empty if nothing. Whatever a library raises, it says nothing of the process."""
        try:
            ask()
        except (NotReady, CannotStart) as error:
            if isinstance(error, CannotStart) and not self._was_ready:
                raise
            return str(error)
        except Exception as error:  # noqa: BLE001
            with suppress(OSError):
                if not self._was_odd:
                    traceback.print_exc()
            self._was_odd = True
            return f"cannot be asked: {type(error).__name__}: {error}"
        return ""

    def _end(self) -> None:
        for process in (self._process, self._left):
            if process is not None:
                if not process.ended:
                    self._board.set(self.part.name, "stopping")
                process.end(self.part.stop_signal, self.part.grace_s)
                self.part.clean_up()
        self._process = self._left = None
        self._board.runs(self.part.name, None)


def fingerprint(launch: Launch) -> str:
    """Tells whether a process was started as it would be today. A hash, since there are secrets in it.

    Without what is another one in another shell or network: no reason to end a notebook's kernel.
    """
    environment = sorted((name, value) for name, value in launch.environment.items() if name not in _PASSING)
    given = [*launch.arguments, *(f"{name}={value}" for name, value in environment)]
    user = launch.user.name if launch.user else ""
    return hashlib.sha256("\0".join([*given, user]).encode()).hexdigest()
