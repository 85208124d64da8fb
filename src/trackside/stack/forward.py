"""Let the network reach one port of a program that listens on the loopback alone, and be that program's keeper.

SeaweedFS opens more than one port on the address it is given, and not all of them ask who one is. So beyond this
machine it stays on the loopback, and this process passes on what arrives at the one port that does ask:

    python -m trackside.stack.forward HOST PORT TARGET_PORT COMMAND...
"""

from __future__ import annotations

import asyncio
import ctypes
import signal
import sys
from contextlib import suppress

_PIECE_BYTES = 256 * 1024
_PR_SET_PDEATHSIG = 1


async def forward(host: str, port: int, target: int, command: list[str]) -> int:
    """Start the command and pass connections on until it ends; its exit code."""
    child = await asyncio.create_subprocess_exec(*command, preexec_fn=_die_with_parent)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _pass_on(reader, writer, target)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, child.send_signal, signal.SIGTERM)
    everywhere = None if host == "::" else host  # asyncio would take "::" for IPv6 alone
    async with await asyncio.start_server(accept, everywhere, port, limit=_PIECE_BYTES):
        return await child.wait()


def _die_with_parent() -> None:
    """In the child, on Linux: when this process is killed, it ends too, or its ports would stay taken."""
    with suppress(AttributeError):  # another system
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: int) -> None:
    try:
        there, back = await asyncio.open_connection("127.0.0.1", target, limit=_PIECE_BYTES)
    except OSError:  # it does not listen yet, or no more
        writer.close()
        return
    await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction, until either side hangs up."""
    with suppress(ConnectionError):
        while piece := await reader.read(_PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
            return
    writer.close()


def main() -> None:
    """Ends with the command's exit code."""
    host, port, target, *command = sys.argv[1:]
    code = asyncio.run(forward(host, int(port), int(target), command))
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
