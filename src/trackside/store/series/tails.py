"""Tails as columns, kept for the runs that were read lately.

Whoever watches a training asks for its charts again and again. Between two looks a few rows are added
to a tail that may hold tens of thousands of points, so only those are read and unpacked. A compaction
replaces rows of the tail; what was unpacked before it is of no use afterwards.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trackside.store.database import Transaction
from trackside.store.series import codec

MOST_POINTS = 524_288  # kept in all: 15 MB
LEAST_POINTS = 1024  # of a tail that is kept: fewer are unpacked as quickly as they are found


class _Known(NamedTuple):
    """The tail of a run up to a row."""

    generation: int  # how often the run's points had been compacted
    last_id: int
    rows: codec.Rows


class Tails:
    """Reads tails; keeps the last ones it read. Used from several threads."""

    def __init__(self, most_points: int = MOST_POINTS) -> None:
        self._most = most_points
        self._known: OrderedDict[int, _Known] = OrderedDict()  # by run; what was read last is at the end
        self._points = 0
        self._lock = threading.Lock()

    async def read(self, tx: Transaction, run_id: int) -> codec.Rows:
        """All points of a run that are in no chunk, as they came; perhaps some that came after the transaction
        began. Raises CorruptPoints."""
        compaction = await tx.one("compaction_of_run", run_id=run_id)
        generation = compaction["generation"] if compaction else 0
        with self._lock:
            known = self._known.get(run_id)
        if known is None or known.generation != generation:
            known = _Known(generation, 0, codec.NO_ROWS)
        added = await tx.all("tail_of_run", run_id=run_id, after=known.last_id)
        if added:
            rows = await tx.compute(_joined, known.rows, [row["payload"] for row in added])
            known = _Known(generation, added[-1]["id"], rows)
        self._keep(run_id, known)
        return known.rows

    def _keep(self, run_id: int, known: _Known) -> None:
        with self._lock:
            before = self._known.get(run_id)
            if before is not None and (before.generation, before.last_id) > known[:2]:
                return  # another reader saw more
            if before is not None:
                self._points -= len(before.rows.step)
                del self._known[run_id]
            if len(known.rows.step) >= LEAST_POINTS:
                self._known[run_id] = known
                self._points += len(known.rows.step)
            while self._points > self._most:
                _, oldest = self._known.popitem(last=False)
                self._points -= len(oldest.rows.step)


def _joined(rows: codec.Rows, payloads: Sequence[bytes]) -> codec.Rows:
    added = codec.unpack_all(payloads)
    if not len(rows.step):
        return added
    return codec.Rows(
        np.concatenate((rows.key_id, added.key_id)),
        np.concatenate((rows.step, added.step)),
        np.concatenate((rows.timestamp_ms, added.timestamp_ms)),
        np.concatenate((rows.value, added.value)),
    )
