"""What comes in floods is told a few times and then as a number, so that no flood fills the log or the audit."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Flood(Generic[K]):
    """Lets `most` of a kind pass every `seconds`, and then tells how many more there were, if any."""

    def __init__(self, most: int, seconds: float, tell: Callable[[K, int], None]) -> None:
        self._most = most
        self._seconds = seconds
        self._tell = tell
        self._seen: Counter[K] = Counter()

    def passes(self, kind: K) -> bool:
        """Whether this one is to be told by itself."""
        if kind not in self._seen:
            asyncio.get_running_loop().call_later(self._seconds, self._end, kind)
        self._seen[kind] += 1
        return self._seen[kind] <= self._most

    def _end(self, kind: K) -> None:
        more = self._seen.pop(kind) - self._most
        if more > 0:
            self._tell(kind, more)
