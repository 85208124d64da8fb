"""Of two changes to one path the one that was begun later holds, whatever becomes of whom asked for the other."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from stored import content, left_over, on_s3, pieces
from weed import Weed, create_bucket

from trackside.blobs import Stored, order
from trackside.blobs.objects import PART_BYTES, ObjectBlobs
from trackside.blobs.order import Order, Replaced
from trackside.errors import NotFound, StorageRefused, Unavailable

SMALL, LARGE = 1_000, 2 * PART_BYTES + 1
A_STORED = Stored(1, b"a", "1")


class Storage:
    """What changes it, in order; each takes until it is told to end."""

    def __init__(self):
        self.began, self.ended = [], []
        self.go = {}

    async def change(self, name, error=None):
        self.began.append(name)
        await self.go.setdefault(name, asyncio.Event()).wait()
        self.ended.append(name)
        if error is not None:
            raise error

    def end(self, name):
        self.go.setdefault(name, asyncio.Event()).set()


@pytest.fixture
def storage():
    return Storage()


async def soon():
    for _ in range(10):
        await asyncio.sleep(0)


async def asked(order_, storage, name, path, *, tree=False, error=None):
    """A change that has asked for its turn."""

    async def run():
        with order_.begun(path, tree=tree) as change:
            await order_.make(change, lambda: storage.change(name, error))

    task = asyncio.create_task(run())
    await soon()
    return task


@pytest.mark.parametrize(
    ("first", "tree", "second", "meet"),
    [
        ("a/b", False, "a/b", True),
        ("a", True, "a/b", True),
        ("a/b", False, "a", False),
        ("a", True, "ab", False),
        ("a", False, "a/b", False),
    ],
)
def test_only_changes_of_one_file_wait(run, storage, first, tree, second, meet):
    async def story():
        order_ = Order()
        one = await asked(order_, storage, 1, first, tree=tree)
        two = await asked(order_, storage, 2, second)
        assert storage.began == ([1] if meet else [1, 2])
        storage.end(2)
        storage.end(1)
        await asyncio.gather(one, two)
        assert storage.ended == ([1, 2] if meet else [2, 1])

    run(story())


def test_what_was_sent_is_waited_for_though_nobody_asks_any_more(run, storage):
    async def story():
        order_ = Order()
        one = await asked(order_, storage, 1, "a")
        waiting = await asked(order_, storage, 2, "a")
        three = await asked(order_, storage, 3, "a")
        one.cancel()
        waiting.cancel()
        await asyncio.wait({one, waiting}, timeout=1)
        assert one.cancelled()
        assert waiting.cancelled()
        await soon()
        assert storage.began == [1]
        storage.end(1)
        storage.end(3)
        await three
        assert storage.began == storage.ended == [1, 3]

    run(story())


def test_who_was_begun_earlier_is_not_made_later(run):
    async def story():
        order_ = Order()
        with order_.begun("a") as early, order_.begun("a/b") as beside, order_.begun("a") as late:
            async with order_.turn(late):
                order_.made(late, A_STORED)
            with pytest.raises(Replaced, match="'a' was replaced by a later") as caught:
                async with order_.turn(early):
                    raise AssertionError
            assert caught.value.by_the_same(b"a") == A_STORED
            with pytest.raises(Replaced):
                caught.value.by_the_same(b"another")
            async with order_.turn(beside):
                order_.made(beside)
            with order_.begun("a") as latest:
                async with order_.turn(latest):
                    order_.made(latest)

    run(story())


def test_a_request_without_an_answer_holds_the_path_until_it_has_ended(run, storage, monkeypatch):
    monkeypatch.setattr(order, "SETTLE_SECONDS", 0.05)
    monkeypatch.setattr(order, "_ASK_SECONDS", 0.01)
    monkeypatch.setattr(order, "WAIT_SECONDS", 0.3)
    away = True

    async def ask():
        if away:
            raise Unavailable

    async def story():
        nonlocal away
        order_ = Order(ask)
        one = await asked(order_, storage, 1, "a", error=Unavailable("no answer"))
        storage.end(1)
        with pytest.raises(Unavailable, match="no answer"):
            await one
        two = await asked(order_, storage, 2, "a")
        with pytest.raises(Unavailable, match="waits for the storage"):
            await two
        three = await asked(order_, storage, 3, "a")
        away = False
        storage.end(3)
        await three
        assert storage.began == [1, 3]
        assert not order_._queue
        assert not order_._under_way

    run(story())


async def failed(order_, count):
    """So many changes at once, whose requests get no answer."""

    async def act():
        raise Unavailable("no answer")

    async def one(number):
        with order_.begun(f"f{number}") as change:
            await order_.make(change, act)

    return await asyncio.gather(*(one(number) for number in range(count)), return_exceptions=True)


@pytest.mark.parametrize("refusal", [None, StorageRefused("no such bucket"), ValueError()])
def test_one_question_is_asked_for_all_that_wait_for_the_storage(run, monkeypatch, refusal):
    monkeypatch.setattr(order, "SETTLE_SECONDS", 0.05)
    monkeypatch.setattr(order, "_ASK_SECONDS", 0.02)
    away, asked = True, []

    async def ask():
        asked.append(1)
        await asyncio.sleep(0.01)
        if away:
            raise Unavailable
        if refusal is not None:
            raise refusal

    async def story():
        nonlocal away
        for _ in range(2):  # it may go away again
            away = True
            asked.clear()
            order_ = Order(ask)
            assert {str(error) for error in await failed(order_, 200)} == {"no answer"}
            await asyncio.sleep(0.2)
            assert len(order_._queue) == 200
            assert 2 <= len(asked) <= 12
            away = False
            async with asyncio.timeout(2):
                await asyncio.gather(*(change.ended.wait() for change in order_._queue))
            assert not order_._queue
            at_rest = len(asked)
            await asyncio.sleep(0.1)
            assert len(asked) == at_rest

    run(story())


def test_an_answer_counts_for_those_only_who_waited_when_it_was_asked_for(run, monkeypatch):
    monkeypatch.setattr(order, "SETTLE_SECONDS", 0.0)
    gates = [asyncio.Event() for _ in range(2)]
    asked = []

    async def ask():
        asked.append(1)
        await gates[len(asked) - 1].wait()

    async def story():
        order_ = Order(ask)
        await failed(order_, 1)
        await soon()
        with order_.begun("late") as late:
            task = asyncio.create_task(order_.make(late, failing))
            await asyncio.gather(task, return_exceptions=True)
        gates[0].set()
        await soon()
        assert [change.path for change in order_._queue] == ["late"]
        gates[1].set()
        await soon()
        assert not order_._queue

    async def failing():
        raise Unavailable

    run(story())


def test_too_many_that_wait_for_the_storage_are_refused_at_once(run, monkeypatch):
    monkeypatch.setattr(order, "SETTLE_SECONDS", 0.05)
    monkeypatch.setattr(order, "_ASK_SECONDS", 0.02)
    away = True
    held = set()

    async def ask():
        if away:
            raise Unavailable

    @contextlib.asynccontextmanager
    async def alone(path):
        await asyncio.sleep(0)
        held.add(path)
        try:
            yield
        finally:
            held.remove(path)

    async def story():
        nonlocal away
        order_ = Order(ask)
        order_.alone = alone
        results = [str(error) for error in await failed(order_, order.MOST_IN_DOUBT + 44)]
        assert results.count("no answer") == order.MOST_IN_DOUBT
        assert sum("256 uploads and deletions wait for it already" in each for each in results) == 44
        assert len(held) == len(order_._queue) == order.MOST_IN_DOUBT
        with pytest.raises(Unavailable, match="try again when it is back"), order_.begun("new"):
            raise AssertionError
        away = False
        async with asyncio.timeout(2):
            await asyncio.gather(*(change.ended.wait() for change in order_._queue))
        assert not held
        with order_.begun("new") as change:
            assert await order_.make(change, lambda: asyncio.sleep(0, "made")) == "made"

    run(story())


# --- on a real store, which is stopped in the middle


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
