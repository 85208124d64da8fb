"""The compact form of a series answer, for who asks with `Accept: application/vnd.trackside.series`.

    bytes 0-3   TSS1
    bytes 4-7   length of the head, uint32
    head        JSON, filled with blanks so that the columns begin at a multiple of 8
    columns     of each line of the head in turn, little-endian, each filled to a multiple of 8 bytes

The head is `{"series": [{"run_id", "metric", "points", "exact", "wide", "count", "marks", "origin"}]}`. The columns
of a line: step, time_ms and last (`count` of each), min and max, then x of its marks (`marks` of them) and their kinds
(uint8: 0 NaN, 1 Infinity, 2 -Infinity). All but the kinds are float64, and so are min and max if the line is `wide`;
otherwise they are float32, min rounded down and max up. An exact line has no min and max. The x of a point is its step
or, on the axes time and relative, its time_ms less `origin`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from trackside.core.metrics import Line, rounded_down

MEDIA_TYPE = "application/vnd.trackside.series"
_MAGIC = b"TSS1"
_LARGE = 2.0**24  # from here on float32 leaves out whole numbers
_SMALL = float(np.finfo(np.float32).smallest_normal)  # below, it loses digits and in the end is 0


def encoded(lines: list[Line]) -> bytes:
    wide = [_is_wide(line) for line in lines]
    head = msgspec.json.encode({"series": list(map(_head, lines, wide))})
    head += b" " * (-(8 + len(head)) % 8)
    columns = (
        _filled(column.tobytes()) for each in zip(lines, wide, strict=True) for column in _columns(*each)
    )
    return b"".join([_MAGIC, struct.pack("<I", len(head)), head, *columns])


def _head(line: Line, wide: bool) -> dict[str, Any]:
    drawn = line.drawn
    return {
        "run_id": line.run_uuid,
        "metric": line.key,
        "points": drawn.points,
        "exact": drawn.exact,
        "wide": wide,
        "count": len(drawn.x),
        "marks": len(drawn.marks),
        "origin": line.origin_ms,
    }


def _is_wide(line: Line) -> bool:
    """Would float32 make other whole numbers, infinities or zeros of its least and greatest values?"""
    sizes = np.abs(np.concatenate([line.drawn.min, line.drawn.max]))
    return bool(((sizes >= _LARGE) | ((sizes < _SMALL) & (sizes > 0))).any())


def _columns(line: Line, wide: bool) -> Iterator[npt.NDArray[Any]]:
    drawn = line.drawn
    yield drawn.step.astype("<f8")
    yield drawn.timestamp_ms.astype("<f8")
    yield drawn.last.astype("<f8")
    if wide:
        yield drawn.min.astype("<f8")
        yield drawn.max.astype("<f8")
    else:
        yield rounded_down(drawn.min)
        yield -rounded_down(-drawn.max)
    yield drawn.marks_x.astype("<f8")
    yield np.where(np.isnan(drawn.marks), 0, np.where(drawn.marks > 0, 1, 2)).astype(np.uint8)


def _filled(column: bytes) -> bytes:
    return column + bytes(-len(column) % 8)
