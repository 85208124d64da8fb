"""Who may call a route. Each route names its guard where it is declared; there is no default.

There is no sign-in yet, so the guards of resources let everybody through that reaches the
server; that is why listening beyond loopback has to be asked for in words (`--no-auth`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request

Guard = Callable[[Request], Awaitable[None]]


async def open_to_all(request: Request) -> None:
    """No sign-in needed, ever: health, version, the UI's files."""


async def can_read(request: Request) -> None:
    """May see experiments, runs, models and their artifacts."""


async def can_edit(request: Request) -> None:
    """May change them."""
