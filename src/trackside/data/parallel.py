"""The same work on many items in a few threads, with progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from trackside.data.progress import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    work: Callable[[Item], Result], items: Sequence[Item], *, label: str, unit: str, progress: Progress
) -> list[Result]:
    """Results in the order of the items. An error, or Ctrl-C, ends it as soon as what is in hand is done.

    Threads suffice where the work is decoding, inflating, hashing or array arithmetic: all release
    the interpreter lock. Unlike processes they cannot outlive a killed parent and write on.
    """
    results = []
    # One more than cores, for the time spent on the disk.
    with (
        ThreadPoolExecutor(min(16, (os.cpu_count() or 1) + 1)) as pool,
        progress.meter(label, len(items), unit) as meter,
    ):
        try:
            for result in pool.map(work, items):
                results.append(result)
                meter.advance(1)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return results
