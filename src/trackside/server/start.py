"""Start a server: open the store, listen, serve until a signal."""

from __future__ import annotations

import asyncio
import errno
import gc
import importlib.util
import os
import signal
import socket
from types import FrameType

import uvicorn

from trackside.config import ServerSettings
from trackside.core import passwords
from trackside.core.accounts import ADMIN
from trackside.core.app import App, places
from trackside.errors import TracksideError
from trackside.server.app import Server
from trackside.server.protocol import Protocol
from trackside.server.workers import CannotServe, Pipes, Workers

STOP_SECONDS = 4  # for what is in flight when the server is told to stop
BACKLOG = 2048  # connections that may wait to be accepted


class CannotStart(Exception):
    """The server cannot start; the message says why and what to do."""


def serve(settings: ServerSettings) -> None:
    """Serve until SIGTERM or SIGINT. Raises CannotStart."""
    password = admin_password(settings)
    listening = listen(settings)
    app = open_app(settings)
    if settings.workers == 1:
        _run(app, listening, password)
        return
    if app.db.peers is None:
        raise CannotStart(
            "SQLite is for one process: several workers need PostgreSQL (--store postgresql://…)."
            " One process does for a laboratory."
        )
    workers = Workers(settings.workers, lambda pipes: _run(open_app(settings), listening, password, pipes))
    try:
        workers.run(lambda code: _say_address(settings, listening, code))
    except CannotServe as error:
        raise CannotStart(str(error)) from None


def _run(app: App, listening: socket.socket, password: str, pipes: Pipes | None = None) -> None:
    server = _Uvicorn(configuration(Server(app, password)), app, pipes)
    # What was imported stays: without this, Python goes through all of it time and again, 25 ms each time,
    # while every request waits.
    gc.collect()
    gc.freeze()
    server.run(sockets=[listening])


def configuration(server: Server) -> uvicorn.Config:
    """How uvicorn serves it."""
    return uvicorn.Config(
        server,
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="on",  # "auto" would serve although the start failed
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        timeout_keep_alive=75,  # longer than clients keep idle connections, so that they close first
    )


class _Uvicorn(uvicorn.Server):
    """Ends the streams of live updates first: they would outlast the time for what is in flight."""

    def __init__(self, config: uvicorn.Config, app: App, pipes: Pipes | None) -> None:
        super().__init__(config)
        self._app = app
        self._pipes = pipes

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Told to stop: do so and exit with 0. (uvicorn's own raises the signal again afterwards.)"""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._pipes is None:
            for listening in sockets or []:
                _say_address(self._app.settings, listening, self._app.identities.setup_code)
        elif self.started:
            asyncio.get_running_loop().add_reader(self._pipes.alive, self._orphaned, self._pipes.alive)
            code = self._app.identities.setup_code.encode()
            os.write(self._pipes.ready, b"%b\n" % code)

    def _orphaned(self, pipe: int) -> None:
        asyncio.get_running_loop().remove_reader(pipe)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.events.close()
        await super().shutdown(sockets)


def _say_address(settings: ServerSettings, listening: socket.socket, setup_code: str) -> None:
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    prefix = settings.static_prefix
    print(f"Trackside is at http://{shown}:{port}{prefix} ({places(settings)})", flush=True)  # noqa: T201
    if setup_code:
        name = socket.gethostname() if host in ("0.0.0.0", "::") else shown
        address = settings.public_url or f"http://{name}:{port}{prefix}"
        link = f"{address}/setup?code={setup_code}"
        print(f"There is no admin yet. Make one here, once: {link}", flush=True)  # noqa: T201


def admin_password(settings: ServerSettings) -> str:
    """What the file says that the first admin's password is; empty without one. Raises CannotStart."""
    if settings.auth and importlib.util.find_spec("argon2") is None:
        raise CannotStart("Sign-in needs argon2-cffi: pip install 'trackside[server]'.")
    path = settings.admin_password_file
    if path is None or not settings.auth:
        return ""
    try:
        password = path.read_text("utf-8").rstrip("\r\n")
        passwords.check(password, ADMIN)
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"The admin password file {path} cannot be read: {error}.") from error
    except TracksideError as error:
        raise CannotStart(f"The admin password in {path} cannot be used: {error.message}") from error
    return password


def open_app(settings: ServerSettings) -> App:
    """Open or make the store below the data folder. Raises CannotStart."""
    try:
        return App.open(settings)
    except OSError as error:
        raise CannotStart(
            f"The data folder {settings.data_dir} cannot be written: {error.strerror or error}"
            f" ({error.filename}). Choose another with --data-dir, or change its permissions."
        ) from error
    except ModuleNotFoundError as error:
        raise CannotStart(
            f"What the settings ask for needs {error.name}: pip install 'trackside[server,team]'."
        ) from error
    except TracksideError as error:
        raise CannotStart(error.message) from error


def listen(settings: ServerSettings) -> socket.socket:
    """A bound socket. Raises CannotStart, naming a taken port."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Protocol TCP said in words: asyncio sets TCP_NODELAY only then, and without it answers stall for 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"Port {settings.port} of {settings.host} is taken by another program."
                f" Choose another with --port, or 0 for a free one."
            ) from error
        raise CannotStart(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror or error}."
            " --host takes an address or a name of this machine."
        ) from error
    return listening
