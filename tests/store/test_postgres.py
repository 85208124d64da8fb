"""The engine for several servers: locks, texts it cannot store, and a database that goes away."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from jobs import Composed, add, as_admin, names

from trackside.errors import InvalidParameter, Unavailable
from trackside.model import Point
from trackside.store.postgres import PostgresDatabase, connect, locks, writers
from trackside.store.postgres.writers import Writer
from trackside.store.series import Series


@pytest.fixture
def db(url, run):
    made = PostgresDatabase(url)
    yield made
    run(made.close())


CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


# --- locks


def test_the_locks_of_a_group_are_taken_by_one_statement_in_ascending_order():
    sql = locks.statements(["b", "a", "b"])
    numbers = sorted({locks.number_of("a"), locks.number_of("b")})
    assert sql.startswith(f"SELECT pg_advisory_xact_lock_shared({locks.STORE});")
    assert f"unnest('{{{numbers[0]},{numbers[1]}}}'::bigint[])" in sql
    assert locks.statements(None) == f"SELECT pg_advisory_xact_lock({locks.STORE});"


async def new_runs(db, count):
    async def job(tx):
        experiment = await add("e")(tx)
        for number in range(count):
            await tx.insert(
                "add_run", uuid=f"r{number}", experiment_id=experiment, name="n", user_id="", start_ms=0,
                artifact_uri="x",
            )  # fmt: skip

    await db.write(job)


def test_jobs_of_other_runs_go_on_beside_a_slow_one_and_all_others_wait(db, run):
    async def scenario():
        await new_runs(db, 3)
        gate, entered, order = asyncio.Event(), asyncio.Event(), []

        async def slow(tx):
            entered.set()
            await gate.wait()
            order.append("slow")

        def note(name):
            async def job(tx):
                order.append(name)

            return job

        first = asyncio.ensure_future(db.write(slow, runs=("r0",)))
        await entered.wait()
        same = asyncio.ensure_future(db.write(note("same run"), runs=("r0",)))
        await db.write(note("other run"), runs=("r1",))
        alone = asyncio.ensure_future(db.write(note("alone")))
        await asyncio.sleep(0.2)
        assert order == ["other run"]
        gate.set()
        await asyncio.gather(first, same, alone)
        return order

    order = run(scenario())
    assert order[:2] == ["other run", "slow"]
    assert set(order[2:]) == {"same run", "alone"}


def test_two_servers_that_log_the_same_new_metrics_never_deadlock(url, run, postgres):
    """Names that both give numbers to, runs that both write, in opposite orders."""
    one, two = PostgresDatabase(url), PostgresDatabase(url)
    series = {one: Series(), two: Series()}

    async def log(db, uuid, keys, step):
        async def job(tx):
            row = await tx.one("run_by_uuid", uuid=uuid)
            await series[db].append(tx, row["id"], [Point(key, step, step, 1.0) for key in keys])

        await db.write(job, runs=(uuid,))

    async def scenario():
        await new_runs(one, 8)
        for turn in range(15):
            keys = [f"m{turn}/{number}" for number in range(20)]
            orders = ((one, range(8), keys), (two, reversed(range(8)), keys[::-1]))
            await asyncio.gather(
                *(log(db, f"r{number}", named, turn) for db, numbers, named in orders for number in numbers)
            )
        return await one.read(
            lambda tx: tx.select(Composed("SELECT count(*) AS n, count(DISTINCT run_id) AS r FROM series"))
        )

    [row] = run(scenario())
    assert (row["n"], row["r"]) == (15 * 20 * 8, 8)
    [stats] = run(
        as_admin(postgres, url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    )
    assert stats["deadlocks"] == 0
    run(one.close())
    run(two.close())


def test_a_name_that_another_group_has_not_committed_yet_is_not_used(db, run):
    """Both groups are of one process, and share what it knows of the names' numbers."""
    series = Series()

    class Slow:
        async def flush(self, tx):
            flushed.set()
            await asyncio.sleep(0.3)

        def committed(self):
            pass

        def discard(self):
            pass

    flushed = asyncio.Event()

    def log(uuid, *, slowly=False):
        async def job(tx):
            row = await tx.one("run_by_uuid", uuid=uuid)
            await series.append(tx, row["id"], [Point("new", 1, 1, 1.0)])
            if slowly:
                tx.pending(Slow)

        return db.write(job, runs=(uuid,))

    async def scenario():
        await new_runs(db, 2)
        first = asyncio.ensure_future(log("r0", slowly=True))
        await flushed.wait()
        await log("r1")
        await first
        return [await db.read(lambda tx, run=run: series.latest(tx, run)) for run in (1, 2)]

    assert [[each.value for each in latest] for latest in run(scenario())] == [[1.0], [1.0]]


def test_a_lock_that_another_process_holds_is_waited_for_once_then_everybody_is_refused(
    url, db, run, monkeypatch
):
    monkeypatch.setitem(writers._SETTINGS, "lock_timeout", "300ms")

    async def scenario():
        holder = await asyncpg.connect(url)
        await holder.execute(f"BEGIN; SELECT pg_advisory_xact_lock({locks.STORE})")
        began = asyncio.get_running_loop().time()
        results = await asyncio.gather(*(db.write(add(f"e{i}")) for i in range(20)), return_exceptions=True)
        seconds = asyncio.get_running_loop().time() - began
        await holder.close()
        return results, seconds

    results, seconds = run(scenario())
    assert {type(each) for each in results} == {Unavailable}
    assert seconds < 20 * 0.3 / 2
    assert run(db.write(add("later"))) >= 1


