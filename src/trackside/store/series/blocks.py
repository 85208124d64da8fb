"""The points of a chunk as bytes. The version byte is the codec:

1, narrow: differences of steps and timestamps and the values, each in the narrowest kind that
keeps every bit, bytes shuffled, under zstd where that is shorter. For small chunks, where
pcodec's heads cost more than it saves, and the way out should pcodec ever be lost.

2, pcodec: three of its files one after the other.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pcodec
import zstandard

from trackside.store.series.codec import CorruptPoints, opened, seal, zstd
from trackside.store.series.points import Columns

NARROW, PCODEC = 1, 2
HOT, COLD = 4, 8  # levels: while a run goes on, and when it has ended
_PCODEC_FROM = 1024  # points; below, narrow is quicker, and hot chunks are written again soon
_BOTH_FROM = 16  # points, when packed for good: which of the two is shorter must be tried
_HEAD = struct.Struct("<II")
_KINDS = ("<i1", "<i2", "<i4", "<i8")
_FLOATS = ("<f4", "<f8")


def pack(points: Columns, level: int) -> bytes:
    """At least one point to bytes."""
    count = len(points.step)
    if count >= _PCODEC_FROM:
        return _pcodec(points, level)
    narrow = seal(NARROW, _narrow(points, level))
    if level == HOT or count < _BOTH_FROM:
        return narrow
    return min(narrow, _pcodec(points, level), key=len)


def unpack(packed: bytes) -> Columns:
    """Bytes to the points. Raises CorruptPoints."""
    version, body = opened(packed, (NARROW, PCODEC))
    try:
        return _from_narrow(body) if version == NARROW else _from_pcodec(body)
    except (ValueError, IndexError, struct.error, RuntimeError, zstandard.ZstdError) as error:
        raise CorruptPoints(f"Stored metric points cannot be read: {error}") from error


def _pcodec(points: Columns, level: int) -> bytes:
    config = pcodec.ChunkConfig(compression_level=level)
    step, time, value = (
        pcodec.standalone.simple_compress(np.ascontiguousarray(column), config) for column in points
    )
    return seal(PCODEC, _HEAD.pack(len(step), len(time)) + step + time + value)


def _from_pcodec(body: bytes) -> Columns:
    steps, times = _HEAD.unpack_from(body)
    at = _HEAD.size
    parts = (body[at : at + steps], body[at + steps : at + steps + times], body[at + steps + times :])
    step, time, value = (pcodec.standalone.simple_decompress(part) for part in parts)
    if step is None or time is None or value is None:
        raise CorruptPoints
    return Columns(step, time, value)


def _narrow(points: Columns, level: int) -> bytes:
    columns = [_differences(points.step), _differences(points.timestamp_ms), _floats(points.value)]
    heads = struct.pack("<Iqq", len(points.value), int(points.step[0]), int(points.timestamp_ms[0]))
    kinds = bytes([_KINDS.index(columns[0].dtype.str.replace("|", "<")),
                   _KINDS.index(columns[1].dtype.str.replace("|", "<")),
                   _FLOATS.index(columns[2].dtype.str)])  # fmt: skip
    body = heads + kinds + b"".join(shuffled(column) for column in columns)
    packed = zstandard.compress(body, 1 if level == HOT else 9)
    return b"\1" + packed if len(packed) < len(body) else b"\0" + body


def _from_narrow(body: bytes) -> Columns:
    plain = zstd.decompress(body[1:]) if body[0] else body[1:]
    count, step, time = struct.unpack_from("<Iqq", plain)
    at = struct.calcsize("<Iqq") + 3
    kinds = (_KINDS[plain[at - 3]], _KINDS[plain[at - 2]], _FLOATS[plain[at - 1]])
    columns: list[npt.NDArray[Any]] = []
    for kind, length in zip(kinds, (count - 1, count - 1, count), strict=True):
        size = np.dtype(kind).itemsize * length
        columns.append(unshuffled(plain[at : at + size], kind, length))
        at += size
    return Columns(_summed(step, columns[0]), _summed(time, columns[1]), columns[2].astype("<f8"))


def _differences(column: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """In the narrowest kind; int64 wraps around, and back again when it is summed."""
    differences = np.diff(column)
    if not len(differences):
        return differences.astype("<i1")
    low, high = int(differences.min()), int(differences.max())
    return differences.astype(next(kind for kind in _KINDS if _holds(kind, low, high)))


def _holds(kind: str, low: int, high: int) -> bool:
    bounds = np.iinfo(kind)
    return int(bounds.min) <= low and high <= int(bounds.max)


def _summed(first: int, differences: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    column = np.empty(len(differences) + 1, np.int64)
    column[0] = first
    column[1:] = differences
    return np.cumsum(column, out=column)


def _floats(values: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """As float32 where that loses nothing; NaN stays as it is, since its bits may not survive."""
    with np.errstate(over="ignore"):
        half = values.astype("<f4")
    return half if np.array_equal(half, values) else values.astype("<f8", copy=False)


def shuffled(column: npt.NDArray[Any]) -> bytes:
    """First bytes of all numbers, then second bytes: what is alike stands together."""
    return np.ascontiguousarray(column).view(np.uint8).reshape(-1, column.itemsize).T.tobytes()


def unshuffled(packed: bytes, kind: str, count: int) -> npt.NDArray[Any]:
    width = np.dtype(kind).itemsize
    table = np.frombuffer(packed, np.uint8).reshape(width, count)
    return np.ascontiguousarray(table.T).view(kind).reshape(-1)
