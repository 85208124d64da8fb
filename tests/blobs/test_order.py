"""Of two changes to one path the one that was begun later holds, whatever becomes of whom asked for the other."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from trackside.blobs import Stored, order
from trackside.blobs.order import Order, Replaced
from trackside.errors import StorageRefused, Unavailable

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
