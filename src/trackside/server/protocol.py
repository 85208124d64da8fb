"""uvicorn's HTTP protocol with a bound on the head of a request, and one write for head and body of an answer."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES = 128 * 1024  # request line and headers
GATHERED_BYTES = 64 * 1024  # beyond, waiting to write more at once gains nothing


class GatheringTransport:
    """Writes of one turn of the event loop go out together.

    uvicorn writes head and body apart. Two system calls for each answer were two fifths of the
    time that the server's thread spent on `log-metric`.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._gathered: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._gathered:
            self._loop.call_soon(self._flush)
        self._gathered.append(data)
        self._size += len(data)
        if self._size > GATHERED_BYTES:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._gathered:
            gathered, self._gathered, self._size = self._gathered, [], 0
            self._transport.write(gathered[0] if len(gathered) == 1 else b"".join(gathered))


class Protocol(HttpToolsProtocol):
    """Ends a connection that sends more head than anybody means to; plain requests go by `Express`."""

    _head_bytes: int | None = 0  # None while a body comes; of trailers, too
    _in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(GatheringTransport(transport, self.loop))  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        # What came may have been a body's first piece: then the head is complete, and this is None.
        if self._head_bytes is not None and self._head_bytes > HEAD_BYTES:
            self.transport.abort()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        express = self.app.express
        if app is not self.app or not express.takes(cycle.scope):
            super()._start_asgi_task(cycle, app)
            return
        task = self.loop.create_task(express.answer(cycle, app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_header(self, name: bytes, value: bytes) -> None:
        # A trailer behind a body in chunks is no header: it came when all was decided that headers decide.
        if not self._in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_bytes, self._in_body = None, True
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        self._head_bytes = 0  # after the last chunk trailers come, not a body

    def on_body(self, body: bytes) -> None:
        self._head_bytes = None
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._head_bytes, self._in_body = 0, False
        super().on_message_complete()
