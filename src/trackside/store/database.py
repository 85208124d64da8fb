"""What the product asks of a database: run named queries, in a transaction, and know when it is durable.

A job is an `async def` function that takes a transaction. PostgreSQL's driver really awaits
inside it; SQLite's runs it to its end in one thread. Core code is written once for both.

A job must not have effects outside the transaction: when the group it was committed with
fails, it is run again alone.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from importlib import resources
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
P = TypeVar("P", bound="Pending")
Values = Mapping[str, Any]
Row = Mapping[str, Any]


class Statement(Protocol):
    """SQL that was composed by `filters.compile`, with its bound values."""

    @property
    def sql(self) -> str: ...
    @property
    def values(self) -> Sequence[Any]: ...


class Pending(Protocol):
    """Writes that a group of jobs gathers, to be made once for all of them before the commit."""

    async def flush(self, tx: Transaction) -> None:
        """Write what was gathered."""

    def committed(self) -> None:
        """It is stored: what was learnt from it holds for others, too."""

    def discard(self) -> None:
        """Forget it: the group was rolled back."""


class Transaction(Protocol):
    """A consistent view of the database; writes in it become durable together or not at all."""

    async def one(self, query: str, **values: Any) -> Row | None:
        """The first row of a named query."""

    async def insert(self, query: str, **values: Any) -> Row:
        """The row that an INSERT … RETURNING gives."""

    async def all(self, query: str, **values: Any) -> list[Row]:
        """All rows of a named query."""

    async def run(self, query: str, **values: Any) -> int:
        """Run a named query for its effect; how many rows it touched."""

    async def many(self, query: str, rows: Iterable[Values]) -> None:
        """Run a named query once for each mapping of values."""

    async def select(self, statement: Statement) -> list[Row]:
        """All rows of a composed statement."""

    async def compute(self, function: Callable[..., T], *arguments: Any) -> T:
        """The result of a function that takes long and touches no database: never on the event loop."""

    def pending(self, kind: Callable[[], P]) -> P:
        """The group's gatherer of this kind, made when it is asked for first."""


Job = Callable[[Transaction], Awaitable[T]]


class Hears(Protocol):
    """Who is told what other servers on the same store say. Called in the event loop; must not take long."""

    def heard(self, message: list[Any]) -> None:
        """A message of another server: its kind and what belongs to it."""

    def lost(self) -> None:
        """From now on messages are missed."""

    def found(self) -> None:
        """Messages come again."""

    def leading(self) -> None:
        """`Peers.leads` has changed."""


class Peers(Protocol):
    """The other servers on the same store."""

    @property
    def leads(self) -> bool:
        """Whether this server is the one that does what only one may do."""

    def start(self, hears: Hears) -> None:
        """Begin to listen; called in the event loop that serves."""

    def tell(self, message: list[Any]) -> None:
        """Tell the others, soon, in the order of the calls; JSON."""


class Database(Protocol):
    """One of the two engines."""

    engine: str

    @property
    def peers(self) -> Peers | None:
        """None: there can be no other server on this store."""

    async def read(self, job: Job[T]) -> T:
        """Run a job on a read-only snapshot that holds every acknowledged write."""

    async def search(self, job: Job[T]) -> T:
        """The same for a job whose cost its caller's filter decides: never in the way of reads."""

    async def write(self, job: Job[T], *, runs: Sequence[str] | None = None) -> T:
        """Run a job in a transaction; returns when it is on disk.

        `runs`: the ids of the runs whose rows it writes, if it writes nothing else. Such jobs may go on
        side by side, on one engine or on several servers, while they concern different runs; any other
        job is alone. Who keeps to that needs no lock of its own, and what it has read stays true.
        """

    def alone(self, name: str) -> AbstractAsyncContextManager[None]:
        """Within: no other server on this store is within this for that name; for what is done elsewhere, such
        as in the storage of artifacts. Raises Unavailable when another one stays there too long."""

    async def shared_secret(self) -> str:
        """A random text that all servers on this store know, and nobody else."""

    async def shrink(self) -> int:
        """Give back to the system what deleted rows have left; bytes by which the files became smaller."""

    async def close(self) -> None:
        """Finish what is queued and let go of the files."""


# How each engine unpacks a list, which comes as JSON. PostgreSQL knows of an array how many rows to expect.
_LIST = re.compile(r"\bIN (NUMBERS|TEXTS)\((:\w+)\)")
_LISTS = {
    "sqlite": {
        "NUMBERS": "IN (SELECT value FROM json_each({}))",
        "TEXTS": "IN (SELECT value FROM json_each({}))",
    },
    "postgres": {
        "NUMBERS": "= ANY (ARRAY(SELECT json_array_elements_text({}::json)::bigint))",
        "TEXTS": "= ANY (ARRAY(SELECT json_array_elements_text({}::json)))",
    },
}


@cache
def named_queries(engine: str) -> Mapping[str, str]:
    """Every query of `sql/shared/*.sql` and of the engine's own folder, by the name in its `-- name:` line.

    The engine's query replaces a shared one of the same name: that is how an engine differs where it must.
    `IN NUMBERS(:list)` and `IN TEXTS(:list)` are whatever it needs for a list that comes as JSON.
    """
    queries: dict[str, str] = {}
    for folder in ("shared", engine):
        for file in _sql(folder):
            queries |= parse_queries(file)
    lists = _LISTS[engine]
    return {
        name: _LIST.sub(lambda found: lists[found[1]].format(found[2]), sql) for name, sql in queries.items()
    }


def parse_queries(text: str) -> dict[str, str]:
    """Split a file of `-- name: x` headed queries."""
    parts = re.split(r"^-- name: *(\w+) *$", text, flags=re.MULTILINE)
    return {name: sql.strip().rstrip(";") for name, sql in zip(parts[1::2], parts[2::2], strict=True)}


def _sql(folder: str) -> list[str]:
    root = resources.files("trackside.store") / "sql" / folder
    return [entry.read_text("utf-8") for entry in root.iterdir() if entry.name.endswith(".sql")]
