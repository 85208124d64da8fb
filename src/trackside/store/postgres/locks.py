"""The advisory locks that make writes of several servers safe, and the order in which they are taken.

Every transaction that writes begins by taking, before it reads anything:

1. the store's lock: SHARED when all its jobs name the runs that they write (`runs=`), else
   EXCLUSIVE, and then it is alone, among all servers, as it would be on SQLite;
2. when SHARED: one EXCLUSIVE lock for each of these runs, in ascending order of the locks'
   numbers, by one statement.

After that it takes no lock that another such transaction could wait for in another order: it
writes rows of its own runs only, and the one table that all runs share, the names of metrics, it
writes in sorted order, last. So whoever waits, waits for one who is further along the same
order, and there is no circle of waiters: no deadlock. All locks end with the transaction.

Two runs whose lock numbers are equal by chance wait for each other; nothing else comes of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

# Locks with two numbers are apart from those with one, which are the runs'.
_SPACE = 0x7452_6B53  # "tRkS"
STORE = f"{_SPACE}, 1"
MIGRATION = f"{_SPACE}, 2"
LEADER = f"{_SPACE}, 3"  # held by the one process that does what only one may do


def number_of(run_uuid: str) -> int:
    """The number of a run's lock."""
    digest = hashlib.blake2b(run_uuid.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def statements(runs: Iterable[str] | None) -> str:
    """SQL that takes the locks of a transaction that writes these runs; anything, when None."""
    if runs is None:
        return f"SELECT pg_advisory_xact_lock({STORE});"
    numbers = ",".join(str(number) for number in sorted({number_of(uuid) for uuid in runs}))
    own = f"SELECT pg_advisory_xact_lock(n) FROM unnest('{{{numbers}}}'::bigint[]) AS n;" if numbers else ""  # noqa: S608
    return f"SELECT pg_advisory_xact_lock_shared({STORE}); {own}"
