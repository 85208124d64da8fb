"""Points of chunks and their sketches as bytes: bit for bit, whatever the codec, and for as long as stores live."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackside.store.series import blocks, sketch
from trackside.store.series.chunks import split
from trackside.store.series.codec import CorruptPoints, seal
from trackside.store.series.points import Columns, ordered

GOLDEN = Path(__file__).with_name("golden")
int64 = st.integers(-(2**63), 2**63 - 1)
rows = st.lists(
    st.tuples(int64, st.integers(0, 2**63 - 1), st.floats(allow_nan=True)), min_size=1, max_size=300
)
PACKERS = {
    "narrow": lambda points, level: seal(blocks.NARROW, blocks._narrow(points, level)),
    "pcodec": blocks._pcodec,
    "whichever is better": blocks.pack,
}


def columns(found):
    step, time, value = zip(*found, strict=True)
    return Columns(np.array(step, np.int64), np.array(time, np.int64), np.array(value, np.float64))


def bits(points):
    return [column.tobytes() for column in points]


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("level", [blocks.HOT, blocks.COLD])
@given(found=rows)
def test_points_come_back_bit_for_bit(packer, level, found):
    points = columns(found)
    assert bits(blocks.unpack(PACKERS[packer](points, level))) == bits(points)


def series(count):
    step = np.arange(count, dtype=np.int64) * 5 - 10
    return Columns(
        step, 1_700_000_000_000 + step * 3 + step % 7, np.where(step % 50 == 0, np.nan, (step % 13) / 8)
    )


@pytest.mark.parametrize(("file", "count"), [("narrow-10", 10), ("narrow-300", 300), ("pcodec-300", 300)])
def test_points_as_they_were_once_written_stay_readable(file, count):
    assert bits(blocks.unpack((GOLDEN / f"{file}.bin").read_bytes())) == bits(series(count))


def test_a_sketch_as_it_was_once_written_stays_readable():
    found = sketch.unpack_all([(GOLDEN / "sketch-300.bin").read_bytes()])
    points = series(300)
    for index, start in enumerate(range(0, 300, 64)):
        part = points.at(slice(start, start + 64))
        finite = part.value[np.isfinite(part.value)]
        expected = [
            part.step[0], part.step[-1], part.timestamp_ms[0], part.timestamp_ms[-1],
            finite.min(), finite.max(), finite[-1], np.isnan(part.value).sum(), 0, 0,
        ]  # fmt: skip
        assert [column[index] for column in found] == expected


@given(found=st.lists(st.tuples(int64, st.integers(0, 2**40), st.floats()), min_size=65, max_size=400))
def test_a_sketch_never_understates(found):
    points = ordered(columns(found))
    if len(points.step) <= sketch.WIDTH:
        assert sketch.pack(points) is None
        return
    ranges = sketch.unpack_all([sketch.pack(points)])
    exact = sketch.of(points, sketch.WIDTH)
    known = np.isfinite(exact.low)
    assert (ranges.low[known] <= exact.low[known]).all()
    assert (ranges.high[known] >= exact.high[known]).all()
    assert np.isnan(ranges.low[~known]).all()
    for name in ("min_step", "max_step", "first_ms", "last_ms", "nans", "pos_inf", "neg_inf"):
        assert getattr(ranges, name).tolist() == getattr(exact, name).tolist()


def test_sketches_of_several_lengths_are_read_in_their_order():
    parts = [series(300), series(100), series(300)]
    together = sketch.unpack_all([sketch.pack(part) for part in parts])
    alone = sketch.joined([sketch.unpack_all([sketch.pack(part)]) for part in parts])
    for both, one in zip(together, alone, strict=True):
        np.testing.assert_array_equal(both, one)


@pytest.mark.parametrize(
    "packed", [b"", b"\1", seal(9, b"from the future"), seal(1, b"\0short"), seal(2, b"short")]
)
def test_what_cannot_be_read_is_refused(packed):
    with pytest.raises(CorruptPoints):
        blocks.unpack(packed)


def test_every_flipped_byte_is_noticed():
    for packed, read in (
        (blocks.pack(series(2000), blocks.HOT), blocks.unpack),
        (sketch.pack(series(2000)), lambda each: sketch.unpack_all([each])),
    ):
        for at in range(0, len(packed), max(1, len(packed) // 100)):
            broken = bytearray(packed)
            broken[at] ^= 0x10
            with pytest.raises(CorruptPoints):
                read(bytes(broken))


def test_points_of_one_moment_and_step_stay_in_one_chunk():
    """Then whether a point may be in a chunk is seen by the chunk's bounds."""
    step = np.r_[np.arange(4090), np.full(20, 4090), np.arange(4091, 9000)]
    points = Columns(step, np.zeros(len(step), np.int64), np.arange(len(step), dtype=np.float64))
    parts = split(points)
    assert [len(part.step) for part in parts] == [4110, 4096, 813]
    assert all(left.pair(-1) < right.pair(0) for left, right in pairwise(parts))
