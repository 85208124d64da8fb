"""Which runs have logged so much since they were last looked at that compacting them may be worth it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from trackside.store.series.compact import TAIL_POINTS, TAIL_ROWS, WIDE_POINTS

QUIET_SECONDS = 30.0


@dataclass
class Tail:
    """What a run was seen to log."""

    points: int = 0
    rows: int = 0
    changed: float = field(default_factory=time.monotonic)
    enough: int = TAIL_POINTS
    is_due: bool = False


class Tails:
    """Used on the event loop alone. Others may log to a run too: this only says where to look."""

    def __init__(self) -> None:
        self._tails: dict[int, Tail] = {}
        self.woken = asyncio.Event()

    def grew(self, run_id: int, points: int) -> None:
        """A run has logged that many points in one request."""
        tail = self._tails.get(run_id)
        if tail is None:
            tail = self._tails[run_id] = Tail()
            self.woken.set()
        tail.points += points
        tail.rows += 1
        tail.changed = time.monotonic()
        if not tail.is_due and (tail.points >= tail.enough or tail.rows >= TAIL_ROWS):
            self.look(run_id)

    def look(self, run_id: int) -> None:
        """There is another reason: the run has ended, or what it has logged is not known."""
        self._tails.setdefault(run_id, Tail()).is_due = True
        self.woken.set()

    def take(self) -> tuple[int, Tail] | None:
        """A run to look at now; what it logs from here on counts anew."""
        now = time.monotonic()
        for run_id, tail in self._tails.items():
            if tail.is_due or tail.changed + QUIET_SECONDS <= now:
                return run_id, self._tails.pop(run_id)
        return None

    def too_wide(self, run_id: int, taken: Tail) -> None:
        """What was taken has so many metrics that it is not worth it yet."""
        tail = self._tails.setdefault(run_id, Tail(changed=taken.changed))
        tail.points += taken.points
        tail.rows += taken.rows
        tail.enough = WIDE_POINTS

    def wait_seconds(self) -> float | None:
        """Until the first run is quiet; None when none has logged."""
        if not self._tails:
            return None
        first = min(tail.changed for tail in self._tails.values())
        return max(0.0, first + QUIET_SECONDS - time.monotonic())
