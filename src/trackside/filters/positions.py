"""Where a run stands in an order, as bytes that compare as the runs do.

A position is, for each field of the order, a byte for its kind (value, NaN, nothing) and the value; then what ends
every order of runs: the newest first, then by id. Both engines compare bytes alike, so a page is a walk of one index
whatever it is ordered by, a page token is the last position, and a comparison with the first field is a range.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

LONGEST = 200  # bytes of a text in a position; PostgreSQL takes 2,700 for all of an index's row

_VALUE, _NAN, _NOTHING = b"\x00", b"\x01", b"\x02"
UNFIT = b"\xff"  # begins the position of a run that has a value no position can hold
_TOP = 1 << 63
_COMPLEMENT = bytes(range(255, -1, -1))

Value = str | int | float | Decimal | None


class Range(NamedTuple):
    """Positions from `start` up to, and without, `end`."""

    start: bytes
    end: bytes


class Unfit(Exception):
    """The value does not fit into a position without a loss."""


def position(values: Sequence[tuple[Value, bool, bool]], start_ms: int, uuid: str) -> bytes:
    """Where a run stands; the values are (value, is NaN, ascending), the most important first."""
    try:
        fields = b"".join(_field(value, nan, ascending) for value, nan, ascending in values)
    except Unfit:
        fields = UNFIT
    return fields + tie(start_ms, uuid)


def tie(start_ms: int, uuid: str) -> bytes:
    """The end of every position: the newest first, then by id."""
    return (_TOP - 1 - start_ms).to_bytes(8, "big") + uuid.encode()


def untie(end: bytes) -> tuple[int, str]:
    """Start (milliseconds) and id of the run with this tie. Raises ValueError for other bytes."""
    if len(end) < 9:
        raise ValueError("too short for a tie")
    return _TOP - 1 - int.from_bytes(end[:8], "big"), end[8:].decode()


def between(least: Value, greatest: Value, *, ascending: bool) -> Range:
    """Where the first field is from one value to another, both included; None for no bound.

    Raises Unfit for a bound that no position can have.
    """
    first, last = (least, greatest) if ascending else (greatest, least)
    start = _VALUE if first is None else _VALUE + _coded(first, ascending)
    end = _NAN if last is None else _after(_VALUE + _coded(last, ascending))
    return Range(start, end)


def beginning(text: str, *, ascending: bool) -> Range:
    """Where the first field is a text that begins so. Raises Unfit when it is too long."""
    begins = _VALUE + _directed(_escaped(text), ascending)
    return Range(begins, _after(begins))


NOTHING = Range(_NOTHING, b"\x03")
SOMETHING = Range(_VALUE, _NOTHING)


def _field(value: Value, nan: bool, ascending: bool) -> bytes:
    if value is None:
        return _NOTHING
    return _NAN if nan else _VALUE + _coded(value, ascending)


def _coded(value: str | float | Decimal, ascending: bool) -> bytes:
    if isinstance(value, str):
        return _directed(_escaped(value) + b"\x00\x01", ascending)
    if isinstance(value, int):
        if not -_TOP <= value < _TOP:
            raise Unfit
        return _directed((value + _TOP).to_bytes(8, "big"), ascending)
    return _directed(_float(value), ascending)


def _float(value: float | Decimal) -> bytes:
    number = float(value)
    if isinstance(value, Decimal) and (math.isinf(number) or Decimal(repr(number)) != value):
        raise Unfit
    (bits,) = struct.unpack(">Q", struct.pack(">d", number + 0.0))  # no minus before 0
    return int.to_bytes(bits ^ (2 * _TOP - 1) if bits & _TOP else bits | _TOP, 8, "big")


def _escaped(text: str) -> bytes:
    """So that the end of a text, 00 01, comes before everything it can go on with."""
    raw = text.encode()
    if len(raw) > LONGEST:
        raise Unfit
    return raw.replace(b"\x00", b"\x00\xff")


def _directed(coded: bytes, ascending: bool) -> bytes:
    return coded if ascending else coded.translate(_COMPLEMENT)


def _after(prefix: bytes) -> bytes:
    """The least bytes above everything that begins with these; they begin with less than FF."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1])
