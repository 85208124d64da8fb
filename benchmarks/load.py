"""A load generator: HTTP/1.1 on raw asyncio connections, each with one request under way at a time.

It shares the machine with the server, so it does little per request: no client library, no parsing of bodies. What it
can do at most is measured too (`limit` in machine.py), as a figure above which nothing here says anything of a server.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

Requests = Iterator[bytes]
"""Whole requests, head and body; each is new, since a server may take a repeated one for a retry."""


class Refused(Exception):
    """The server answered with something other than 200: a rate of errors is no rate."""


@dataclass
class Sample:
    """Latencies of the requests of one load, in seconds, and how long it took as a whole."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    received: int = 0
    own_cpu: float = 0.0  # seconds of a processor that the generator used

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def request(method: str, path: str, body: bytes = b"", kind: str = "application/json") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def post(path: str, body: object) -> bytes:
    return request("POST", path, json.dumps(body, separators=(",", ":")).encode())


class Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one is complete, until told to stop or out of requests."""

    def __init__(self, requests: Requests, sample: Sample, until: float) -> None:
        self.requests, self.sample, self.until = requests, sample, until
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answer = b""
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.send_next()

    def send_next(self) -> None:
        following = next(self.requests, None) if time.perf_counter() < self.until else None
        if following is None:
            self.transport.close()
            return
        self.sent_at = time.perf_counter()
        self.transport.write(following)

    def data_received(self, data: bytes) -> None:
        self.answer = self.answer + data if self.answer else data
        end = complete_at(self.answer)
        if end is None:
            return
        self.sample.latencies.append(time.perf_counter() - self.sent_at)
        self.sample.received += end
        if self.answer[9:12] != b"200":
            self.fail(Refused(self.answer[:600].decode(errors="replace")))
            return
        self.answer = b""
        self.send_next()

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
        self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            if error is None and not self.answer:
                self.done.set_result(None)
            else:
                self.done.set_exception(error or Refused("the server closed the connection within an answer"))


def complete_at(answer: bytes) -> int | None:
    """Length of the answer if it is whole."""
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return None
    fields = answer[:head].lower()
    at = fields.find(b"content-length:")
    if at >= 0:
        length = head + 4 + int(fields[at + 15 :].split(b"\r\n", 1)[0])
        return length if len(answer) >= length else None
    return len(answer) if answer.endswith(b"0\r\n\r\n") else None


def passed(connection: Connection) -> Connection:
    """The factory that asyncio asks for, of a connection that is there already."""
    return connection


async def _run(port: int, streams: Sequence[Requests], seconds: float) -> Sample:
    loop, sample = asyncio.get_running_loop(), Sample()
    began = time.perf_counter()
    connections = []
    for stream in streams:
        connection = Connection(stream, sample, began + seconds)
        await loop.create_connection(partial(passed, connection), "127.0.0.1", port)
        connections.append(connection)
    await asyncio.gather(*(connection.done for connection in connections))
    sample.seconds = time.perf_counter() - began
    return sample


def apply(port: int, streams: Sequence[Requests], seconds: float) -> Sample:
    """One connection for each stream of requests, for that long. Raises Refused on the first answer but 200."""
    import uvloop  # noqa: PLC0415 - part of the server's extra, as is everything that is measured here

    before = time.process_time()
    sample: Sample = uvloop.run(_run(port, streams, seconds))
    sample.own_cpu = time.process_time() - before
    return sample


def repeat(port: int, one: bytes, times: int, seconds: float = 600) -> Sample:
    """The same request again and again over one connection, after one that warms up; none is begun after `seconds`."""
    apply(port, [iter([one])], 600)
    return apply(port, [itertools.repeat(one, times)], seconds)


def fetch(port: int, one: bytes) -> Any:
    """The JSON that answers one request."""
    return exchange(port, [one])[0]


def exchange(port: int, requests: list[bytes], connections: int = 1) -> list[Any]:
    """The JSON that answers each request, in no order when there are several connections."""
    answers: list[Any] = []

    class Keeping(Connection):
        def data_received(self, data: bytes) -> None:
            whole = self.answer + data
            if complete_at(whole) is not None and whole[9:12] == b"200":
                answers.append(json.loads(whole.split(b"\r\n\r\n", 1)[1] or b"null"))
            super().data_received(data)

    async def run() -> None:
        loop, sample = asyncio.get_running_loop(), Sample()
        queue = iter(requests)
        opened = [Keeping(queue, sample, float("inf")) for _ in range(connections)]
        for connection in opened:
            await loop.create_connection(partial(passed, connection), "127.0.0.1", port)
        await asyncio.gather(*(connection.done for connection in opened))

    asyncio.run(run())
    return answers
