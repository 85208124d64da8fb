"""What a folder and a bucket have in common: whole or absent, listed by folders, deleted for good."""

from __future__ import annotations

import asyncio
import hashlib
import os

import pytest
from stored import content, left_over, pieces

from trackside.blobs import Stored
from trackside.blobs.objects import PART_BYTES, PIECE_BYTES
from trackside.blobs.order import Replaced
from trackside.errors import NotFound

ODD_NAMES = [
    "p%20q", "p q", "a#b", "a?b", "a*b", "a~b", "ü.txt", "a%2fb", "a'b", "a+b", "a&b=c", "a..b", "...", ".hidden",
    "a:b", '[a]{b}|^`"<>', "loss%step%0%ab12", "e\u0301", "a;b@c$d,!(e)",
]  # fmt: skip
SIZES = [0, 1, PIECE_BYTES, PART_BYTES - 1, PART_BYTES, 3 * PART_BYTES + 5]


async def in_pieces(data, size=300_000):
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("size", SIZES)
def test_what_comes_back_is_what_went_in(store, run, size):
    data = os.urandom(size)
    stored = run(store.put("a/b.bin", in_pieces(data)))
    assert (stored.size_bytes, stored.sha256) == (size, hashlib.sha256(data).digest())

    async def read():
        blob = await store.open("a/b.bin")
        assert (blob.size_bytes, blob.version) == (size, stored.version)
        parts = [(0, size), (size // 3, size // 2), (max(0, size - 7), size)]
        got = [b"".join([piece async for piece in blob.chunks(start, end)]) for start, end in parts]
        blob.close()
        return got == [data[start:end] for start, end in parts]

    assert run(read())
    assert left_over(store) == []


def test_names_are_kept_as_they_are(store, run):
    for name in ODD_NAMES:
        run(store.put(f"x/{name}/in", pieces(name.encode())))
        run(store.put(f"y/{name}", pieces(name.encode())))
        assert run(content(store, f"x/{name}/in")) == name.encode()
    assert [(e.path, e.is_dir) for e in run(store.entries("x"))] == sorted(
        (f"x/{n}", True) for n in ODD_NAMES
    )
    assert [e.path for e in run(store.entries("y"))] == sorted(f"y/{n}" for n in ODD_NAMES)


def test_a_listing_of_more_than_a_page(store, run):
    async def fill():
        names = iter(range(1100))

        async def worker():
            for number in names:
                await store.put(f"many/{number:04d}", pieces(b"x"))

        await asyncio.gather(*(worker() for _ in range(16)))

    run(fill())
    run(store.put("many/below/x", pieces(b"x")))
    entries = run(store.entries("many"))
    assert len(entries) == 1101
    assert [(e.path, e.is_dir) for e in entries if e.is_dir] == [("many/below", True)]
    run(store.delete("many"))
    with pytest.raises(NotFound):
        run(store.open("many/below/x"))
    # SeaweedFS forgets a folder that has become empty only some time later.
    assert [e for e in run(store.entries("many")) if not e.is_dir] == []


def test_deleting_a_file_leaves_its_namesakes(store, run):
    for path in ("a", "ab/c", "b/a"):
        run(store.put(path, pieces(b"x")))
    run(store.delete("a"))
    run(store.delete("a"))
    run(store.delete("never/there"))
    assert [e.path for e in run(store.entries(""))] == ["ab", "b"]
    with pytest.raises(NotFound, match="No such artifact: 'a'"):
        run(store.open("a"))


@pytest.mark.parametrize("size", [100, 3 * PART_BYTES])
@pytest.mark.parametrize("how", ["the sender fails", "the request is cancelled"])
def test_an_upload_that_breaks_off_leaves_nothing(store, run, size, how):
    run(store.put("kept", pieces(b"before")))

    async def upload():
        arrived = asyncio.Event()

        async def breaking():
            async for piece in in_pieces(os.urandom(size)):
                yield piece
            arrived.set()
            if how == "the sender fails":
                raise ConnectionError
            await asyncio.sleep(60)

        task = asyncio.ensure_future(store.put("kept", breaking()))
        await arrived.wait()
        if how != "the sender fails":
            await asyncio.sleep(0.3)  # parts are on their way
            task.cancel()
        [error] = await asyncio.gather(task, return_exceptions=True)
        return error

    assert isinstance(run(upload()), ConnectionError | asyncio.CancelledError)
    assert run(content(store, "kept")) == b"before"
    assert left_over(store) == []


def test_of_two_uploads_to_one_path_the_later_one_stays_whole(store, run):
    first, second = os.urandom(2 * PART_BYTES), os.urandom(2 * PART_BYTES + 1)

    async def both():
        return await asyncio.gather(
            store.put("a", in_pieces(first)), store.put("a", in_pieces(second)), return_exceptions=True
        )

    earlier, later = run(both())
    # The first is made before the second, or not at all, and is told so.
    assert isinstance(earlier, Stored | Replaced)
    assert later.size_bytes == len(second)
    assert run(content(store, "a")) == second
