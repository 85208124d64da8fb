"""Are the ports of a stack its own? Those that were asked for must differ, and be free or held by its own processes."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

import psutil

from trackside.stack import sockets
from trackside.stack.parts import Part
from trackside.stack.settings import CannotStart, StackSettings


def check_different(settings: StackSettings) -> None:
    """Raises CannotStart if two of the parts that are started are to have the same port."""
    external = {"postgres": settings.external_postgres, "s3": settings.external_s3}
    asked: dict[int, str] = {}
    for name in settings.parts:
        port = getattr(settings.ports, name.replace("-", "_"))
        if not port or external.get(name):
            continue
        option = f"--{name}-port"
        if port in asked:
            raise CannotStart(
                f"{asked[port]} and {option} are both {port}: each part needs a port of its own."
            )
        asked[port] = option


def check_free(part: Part, ours: Collection[int] = ()) -> None:
    """Raises CannotStart if a program listens where a part is to, and is not one of our processes `ours`."""
    for port, option in part.ports.items():
        where = part.settings.host if option and part.name != "postgres" else "127.0.0.1"
        try:
            if sockets.is_free(where, port) or _is_held_by(ours, port):
                continue
        except OSError as error:
            raise CannotStart(f"--host: this machine cannot listen on '{where}': {error.strerror}.") from None
        remedy = f"choose another with {option}" if option else f"remove {part.places.ports} for other ports"
        raise CannotStart(
            f"Port {port} for {part.title} is taken by {sockets.owner(port)}. End that, or {remedy}."
        )


def _is_held_by(pids: Collection[int], port: int) -> bool:
    """Does one of these processes, or one that it started, listen there?"""
    holder = sockets.holder(port)
    with suppress(psutil.Error):
        return holder is not None and not {holder.pid, *(each.pid for each in holder.parents())}.isdisjoint(
            pids
        )
    return False
