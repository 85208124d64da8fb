"""What every stored blob of points has in common: a version byte first, a CRC-32 last.

And the rows of `tail`, each the points of one log request. Version 1 is raw, 2 is the same
under zstd. Columns, little-endian: count `uint32`, metric name numbers `int32`, steps `int64`,
timestamps `int64`, values `float64` (NaN and infinities bit by bit).
"""

from __future__ import annotations

import struct
import threading
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import zstandard

from trackside.errors import TracksideError
from trackside.model import Point

_RAW, _ZSTD = 1, 2
_COMPRESS_FROM = 1024  # bytes; below, zstd's frame costs more than it saves
_POINT_BYTES = 4 + 8 + 8 + 8


class _Zstd(threading.local):
    """What packs and unpacks in this thread: to make it takes 40 times as long as to unpack a request's points."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=1).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


zstd = _Zstd()


class CorruptPoints(TracksideError):
    """Stored metric points are damaged: their checksum does not match."""


class Rows(NamedTuple):
    """Points of several metrics, by column; all of one length."""

    key_id: npt.NDArray[np.int32]
    step: npt.NDArray[np.int64]
    timestamp_ms: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]


NO_ROWS = Rows(np.empty(0, "<i4"), np.empty(0, "<i8"), np.empty(0, "<i8"), np.empty(0, "<f8"))


def seal(version: int, body: bytes) -> bytes:
    packed = bytes([version]) + body
    return packed + struct.pack("<I", zlib.crc32(packed))


def opened(packed: bytes, versions: Collection[int]) -> tuple[int, bytes]:
    """Version and body of a sealed blob.

    Raises CorruptPoints when the checksum is wrong or the version is none of these: a reader never guesses.
    """
    if len(packed) < 5 or zlib.crc32(packed[:-4]) != struct.unpack("<I", packed[-4:])[0]:
        raise CorruptPoints
    if packed[0] not in versions:
        raise CorruptPoints(
            f"Stored metric points have version {packed[0]}, which this Trackside does not know."
        )
    return packed[0], packed[1:-4]


def rows_of(ids: Sequence[int], points: Iterable[Point]) -> Rows:
    """Points as columns; `ids` are the numbers of their names."""
    _, steps, times, values = zip(*points, strict=True)
    return Rows(np.array(ids, "<i4"), np.array(steps, "<i8"), np.array(times, "<i8"), np.array(values, "<f8"))


def pack(rows: Rows) -> bytes:
    """Columns to bytes."""
    return _sealed(b"".join([struct.pack("<I", len(rows.key_id)), *(column.tobytes() for column in rows)]))


def pack_few(ids: Sequence[int], points: Sequence[Point]) -> bytes:
    """The same of a few points, for which arrays would take longer."""
    _, steps, times, values = zip(*points, strict=True)
    n = len(ids)
    return _sealed(struct.pack(f"<I{n}i{n}q{n}q{n}d", n, *ids, *steps, *times, *values))


def _sealed(body: bytes) -> bytes:
    if len(body) < _COMPRESS_FROM:
        return seal(_RAW, body)
    return seal(_ZSTD, zstd.compress(body))


def unpack(packed: bytes) -> Rows:
    """Bytes to the columns. Raises CorruptPoints."""
    return unpack_all([packed])


def unpack_all(payloads: Iterable[bytes]) -> Rows:
    """The points of all payloads, those of equal size together: thousands of single points are read at once.

    Raises CorruptPoints.
    """
    bodies: dict[int, list[bytes]] = defaultdict(list)
    decompress = zstd.decompress
    for payload in payloads:
        version, body = opened(payload, (_RAW, _ZSTD))
        if version == _ZSTD:
            body = decompress(body)
        bodies[len(body)].append(body)
    parts = [_columns(same, size) for size, same in bodies.items()]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return NO_ROWS
    return Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _columns(bodies: list[bytes], size: int) -> Rows:
    n = (size - 4) // _POINT_BYTES
    table = np.frombuffer(b"".join(bodies), np.uint8).reshape(len(bodies), size)
    starts = [4 + width * n for width in (0, 4, 12, 20, 28)]
    ids, steps, times, values = (
        np.ascontiguousarray(table[:, start:end]).view(kind).reshape(-1)
        for start, end, kind in zip(starts, starts[1:], ("<i4", "<i8", "<i8", "<f8"), strict=False)
    )
    return Rows(ids, steps, times, values)
