"""Ports: free ones, the inner ones that a stack keeps, and who holds one that is taken."""

from __future__ import annotations

import errno
import random
import socket
import urllib.request
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psutil
from msgspec import Struct

from trackside.stack import files
from trackside.stack.settings import CannotStart

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


# Parts are asked directly, whatever proxy the network has: what they are asked with is for them alone.
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Inner(Struct, kw_only=True):
    """Ports on the loopback that only parts of the stack use; kept, since S3's data know some of them."""

    postgres: int
    s3: int  # these two only where the stack listens beyond this machine
    s3_console: int
    s3_grpc: int
    filer: int
    filer_grpc: int
    volume: int
    volume_grpc: int
    master: int
    master_grpc: int
    console_grpc: int


def inner_ports(path: Path) -> Inner:
    """The ports of a stack that was started before. Raises CannotStart, and changes nothing."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Inner)
    except FileNotFoundError:
        raise CannotStart(
            f"{path} is missing: `trackside down`, then `trackside up` chooses other inner ports."
        ) from None
    except msgspec.DecodeError:
        raise CannotStart(
            f"{path} is damaged. `trackside down`, remove it, and `trackside up` chooses other inner ports: no data are"
            " lost with it."
        ) from None


def make_inner_ports(path: Path) -> Inner:
    """The same for whoever starts the stack: free ones at the first start. Raises CannotStart if they are damaged."""
    if path.exists():
        return inner_ports(path)
    inner = _free_inner_ports()
    files.write(path, msgspec.json.encode(inner))
    return inner


# A block of ports is one stack's: its first port is held by whoever has chosen it, for as long as that process lives,
# so that two stacks that start at the same moment do not choose the same. Below the ports of outgoing connections.
_BLOCK = 16
_FIRST_PORTS = range(20_000, 32_000, _BLOCK)
_held: list[socket.socket] = []


def _free_inner_ports() -> Inner:
    names = Inner.__struct_fields__
    for first in random.sample(_FIRST_PORTS, len(_FIRST_PORTS)):
        ports = range(first + 1, first + 1 + len(names))
        if any(_has_left_a_socket(port) for port in ports):
            continue
        claim = socket.socket()
        try:
            claim.bind(("127.0.0.1", first))
            claim.listen()
        except OSError:
            claim.close()
            continue
        if all(is_free("127.0.0.1", port) for port in ports):
            _held.append(claim)
            return Inner(**dict(zip(names, ports, strict=True)))
        claim.close()
    raise CannotStart("No free ports from 20000 to 32000: is something using them up?")


def _has_left_a_socket(port: int) -> bool:
    """Did a SeaweedFS on this port, perhaps another user's, leave a file that ours would stumble over?"""
    return any(Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"))  # noqa: S108


def is_free(host: str, port: int) -> bool:
    """Could a server listen there?"""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def holder(port: int) -> psutil.Process | None:
    """The process that listens on a port; None where there is none, or the system does not tell us."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return psutil.Process(connection.pid)
    return None


def owner(port: int) -> str:
    """The same in words."""
    with suppress(psutil.Error):
        if process := holder(port):
            return f"{process.name()} (pid {process.pid}, user {process.username()})"
    return "another program, which only its user or root may see"


def bracketed(host: str) -> str:
    """A host as URLs write it."""
    return f"[{host}]" if ":" in host else host


def reachable(url: str) -> str:
    """The URL at which this machine itself reaches what listens on all its addresses."""
    parts = urlsplit(url)
    host = bracketed(_ANY.get(parts.hostname or "", parts.hostname or ""))
    return parts._replace(netloc=f"{host}:{parts.port}").geturl()
