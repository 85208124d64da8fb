"""Whose search runs now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from trackside.core.turns import AT_MOST, AT_ONCE, Turns
from trackside.store.sqlite import SEARCHERS


class Searches:
    """Searches that run until they are told to end; `running` names their senders in the order of their start."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.running: list[str] = []
        self._ends: dict[str, list[asyncio.Event]] = {}
        self.tasks: list[asyncio.Task[None]] = []

    async def begin(self, *senders: str) -> None:
        self.tasks += [asyncio.create_task(self._search(each)) for each in senders]
        await _settled()

    async def end(self, sender: str) -> None:
        self._ends[sender].pop(0).set()
        await _settled()

    async def _search(self, sender: str) -> None:
        async with self.turns.turn(sender):
            self.running.append(sender)
            end = asyncio.Event()
            self._ends.setdefault(sender, []).append(end)
            try:
                await end.wait()
            finally:
                self.running.remove(sender)
                if end in self._ends[sender]:
                    self._ends[sender].remove(end)


async def _settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def scenario(story: Callable[[Searches], Awaitable[Any]]) -> None:
    async def play() -> None:
        searches = Searches()
        await story(searches)
        for task in searches.tasks:
            task.cancel()
        await asyncio.gather(*searches.tasks, return_exceptions=True)
        # Nothing is left behind: all turns are free again.
        searches.tasks.clear()
        await searches.begin(*"wxyz")
        assert searches.running == [*"wxyz"]
        for task in searches.tasks:
            task.cancel()

    asyncio.run(play())


def test_there_is_a_thread_for_each() -> None:
    assert AT_ONCE < AT_MOST <= SEARCHERS


def test_one_sender_alone_has_two_at_once() -> None:
    async def story(searches: Searches) -> None:
        await searches.begin("a", "a", "a", "a")
        assert searches.running == ["a", "a"]
        await searches.end("a")
        assert searches.running == ["a", "a"]

    scenario(story)


def test_slow_searches_of_one_sender_hold_up_nobody_else() -> None:
    async def story(searches: Searches) -> None:
        await searches.begin(*"aaaaaaaa")
        await searches.begin("b", "c")
        assert searches.running == [*"aabc"]
        await searches.end("a")
        assert searches.running == [*"abc"], "one who has one running does not get a further one"

    scenario(story)


def test_who_has_fewest_running_and_waits_longest_is_next() -> None:
    async def story(searches: Searches) -> None:
        await searches.begin(*"abcd", *"aeefb")
        assert searches.running == [*"abcd"]
        order = []
        for sender in "abcd":
            await searches.end(sender)
            order.append(searches.running[-1])
        assert order == [*"aefb"]

    scenario(story)


@pytest.mark.parametrize("which", [0, 2, 3])
def test_who_gives_up_frees_its_turn_or_its_place(which: int) -> None:
    async def story(searches: Searches) -> None:
        await searches.begin(*"aaaa")
        searches.tasks[which].cancel()
        await _settled()
        assert searches.running == ["a", "a"]
        await searches.end("a")
        await searches.end("a")
        assert searches.running == ["a"]

    scenario(story)


def test_who_gives_up_just_as_its_turn_comes_frees_it() -> None:
    async def story(searches: Searches) -> None:
        await searches.begin(*"aaa")
        searches._ends["a"].pop(0).set()
        await asyncio.sleep(0)
        assert not searches.turns._waiting, "the third was told to start, and has not yet run"
        searches.tasks[2].cancel()
        await _settled()
        await searches.begin("a")
        assert searches.running == ["a", "a"]

    scenario(story)
