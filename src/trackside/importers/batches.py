"""Pages of metric points put together, and counted."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence

import numpy as np
import numpy.typing as npt

from trackside.importers.records import LARGEST, Points

_ODD, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
BATCH_POINTS = 200_000  # points that are written at once: 6 MB


async def batches(pages: AsyncIterator[Points]) -> AsyncIterator[Points]:
    """The same points in fewer pages: most runs become one."""
    gathered: list[Points] = []
    count = 0
    async for page in pages:
        gathered.append(page)
        count += len(page.step)
        if count >= BATCH_POINTS:
            yield merged(gathered)
            gathered, count = [], 0
    if gathered:
        yield merged(gathered)


def merged(pages: Sequence[Points]) -> Points:
    """One page of all of them."""
    if len(pages) == 1:
        return pages[0]
    places: dict[str, int] = {}
    keys = []
    for page in pages:
        numbers = np.array([places.setdefault(name, len(places)) for name in page.names], np.int32)
        keys.append(numbers[page.key])
    columns = (np.concatenate(column) for column in zip(*(page[2:] for page in pages), strict=True))
    return Points(list(places), np.concatenate(keys), *columns)


class Counted:
    """Counts the points of a run, and says which they are; each once where the source may repeat them.

    For that it keeps eight bytes of each, its mark. The store tells points apart in the same way: infinities are the
    largest doubles.
    """

    def __init__(self, *, repeats: bool) -> None:
        self._seen = np.empty(0, np.uint64) if repeats else None
        self._sum = 0

    def new(self, points: Points) -> int:
        """How many of these have not been seen before."""
        found = marks(points)
        if self._seen is None:
            self._sum += int(found.sum(dtype=np.uint64))
            return len(found)
        before = len(self._seen)
        self._seen = np.unique(np.concatenate([self._seen, found]))
        return len(self._seen) - before

    def sum(self) -> int:
        """The sum of the marks of all of them, in 64 bits."""
        return self._sum % 2**64 if self._seen is None else int(self._seen.sum(dtype=np.uint64))


def marks(points: Points) -> npt.NDArray[np.uint64]:
    """A hash of each point: its metric's name, step, time and value. The sum of them says, in 64 bits and in any order,
    which points these are."""
    value = np.clip(points.value, -LARGEST, LARGEST)
    value = np.where(np.isnan(value), np.nan, value + 0.0)  # one NaN, one zero
    names = [
        int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest())
        for name in points.names
    ]
    found = np.array(names, np.uint64)[points.key]
    for column in (points.step.astype(np.int64), points.time_ms.astype(np.int64), value):
        found = (found ^ column.view(np.uint64)) * _ODD
        found ^= found >> _HALF
    return found
