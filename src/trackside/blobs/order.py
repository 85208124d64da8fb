"""The order of changes: of two uploads of one name, or an upload and a deletion, the later one holds.

A client that gave up and tries again, or goes on to the next version, leaves a request behind that the storage
may still carry out, and no storage takes a request back. So what makes a change visible is sent only when all
earlier such requests for that path have certainly ended, here and in the other servers on the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TypeVar

from trackside.blobs import Stored
from trackside.errors import Unavailable

T = TypeVar("T")
log = logging.getLogger("trackside.artifacts")
WAIT_SECONDS = 15.0  # for those before; then the answer is 503, and the client's own patience counts
SETTLE_SECONDS = 10.0  # after storage that was away answers again: what had reached it has ended by then
_ASK_SECONDS = 1.0  # how often storage that is away is asked whether it is back
# Changes that wait for storage that is away; then new ones are refused. Each may hold a name among the servers, and
# that is a lock, of which PostgreSQL has some thousands for all that is done with it.
MOST_IN_DOUBT = 256


class Replaced(Unavailable):
    """A later upload of this name, or a deletion, was made meanwhile."""

    def __init__(self, path: str, by: Stored | None) -> None:
        super().__init__(
            f"'{path}' was replaced by a later upload or deletion while this one was under way; send it again if"
            " it is to replace that."
        )
        self._by = by  # None for a deletion, and for what a client has put together

    def by_the_same(self, sha256: bytes) -> Stored:
        """What is there now, if its bytes are those that were to be stored; else raises this."""
        if self._by is None or self._by.sha256 != sha256:
            raise self
        return self._by


@dataclass(eq=False)
class Change:
    """An upload or a deletion that was begun and has not ended."""

    number: int  # the later it was begun, the higher
    path: str
    tree: bool  # it concerns all that lies below, too
    in_doubt: bool = False  # a request of it got no answer: the storage may carry it out later
    is_sent: bool = False  # from here on it has an effect, or may have
    replaced: Replaced | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def meets(self, other: Change) -> bool:
        """Whether both concern one file."""
        return (
            self.path == other.path
            or (self.tree and other.path.startswith(f"{self.path}/"))
            or (other.tree and self.path.startswith(f"{other.path}/"))
        )


class _Return:
    """Storage that is away comes back: one task asks, for all who wait."""

    def __init__(self, ask: Callable[[], Awaitable[object]]) -> None:
        self._ask = ask
        self._waiting: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None

    async def wait(self) -> None:
        """Wait for an answer to a question that is asked after this."""
        back: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(back)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        await back

    async def _watch(self) -> None:
        while self._waiting:
            asking, self._waiting = self._waiting, []
            try:
                await self._ask()
            except Unavailable:
                self._waiting += asking
                await asyncio.sleep(_ASK_SECONDS)
                continue
            except Exception as error:  # noqa: BLE001 - a refusal is an answer, and nothing may hold names for ever
                log.info("the storage answers: %s", error)
            for each in asking:
                if not each.done():
                    each.set_result(None)


@contextlib.asynccontextmanager
async def _alone(_path: str) -> AsyncIterator[None]:
    yield


class Order:
    """Changes of one store. All calls come from one event loop."""

    def __init__(self, ask: Callable[[], Awaitable[object]] | None = None) -> None:
        """`ask` has the storage change anything; it raises Unavailable when that does not answer."""
        self._return = None if ask is None else _Return(ask)
        self._numbers = itertools.count()
        self._under_way: set[Change] = set()
        self._queue: list[Change] = []  # in the order in which they asked for their turn; who has it is first
        self._tasks: set[asyncio.Task[None]] = set()
        # Within: no other server on the store is within it for this path.
        self.alone: Callable[[str], AbstractAsyncContextManager[None]] = _alone

    @contextlib.contextmanager
    def begun(self, path: str, *, tree: bool = False) -> Iterator[Change]:
        """A change, from when its request arrived until that is answered. Raises Unavailable when too many wait
        for the storage."""
        self._refuse_when_too_many()
        change = Change(next(self._numbers), path, tree)
        self._under_way.add(change)
        try:
            yield change
        finally:
            self._under_way.remove(change)

    @contextlib.asynccontextmanager
    async def turn(self, change: Change) -> AsyncIterator[None]:
        """Within: no other change of that path has an effect. Raises Replaced, and Unavailable when those
        before take too long."""
        before = [each for each in self._queue if each.meets(change)]
        self._queue.append(change)
        try:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    for each in before:
                        await each.ended.wait()
            except TimeoutError:
                raise Unavailable(
                    f"An earlier upload or deletion of '{change.path}' waits for the storage; try again."
                ) from None
            async with self.alone(change.path):
                self._refuse_when_too_many()
                if change.replaced is not None:
                    raise change.replaced
                yield
        finally:
            self._queue.remove(change)
            change.ended.set()

    def _refuse_when_too_many(self) -> None:
        in_doubt = sum(1 for each in self._queue if each.in_doubt)
        if in_doubt >= MOST_IN_DOUBT:
            raise Unavailable(
                f"The storage does not answer, and {in_doubt} uploads and deletions wait for it already; try again"
                " when it is back."
            )

    def made(self, change: Change, stored: Stored | None = None) -> None:
        """The change is durable: those that were begun before it must not be made after it."""
        for each in self._under_way:
            if each.number < change.number and each.meets(change):
                each.replaced = Replaced(each.path, stored)

    async def make(self, change: Change, act: Callable[[], Awaitable[T]]) -> T:
        """Do what makes the change visible, when it is its turn; what was sent is waited for in any case.

        Cancelled after that, this returns at once, but the turn is over only when `act` has ended. After a
        request that got no answer it is over when the storage answers again, and some seconds more.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._make(change, act, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await answer
        except asyncio.CancelledError:
            if not change.is_sent:
                task.cancel()
            raise

    async def _make(self, change: Change, act: Callable[[], Awaitable[T]], answer: asyncio.Future[T]) -> None:
        try:
            async with self.turn(change):
                change.is_sent = True
                try:
                    result = await act()
                except Unavailable as error:
                    change.in_doubt = True
                    _fail(answer, error)
                else:
                    self.made(change, result if isinstance(result, Stored) else None)
                    if not answer.done():
                        answer.set_result(result)
                if change.in_doubt:
                    await self._settled()
        except Exception as error:  # noqa: BLE001 - the caller's
            _fail(answer, error)
        except asyncio.CancelledError:
            answer.cancel()
            raise

    async def _settled(self) -> None:
        """Wait until the storage answers, and until what had reached it before has ended."""
        if self._return is not None:
            await self._return.wait()
        await asyncio.sleep(SETTLE_SECONDS)


def _fail(answer: asyncio.Future[T], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
