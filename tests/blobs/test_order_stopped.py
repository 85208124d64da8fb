"""The order of changes to one path of a real S3 server that is stopped in the middle, and of a folder."""

from __future__ import annotations

import asyncio

import pytest
from stored import content, left_over, on_s3, pieces
from weed import Weed, create_bucket

from trackside.blobs.objects import PART_BYTES, ObjectBlobs
from trackside.blobs.order import Replaced
from trackside.errors import NotFound, Unavailable

SMALL, LARGE = 1_000, 2 * PART_BYTES + 1


@pytest.fixture
def own_weed(tmp_path):
    with Weed(tmp_path / "weed") as started:
        create_bucket(started, "artifacts")
        yield started


async def given_up(store, weed, path, data):
    """An upload whose client goes away while its last request is with the storage, which was stopped."""
    sent = asyncio.Event()

    async def chunks():
        yield data
        await asyncio.sleep(0.5 if len(data) > PART_BYTES else 0)  # its parts are there
        weed.stop()
        sent.set()

    task = asyncio.create_task(store.put(path, chunks()))
    await sent.wait()
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.wait({task}, timeout=1)
    assert task.cancelled()


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_an_upload_that_was_given_up_does_not_replace_the_next(own_weed, run, size):
    store = ObjectBlobs(on_s3(own_weed, "s3://artifacts/x"))

    async def story(name, number):
        with own_weed.stopped():
            await given_up(store, own_weed, name, b"A" * size)
            later = asyncio.create_task(store.put(name, pieces(b"B" * number)))
            await asyncio.sleep(0.3)
        await later
        await asyncio.sleep(0.5)
        assert await content(store, name) == b"B" * number

    async def stories():
        await store.put("a", pieces(b"before"))
        for number in range(1, 6):
            await story("a", number)
            await story(f"new{number}", number)

    run(stories())
    assert left_over(store) == []


async def until_stored(store, path, data):
    """An upload that is tried again, as clients do."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await store.put(path, pieces(data))
            except Unavailable:
                await asyncio.sleep(0.1)


def test_nor_does_one_whose_request_got_no_answer_in_time(own_weed, run):
    """The storage has the request, nobody waits for its answer any more, and it is carried out later.

    On SeaweedFS the first one of a bucket waits for room to be made, seconds after reading is possible.
    """
    store = ObjectBlobs(on_s3(own_weed, "s3://artifacts/x", timeout_seconds=2))

    async def story(name):
        with own_weed.stopped():
            with pytest.raises(Unavailable, match="No answer"):
                await store.put(name, pieces(b"A" * SMALL))
            later = asyncio.create_task(until_stored(store, name, b"B"))
            await asyncio.sleep(0.5)
            assert not later.done()
        await later
        await asyncio.sleep(1)
        assert await content(store, name) == b"B"

    async def stories():
        await story("first")
        await story("second")

    run(stories())
    assert [entry.path for entry in run(store.entries(".trackside-check"))] == []


def test_deletions_and_uploads_are_in_order_too(own_weed, run):
    store = ObjectBlobs(on_s3(own_weed, "s3://artifacts/x"))

    async def story():
        await store.put("folder/a", pieces(b"before"))
        with own_weed.stopped():
            deletion = asyncio.create_task(store.delete("folder"))
            await asyncio.sleep(0.3)
            deletion.cancel()
            later = asyncio.create_task(store.put("folder/a", pieces(b"B")))
            await asyncio.sleep(0.3)
        await later
        assert await content(store, "folder/a") == b"B"
        with own_weed.stopped():
            await given_up(store, own_weed, "folder/a", b"C")
            deletion = asyncio.create_task(store.delete("folder"))
            await asyncio.sleep(0.3)
        await deletion
        with pytest.raises(NotFound):
            await store.open("folder/a")

    run(story())


def test_a_slow_upload_is_not_made_after_a_later_one(store, run):
    async def story():
        go = asyncio.Event()

        async def slow(data):
            yield data
            await go.wait()

        uploads = [asyncio.create_task(store.put("a", slow(data))) for data in (b"A", b"B", b"x" * LARGE)]
        await asyncio.sleep(0.2)
        there = await store.put("a", pieces(b"B"))
        go.set()
        one, same, large = await asyncio.gather(*uploads, return_exceptions=True)
        assert isinstance(one, Replaced)
        assert isinstance(large, Replaced)
        assert same == there
        assert await content(store, "a") == b"B"

    run(story())
