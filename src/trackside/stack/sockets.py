"""Ports: free ones, the inner ones that a stack keeps, and who holds one that is taken."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psutil
from msgspec import Struct

from trackside.stack import files

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


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
    """The ports of a stack: those of its file, or free ones at the first start."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Inner)
    except (FileNotFoundError, msgspec.DecodeError):
        names = Inner.__struct_fields__
        found = [port for port in free_ports(3 * len(names)) if not _has_left_a_socket(port)]
        inner = Inner(**dict(zip(names, found, strict=False)))
        files.write(path, msgspec.json.encode(inner))
        return inner


def _has_left_a_socket(port: int) -> bool:
    """Did a SeaweedFS on this port, perhaps another user's, leave a file that ours would stumble over?"""
    return any(Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"))  # noqa: S108


def free_ports(count: int) -> list[int]:
    """Distinct ports of the loopback that nothing listens on: all are held until the last is found."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


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


def owner(port: int) -> str:
    """The process that listens on a port, in words; empty where the system does not tell us."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                process = psutil.Process(connection.pid)
                return f"{process.name()} (pid {process.pid}, user {process.username()})"
    except psutil.Error:
        pass
    return ""


def bracketed(host: str) -> str:
    """A host as URLs write it."""
    return f"[{host}]" if ":" in host else host


def reachable(url: str) -> str:
    """The URL at which this machine itself reaches what listens on all its addresses."""
    parts = urlsplit(url)
    host = bracketed(_ANY.get(parts.hostname or "", parts.hostname or ""))
    return parts._replace(netloc=f"{host}:{parts.port}").geturl()
