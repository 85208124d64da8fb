"""Shows a person how far training is: a line per epoch, and a bar or a line now and then in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TextIO

BAR = 24  # characters
REDRAW_SECONDS = 0.1  # of the bar on a terminal
LINE_SECONDS = 10.0  # between lines where there is no terminal


class Progress(Protocol):
    """What the loop tells while it runs."""

    def line(self, text: str) -> None:
        """Something worth keeping on the screen."""

    def batch(self, what: str, done: int, total: int) -> None:
        """So many images of a pass are done."""


class Silent:
    """Shows nothing."""

    def line(self, text: str) -> None:
        """Do nothing."""

    def batch(self, what: str, done: int, total: int) -> None:
        """Do nothing."""


class Console:
    """Writes to a stream: redraws a bar on a terminal, else a line every ten seconds."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._is_terminal = stream.isatty()
        self._shown = clock()
        self._width = 0  # of the bar now on the screen

    def line(self, text: str) -> None:
        """Write a line, in the place of the bar."""
        self._write("\r" + text.ljust(self._width) + "\n" if self._width else text + "\n")
        self._width = 0

    def batch(self, what: str, done: int, total: int) -> None:
        """Redraw the bar, or write a line, if it is time again."""
        now = self._clock()
        if now - self._shown < (REDRAW_SECONDS if self._is_terminal else LINE_SECONDS):
            return
        self._shown = now
        text = f"{what}  {done}/{total} images"
        if self._is_terminal:
            full = BAR * done // total
            text = f"[{'#' * full}{'.' * (BAR - full)}] {text}"
            self._write("\r" + text.ljust(self._width))
            self._width = len(text)
        else:
            self._write(f"  {text}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
