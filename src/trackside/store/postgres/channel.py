"""What servers on one database tell each other: LISTEN and NOTIFY, on one connection of each process.

Messages about what has happened are sent after the commit, on this connection and not in the
writers' transactions, since PostgreSQL lets only one transaction that notifies commit at a time.
They are gathered for a moment, and many go in one notification (at most 8,000 bytes). All messages
of one process arrive in the order in which they were sent; those of different processes in the order
of their notifications' commits, which is not that of the writes they tell of. So a message says what to
look at, and who looks finds at least what it told of, since that was committed before.

What must not be lost between a commit and its message (permissions, deliveries that are due) goes out
with the commit itself: `told_with` says for which tables. Those writes are rare.

While the connection is away nothing is heard: `lost` is called then, and `found` when it is back, and
who listens forgets what it remembers. Processes say that they are there; as long as there is no other, nothing
else is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Sequence
from typing import Any

from trackside.store.database import Hears
from trackside.store.postgres import connect, locks
from trackside.store.postgres.connect import Connection

CHANNEL = "trackside"
GATHER_SECONDS = 0.02
PAYLOAD_BYTES = 7_900  # PostgreSQL takes less than 8,000
HERE_SECONDS = 15.0  # how often each process says that it is there
GONE_SECONDS = 50.0  # one that has not said so for so long has ended
LEADER_SECONDS = 2.0  # how often who does not lead tries to
MOST_WAITING = 20_000  # messages that wait for a connection; beyond, everybody is told to look at everything
COMMAND_SECONDS = 10.0
_RETRY_SECONDS, _PAUSE_SECONDS = 20.0, 0.2

# Tables whose changes are told of in the transaction that makes them.
_TOLD = {
    "credentials": {"account", "token"},
    "permissions": {"role", "role_permission", "role_member"},
    "deliveries": {"delivery", "webhook"},
}


class Channel:
    """This process among those on the database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._name = secrets.token_hex(4)
        self._hears: Hears | None = None
        self._waiting: list[str] = []
        self._wake = asyncio.Event()
        self._others: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.leads = False

    def start(self, hears: Hears) -> None:
        self._hears = hears
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Send what waits, say goodbye, stop."""
        if self._task is None:
            return
        task, self._task = self._task, None
        self._put(["gone"])
        self._closing = True
        await asyncio.wait([task], timeout=1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def tell(self, message: list[Any]) -> None:
        """Tell the others, if there are any."""
        if self._others:
            self._put(message)

    def told_with(self, tables: frozenset[str]) -> Sequence[str]:
        """Notifications that belong into the transaction that has changed these tables."""
        kinds = [kind for kind, of in _TOLD.items() if not of.isdisjoint(tables)]
        return [_payload(self._name, [json.dumps([kind])]) for kind in kinds]

    # --- the connection

    async def _run(self) -> None:
        while not self._closing:
            connection = None
            try:
                until = asyncio.get_running_loop().time() + _RETRY_SECONDS
                connection = await connect.connect_in_time(
                    self._url, until, command_seconds=COMMAND_SECONDS, tcp_user_timeout="20000"
                )
                await self._live(connection)
            except Exception as error:
                if not isinstance(error, connect.Lost) and not connect.is_lost(error):
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
            finally:
                self._lead(now=False)
                if connection is not None:
                    self._listener.lost()
                    await connect.end(connection)

    async def _live(self, connection: Connection) -> None:
        """Listen, send and keep the connection alive until it breaks."""
        await connection.add_listener(CHANNEL, self._notified)
        connection.add_termination_listener(lambda _: self._wake.set())
        self._listener.found()
        self._put(["hello"])
        loop = asyncio.get_running_loop()
        next_here = loop.time() + HERE_SECONDS
        while not connection.is_closed():
            await self._send(connection)
            if self._closing:
                return
            if not self.leads:
                sql = f"SELECT pg_try_advisory_lock({locks.LEADER})"
                self._lead(now=await connection.fetchval(sql))
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HERE_SECONDS if self.leads else LEADER_SECONDS):
                    await self._wake.wait()
                await asyncio.sleep(0 if self._closing else GATHER_SECONDS)
            if loop.time() >= next_here:
                next_here = loop.time() + HERE_SECONDS
                self._put(["here"])

    async def _send(self, connection: Connection) -> None:
        while self._waiting:
            batch = self._waiting[:1000]
            payloads = _packed(self._name, batch)
            await connection.execute(
                "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload", CHANNEL, payloads
            )
            del self._waiting[: len(batch)]  # only now: what was not sent is sent by the next connection

    def _lead(self, *, now: bool) -> None:
        if now != self.leads:
            self.leads = now
            self._listener.leading()

    # --- messages

    def _put(self, message: list[Any]) -> None:
        if len(self._waiting) >= MOST_WAITING:
            del self._waiting[:]
            self._waiting.append('["everything"]')
        text = json.dumps(message, separators=(",", ":"))
        if len(text.encode()) > PAYLOAD_BYTES - 100:
            text = '["everything"]'  # never but for names of thousands of characters
        self._waiting.append(text)
        self._wake.set()

    def _notified(self, _connection: Connection, _pid: int, _channel: str, payload: str) -> None:
        sender, messages = json.loads(payload)
        if sender == self._name:
            return
        for message in messages:
            kind = message[0]
            if kind == "gone":
                self._others.pop(sender, None)
                continue
            self._others[sender] = asyncio.get_running_loop().time()
            if kind == "hello":
                self._put(["here"])
            elif kind != "here":
                self._listener.heard(message)
        self._forget_gone()

    def _forget_gone(self) -> None:
        since = asyncio.get_running_loop().time() - GONE_SECONDS
        for name in [name for name, seen in self._others.items() if seen < since]:
            del self._others[name]

    @property
    def _listener(self) -> Hears:
        assert self._hears is not None  # noqa: S101 - set by `start`
        return self._hears


def _packed(sender: str, messages: Sequence[str]) -> list[str]:
    """As few payloads as can be, in order."""
    payloads: list[str] = []
    together: list[str] = []
    size = 0
    for message in messages:
        length = len(message.encode()) + 1
        if together and size + length > PAYLOAD_BYTES - 50:
            payloads.append(_payload(sender, together))
            together, size = [], 0
        together.append(message)
        size += length
    return [*payloads, _payload(sender, together)]


def _payload(sender: str, messages: Sequence[str]) -> str:
    return f'["{sender}",[{",".join(messages)}]]'
