"""Points of one log request, packed: version byte, columns, CRC-32.

Version 1 is raw, 2 is the same under zstd. Columns, little-endian: count `uint32`, metric
name numbers `int32`, steps `int64`, timestamps `int64`, values `float64` (NaN and infinities
bit by bit).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import zstandard

from trackside.errors import TracksideError

_RAW, _ZSTD = 1, 2
_COMPRESS_FROM = 1024  # bytes; below, zstd's frame costs more than it saves


class CorruptPoints(TracksideError):
    """Stored metric points are damaged: their checksum does not match."""


Unpacked = tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]


def pack(ids: Sequence[int], steps: Sequence[int], times: Sequence[int], values: Sequence[float]) -> bytes:
    """Columns of equal length to bytes."""
    n = len(ids)
    body = struct.pack(f"<I{n}i{n}q{n}q{n}d", n, *ids, *steps, *times, *values)
    version = _RAW
    if len(body) >= _COMPRESS_FROM:
        version, body = _ZSTD, zstandard.compress(body, 1)
    packed = bytes([version]) + body
    return packed + struct.pack("<I", zlib.crc32(packed))


def unpack(packed: bytes) -> Unpacked:
    """Bytes to the columns (ids, steps, timestamps, values).

    Raises CorruptPoints when the checksum or the version is wrong: a reader never guesses.
    """
    if len(packed) < 9 or zlib.crc32(packed[:-4]) != struct.unpack("<I", packed[-4:])[0]:
        raise CorruptPoints
    version, body = packed[0], packed[1:-4]
    if version == _ZSTD:
        body = zstandard.decompress(body)
    elif version != _RAW:
        raise CorruptPoints(
            f"Stored metric points have version {version}, which this Trackside does not know."
        )
    (n,) = struct.unpack_from("<I", body)
    at = 4 + np.array([0, 4, 12, 20]) * n
    return (
        np.frombuffer(body, "<i4", n, at[0]),
        np.frombuffer(body, "<i8", n, at[1]),
        np.frombuffer(body, "<i8", n, at[2]),
        np.frombuffer(body, "<f8", n, at[3]),
    )
