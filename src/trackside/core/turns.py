"""Whose search runs now. What a search costs is decided by its filter, and few can run at once.

Two run at once, whoever asks. Beyond them, a sender who has none running need not wait for one
who has: so a sender's slow searches make only the sender's own wait.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

AT_ONCE = 2
AT_MOST = 4  # with those of senders who have none running

sender: ContextVar[str] = ContextVar("sender", default="")  # of the request that is being answered


class Turns:
    """A queue for each sender. Used from one event loop."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # who has waited longest comes first

    @asynccontextmanager
    async def turn(self, of: str) -> AsyncIterator[None]:
        """Wait for this sender's turn; others go on when the block ends."""
        may_start: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(of, deque()).append(may_start)
        self._start()
        try:
            await may_start
            yield
        finally:
            if not may_start.cancelled():
                self._running[of] -= 1
                self._running += Counter()  # drops who has none
                self._start()

    def _start(self) -> None:
        while self._waiting:
            of = min(self._waiting, key=lambda each: self._running[each])
            if self._running.total() >= (AT_ONCE if self._running[of] else AT_MOST):
                return
            queue = self._waiting.pop(of)
            may_start = queue.popleft()
            if queue:
                self._waiting[of] = queue  # behind everybody else
            if not may_start.cancelled():  # gave up while it waited
                self._running[of] += 1
                may_start.set_result(None)
