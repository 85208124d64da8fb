"""Series answers in both forms as the web app's tests read them (ui/src/charts/golden).

The files are the encoder's own: `python tests/unit/test_series_golden.py` writes them anew.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from trackside.core.metrics import Line
from trackside.server.native import series, series_binary
from trackside.store.series.chart import Drawn

GOLDEN = Path(__file__).resolve().parents[2] / "ui/src/charts/golden"
START_MS = 1_700_000_000_000
AXES = ("step", "time", "relative")


def line(axis: str, metric: str, values: list[float], *, exact: bool, marks: dict[int, float]) -> Line:
    """A line of one entry for each value; a bucket's least and greatest are a third around it."""
    step = np.arange(len(values), dtype=np.int64) * 10
    time_ms = START_MS + 250 + step * 7
    origin = START_MS if axis == "relative" else 0
    last = np.array(values)
    low, high = (np.empty(0), np.empty(0)) if exact else (last - abs(last) / 3, last * 1.0)
    at = np.array(list(marks), np.float64)
    drawn = Drawn(
        len(values) + len(marks), exact, (step if axis == "step" else time_ms - origin).astype(np.float64),
        step, time_ms, last, low, high, at, np.array(list(marks.values())),
    )  # fmt: skip
    return Line("a" * 31 + "1", metric, drawn, origin)


def lines(axis: str) -> list[Line]:
    odd = {5: np.nan, 6: np.inf, 7: -np.inf}
    return [
        line(axis, "loss", [1 / (n + 1) for n in range(7)], exact=True, marks=odd),
        line(axis, "val/Verlust ä", [0.1 * n - 0.25 for n in range(9)], exact=False, marks={}),
        line(axis, "tokens", [1.0, 123_456_789.0], exact=False, marks={3: np.nan}),
        line(axis, "huge", [-1e300, 1e300], exact=False, marks={}),
        line(axis, "tiny", [1.5e-50, 0.0], exact=False, marks={}),
        line(axis, "only marks", [], exact=False, marks=odd),
        line(axis, "system/cpu", [50.0], exact=True, marks={}),
    ]


def golden(axis: str) -> dict[str, bytes]:
    found = lines(axis)
    shapes = {"series": [series.as_shape(each) for each in found]}
    plain = msgspec.json.format(msgspec.json.encode(shapes), indent=1) + b"\n"
    return {f"{axis}.bin": series_binary.encoded(found), f"{axis}.json": plain}


@pytest.mark.parametrize("axis", AXES)
def test_the_files_of_the_web_app_are_what_the_server_sends(axis: str) -> None:
    for name, content in golden(axis).items():
        assert (GOLDEN / name).read_bytes() == content, f"write {name} anew and try the web app's decoder"


if __name__ == "__main__":
    for each in AXES:
        for file, written in golden(each).items():
            (GOLDEN / file).write_bytes(written)