def test_a_caller_that_gave_up_before_its_turn_stores_nothing(db, run):
    async def scenario():
        gate, entered = asyncio.Event(), asyncio.Event()

        async def slow(tx):
            entered.set()
            await gate.wait()
            return await add("slow")(tx)

        running = asyncio.ensure_future(db.write(slow))
        await entered.wait()
        waiting = [asyncio.ensure_future(db.write(add(name))) for name in ("given up", "kept")]
        await asyncio.sleep(0.05)
        waiting[0].cancel()
        gate.set()
        await asyncio.gather(running, *waiting, return_exceptions=True)
        return await db.read(names)

    assert run(scenario()) == ["kept", "slow"]


# --- values


@pytest.mark.parametrize("ask", ["write", "read"])
def test_a_text_with_a_nul_is_refused_in_words(db, run, ask):
    async def job(tx):
        if ask == "write":
            return await add("a\0b")(tx)
        return await tx.one("experiment_by_name", name="a\0b")

    with pytest.raises(InvalidParameter, match="NUL character"):
        run(getattr(db, ask)(job))
    assert run(db.write(add("é \U0001f600"))) >= 1


def test_commits_wait_for_the_disk_whatever_the_database_says(postgres, url, run):
    name = url.rpartition("/")[2]
    run(as_admin(postgres, url, f"ALTER DATABASE {name} SET synchronous_commit = off"))
    db = PostgresDatabase(url)

    async def job(tx):
        return (await tx.select(Composed("SELECT current_setting('synchronous_commit') AS now")))[0]["now"]

    assert run(db.write(job)) == "on"
    run(db.close())


def test_a_slow_pattern_is_the_askers_mistake(db, run, monkeypatch):
    monkeypatch.setattr("trackside.store.postgres.transaction.PATTERN_SECONDS", 0.2)
    rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    slow = Composed(f"{rows} SELECT count(*) AS n FROM n WHERE i::text ~ $1", ("x",))
    with pytest.raises(InvalidParameter, match="This pattern takes too long"):
        run(db.search(lambda tx: tx.select(slow)))
    assert run(db.search(names)) == []


# --- a database that goes away


def test_connections_that_were_cut_are_replaced_without_anybody_noticing(postgres, url, db, run):
    async def scenario():
        for turn in range(3):
            await asyncio.gather(*(db.write(add(f"{turn} {n}")) for n in range(5)))
            await as_admin(postgres, url, CUT)
        return await db.read(names)

    assert len(run(scenario())) == 15


class Cuts:
    """Ends the writer's session at its COMMIT: before the server has it, or after."""

    def __init__(self, postgres, url, when):
        self.postgres, self.url, self.when, self.left = postgres, url, when, 1

    def around(self, connection):
        execute = connection.execute
        pid = connection.get_server_pid()

        async def watched(sql, *values):
            if sql != "COMMIT" or not self.left:
                return await execute(sql, *values)
            self.left -= 1
            if self.when == "after":
                await execute(sql)
            await as_admin(self.postgres, self.url, f"SELECT pg_terminate_backend({pid})")
            return await execute("SELECT 1")  # finds that the connection has gone

        connection.execute = watched
        return connection


class Loose:
    """A connection whose methods can be replaced."""

    def __init__(self, connection):
        self._connection = connection
        self.execute = connection.execute

    def __getattr__(self, name):
        return getattr(self._connection, name)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_whose_answer_was_lost_is_looked_up_and_stored_once(postgres, url, run, monkeypatch, when):
    cuts = Cuts(postgres, url, when)
    connected = Writer._connected

    async def with_cuts(self, until):
        connection = await connected(self, until)
        if not isinstance(connection, Loose):
            connection = self._connection = cuts.around(Loose(connection))
        return connection

    monkeypatch.setattr(Writer, "_connected", with_cuts)
    ran = []

    async def job(tx):
        ran.append(1)
        return await add("once")(tx)

    db = PostgresDatabase(url)
    number = run(db.write(job))
    assert cuts.left == 0
    assert len(ran) == (2 if when == "before" else 1)
    rows = run(db.read(lambda tx: tx.select(Composed("SELECT id FROM experiment"))))
    assert [row["id"] for row in rows] == [number]
    run(db.close())


def test_a_database_that_stays_away_is_waited_for_and_then_refused(postgres, run, monkeypatch):
    url = postgres.new_database(postgres.template.rpartition("/")[2])
    db = PostgresDatabase(url)
    name = url.rpartition("/")[2]
    monkeypatch.setattr(connect, "WAIT_SECONDS", 0.6)
    monkeypatch.setattr("trackside.store.postgres.pool.WAIT_SECONDS", 0.6)

    async def scenario():
        await db.write(add("before"))
        await asyncio.to_thread(postgres.sql, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await asyncio.to_thread(postgres.sql, CUT.replace("current_database()", f"'{name}'"))
        began = asyncio.get_running_loop().time()
        refused = await asyncio.gather(
            *(db.write(add(f"e{n}")) for n in range(5)), db.read(names), return_exceptions=True
        )
        seconds = asyncio.get_running_loop().time() - began
        await asyncio.to_thread(postgres.sql, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await db.write(add("after"))
        return refused, seconds, await db.read(names)

    refused, seconds, found = run(scenario())
    assert {type(each) for each in refused} == {Unavailable}
    assert seconds < 5
    assert found == ["after", "before"]
    run(db.close())
