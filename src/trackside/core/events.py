"""Who wants to know what changed. Knows neither HTTP nor storage.

Events are numbered; the last few thousand are kept so that a listener that was away for a
moment continues where it was. One that was away longer, or reads too slowly, is told to
ask for everything again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, NamedTuple

KEPT = 2048  # events a listener can catch up on
BACKLOG = 512  # events that may wait for one listener
LISTENERS = 512
SOON_SECONDS = 0.3  # a table of runs need not be told of one run more often


class Event(NamedTuple):
    id: str
    topic: str
    data: dict[str, Any]


class Listener:
    """One subscriber's queue. Overflow empties it and leaves one `resync`."""

    def __init__(self, topics: frozenset[str], start_id: str) -> None:
        self.topics = topics
        self.start_id = start_id  # from where to resume when the connection breaks before the first event
        self._waiting: deque[Event] = deque()
        self._wake = asyncio.Event()
        self.closed = False

    def offer(self, event: Event) -> None:
        if event.topic not in self.topics:
            return
        if len(self._waiting) >= BACKLOG:
            self._waiting.clear()
            event = resync(event.id)
        self._waiting.append(event)
        self._wake.set()

    def resume(self, missed: list[Event] | None, last_id: str) -> None:
        """Begin with what was missed, or with `resync` where that is not known."""
        if missed is None:
            self._waiting.append(resync(last_id))
            self._wake.set()
        else:
            self._waiting.extend(event for event in missed if event.topic in self.topics)

    def close(self) -> None:
        self.closed = True
        self._wake.set()

    async def next(self, seconds: float) -> Event | None:
        """The next event, or None when none came in time or the listener was closed."""
        if not self._waiting:
            self._wake.clear()
            if self.closed:
                return None
            try:
                await asyncio.wait_for(self._wake.wait(), seconds)
            except TimeoutError:
                return None
        return self._waiting.popleft() if self._waiting else None


class Events:
    """The hub. Used from one event loop."""

    def __init__(self) -> None:
        self._epoch = secrets.token_hex(4)  # ids of an earlier process must not be taken for ours
        self._count = 0
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._listeners: set[Listener] = set()
        self._soon: set[tuple[Any, ...]] = set()
        # Tells the other servers on the same store, if there can be any.
        self.relay: Callable[[str, dict[str, Any]], None] = lambda _topic, _data: None

    def publish(self, topic: str, **data: Any) -> None:
        self.relay(topic, data)
        self.heard(topic, data)

    def heard(self, topic: str, data: dict[str, Any]) -> None:
        """Another server says what it has published."""
        self._count += 1
        event = Event(f"{self._epoch}-{self._count}", topic, {"topic": topic, **data})
        self._kept.append(event)
        for listener in self._listeners:
            listener.offer(event)

    def soon(self, topic: str, **data: Any) -> None:
        """Publish, but only once for all that say the same within a moment."""
        said = (topic, *data.values())
        if said not in self._soon:
            self._soon.add(said)
            asyncio.get_running_loop().call_later(SOON_SECONDS, self._said, said, topic, data)

    def _said(self, said: tuple[Any, ...], topic: str, data: dict[str, Any]) -> None:
        self._soon.discard(said)
        self.publish(topic, **data)

    def listen(self, topics: Iterable[str], after: str | None = None) -> Listener | None:
        """Subscribe, first to what came after the event id given. None when there are too many listeners."""
        if len(self._listeners) >= LISTENERS:
            return None
        missed = [] if after is None else self._since(after)
        start = self.last_id if after is None or missed is None else after
        listener = Listener(frozenset(topics), start)
        listener.resume(missed, self.last_id)
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    def start_anew(self) -> None:
        """Events of other servers may have been missed: everybody is to ask for everything again."""
        self._epoch = secrets.token_hex(4)
        self._kept.clear()
        for listener in self._listeners:
            listener.resume(None, self.last_id)

    def close(self) -> None:
        """End every subscription: the server stops."""
        for listener in self._listeners:
            listener.close()

    def _since(self, after: str) -> list[Event] | None:
        """Events after the id given, or None when they are not all kept any more."""
        epoch, _, number = after.rpartition("-")
        ours = epoch == self._epoch and number.isascii() and number.isdecimal() and len(number) < 20
        missed = self._count - int(number) if ours else -1
        return list(self._kept)[len(self._kept) - missed :] if 0 <= missed <= len(self._kept) else None

    @property
    def last_id(self) -> str:
        """The id of the newest event, from which a listener can resume."""
        return f"{self._epoch}-{self._count}"


def resync(event_id: str) -> Event:
    """Tells a listener that it has missed events."""
    return Event(event_id, "", {"topic": "", "kind": "resync"})


async def stream(listener: Listener, heartbeat_seconds: float) -> AsyncIterator[Event | None]:
    """Events as they come, None as a heartbeat, until the listener is closed."""
    while not listener.closed:
        yield await listener.next(heartbeat_seconds)
