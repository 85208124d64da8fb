"""What a page of charts weighs in both forms of `series/query`: `python -m benchmarks.series_forms`.

40 metrics of 8 runs of 20,000 points each, drawn in 800 buckets: bytes, the same under gzip (the server sends them
as they are; a proxy may pack them), and the time to make them of lines that have been read.
"""

import gzip
import time
from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

from trackside.core.metrics import Line
from trackside.server.native import series, series_binary
from trackside.store.series.chart import Drawn

METRICS, RUNS, POINTS, BUCKETS = 40, 8, 20_000, 800
TRIES = 5
Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def drawn_of(step: Whole, time_ms: Whole, value: Floats) -> Drawn:
    """Points in buckets of as many each."""
    last = slice(POINTS // BUCKETS - 1, None, POINTS // BUCKETS)
    buckets, none = value.reshape(BUCKETS, -1), np.empty(0)
    x = step[last].astype(np.float64)
    return Drawn(
        POINTS, False, x, step[last], time_ms[last], value[last], buckets.min(1), buckets.max(1), none, none
    )


def lines() -> list[Line]:
    rng = np.random.default_rng(1)
    step = np.arange(POINTS, dtype=np.int64)
    found = []
    for metric in range(METRICS):
        for run in range(RUNS):
            time_ms = 1_780_000_000_000 + np.cumsum(rng.integers(80, 120, POINTS))
            value = 2 * np.exp(-3 * step / POINTS) + rng.normal(0, 0.1, POINTS)
            drawn = drawn_of(step, time_ms, value)
            found.append(Line(f"{run:032x}", f"group/metric_{metric}", drawn, 0))
    return found


def plain(found: list[Line]) -> bytes:
    return msgspec.json.encode({"series": [series.as_shape(line) for line in found]})


def measure(name: str, form: Callable[[list[Line]], bytes], found: list[Line]) -> None:
    taken = []
    for _ in range(TRIES):
        begin = time.process_time()
        answer = form(found)
        taken.append(time.process_time() - begin)
    packed = len(gzip.compress(answer, 6))
    print(
        f"{name:8} {len(answer) / 1e6:6.2f} MB  gzip {packed / 1e6:5.2f} MB  made in {1000 * min(taken):4.0f} ms",
        flush=True,
    )


def main() -> None:
    found = lines()
    measure("JSON", plain, found)
    measure("compact", series_binary.encoded, found)


main()
