"""Pages of metric points put together, and counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import numpy as np

from trackside.importers.records import LARGEST, Points

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


def distinct(points: Points) -> int:
    """How many different points there are, as the store tells them apart: infinities as the largest doubles."""
    nan = np.isnan(points.value)
    value = np.where(nan, 0.0, np.clip(points.value, -LARGEST, LARGEST))
    order = np.lexsort((nan, value, points.time_ms, points.step, points.key))
    new = np.zeros(max(0, len(order) - 1), np.bool_)
    for column in (nan, value, points.time_ms, points.step, points.key):
        ordered = column[order]
        new |= ordered[1:] != ordered[:-1]
    return int(new.sum()) + (len(order) > 0)
