"""Progress of long work: a bar on a terminal, a plain line now and then in a log."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from typing import Self, TextIO

BAR_WIDTH = 24
TERMINAL_SECONDS = 0.1  # between two redraws of the bar
LOG_SECONDS = 5.0  # between two lines in a log


@dataclass(frozen=True)
class Progress:
    """Where long work tells how far it is; a stream of None keeps it silent."""

    stream: TextIO | None

    def meter(
        self, label: str, total: int | None, unit: str, done: int = 0, *, lasting: bool = True
    ) -> Meter:
        """A meter to use in a `with`; `total` may be unknown, unit "B" is bytes, `done` was done before.

        One that is not `lasting` leaves nothing on the screen when its work has ended.
        """
        return Meter(self.stream, label, total, unit, done, lasting=lasting)

    def note(self, text: str) -> None:
        """One line about something out of the ordinary."""
        if self.stream:
            self.stream.write(f"{text}\n")
            self.stream.flush()


SILENT = Progress(None)


def on_stderr() -> Progress:
    """Progress on standard error, so that standard output stays the command's result."""
    return Progress(sys.stderr)


class Meter:
    """Share done, amount, rate and time left, on one line. Any thread may call `advance`."""

    def __init__(
        self,
        stream: TextIO | None,
        label: str,
        total: int | None,
        unit: str,
        done: int = 0,
        *,
        lasting: bool = True,
    ) -> None:
        self._stream, self._label, self._total, self._unit = stream, label, total, unit
        self._lasting = lasting
        self._done = self._start_done = done
        self._terminal = stream is not None and stream.isatty()
        self._pause = TERMINAL_SECONDS if self._terminal else LOG_SECONDS
        self._lock = threading.Lock()
        self._start = self._shown = time.monotonic()

    def __enter__(self) -> Self:
        if self._terminal:
            self._show()
        return self

    def __exit__(self, *_: object) -> None:
        if self._lasting:
            self._show(last=True)
        elif self._stream and self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def advance(self, amount: int) -> None:
        """Count `amount` more as done."""
        with self._lock:
            self._done += amount
            now = time.monotonic()
            if now - self._shown >= self._pause:
                self._shown = now
                self._show()

    def _show(self, *, last: bool = False) -> None:
        if self._stream is None:
            return
        line = self._line(last=last)
        # A terminal's line is drawn over itself until the last.
        self._stream.write(f"\r\x1b[K{line}{chr(10) if last else ''}" if self._terminal else f"{line}\n")
        self._stream.flush()

    def _line(self, *, last: bool) -> str:
        seconds = time.monotonic() - self._start
        rate = (self._done - self._start_done) / seconds if seconds > 0 else 0.0
        parts = [self._label]
        if self._total:
            share = min(self._done / self._total, 1.0)
            if self._terminal:
                filled = round(share * BAR_WIDTH)
                parts.append("█" * filled + "░" * (BAR_WIDTH - filled))
            done = amount(self._done, self._unit) if self._unit == "B" else f"{self._done:,}"
            parts.append(f"{share:4.0%}  {done} of {amount(self._total, self._unit)}")
        else:
            parts.append(amount(self._done, self._unit))
        if rate > 0:
            parts.append(f"{amount(rate, self._unit)}/s")
        if last:
            parts.append(f"in {duration(seconds)}")
        elif rate > 0 and self._total:
            parts.append(f"{duration((self._total - self._done) / rate)} left")
        return "  ".join(parts)


def amount(value: float, unit: str) -> str:
    """A number with its unit; bytes in kB, MB or GB (powers of ten, as disks and networks count)."""
    if unit != "B":
        return f"{value:,.0f} {unit}"
    for size, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= size:
            return f"{value / size:.1f} {name}"
    return f"{value:.0f} B"


def duration(seconds: float) -> str:
    """Seconds as `4.2 s`, `3:05 min` or `2:10 h`."""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    return f"{minutes // 60}:{minutes % 60:02} h"
