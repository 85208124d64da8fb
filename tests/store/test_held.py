"""Names that are held among servers: by one at a time, and never longer than somebody wants them."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from jobs import as_admin

from trackside.errors import Unavailable
from trackside.store.postgres import PostgresDatabase, connect, held
from trackside.store.postgres.held import Held, Hold

CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


@pytest.fixture
def db(url, run):
    made = PostgresDatabase(url)
    yield made
    run(made.close())


async def names_held(url):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    finally:
        await connection.close()


async def nothing_held(url):
    """Within a second: a name is let go of beside whoever gave it."""
    async with asyncio.timeout(5):
        while await names_held(url):  # noqa: ASYNC110 - PostgreSQL tells of no such event
            await asyncio.sleep(0.01)


def test_a_name_is_held_by_one_server_at_a_time(db, url, run):
    async def scenario():
        other, told = PostgresDatabase(url), []

        async def hold(database, name, gate):
            async with database.alone(name):
                told.append((database is other, name))
                await gate.wait()

        gates = [asyncio.Event() for _ in range(4)]
        tasks = [asyncio.create_task(hold(db, "a", gates[0]))]
        await asyncio.sleep(0.2)
        tasks += [
            asyncio.create_task(hold(other, name, gate)) for name, gate in zip("ab", gates[1:], strict=False)
        ]
        await asyncio.sleep(0.3)
        assert told == [(False, "a"), (True, "b")]
        tasks[1].cancel()
        gates[0].set()
        await tasks[0]
        async with asyncio.timeout(2), db.alone("a"), other.alone("c"):  # who was cancelled holds nothing
            pass
        gates[2].set()
        await tasks[2]
        await other.close()

    run(scenario())


def test_a_held_name_is_waited_for_in_bounded_time(db, url, run, monkeypatch):
    monkeypatch.setattr(held, "WAIT_SECONDS", 0.5)

    async def scenario():
        other = PostgresDatabase(url)
        async with db.alone("a"):
            with pytest.raises(Unavailable, match="Another server is at 'a'"):
                async with other.alone("a"):
                    raise AssertionError
        async with other.alone("a"):
            pass
        await other.close()

    run(scenario())


def test_names_are_held_again_after_the_connection_broke(db, postgres, url, run):
    async def scenario():
        async with db.alone("a"):
            await as_admin(postgres, url, CUT)
            await asyncio.sleep(0.1)
        async with asyncio.timeout(5), db.alone("a"), db.alone("b"):
            assert await names_held(url) == 2
        await nothing_held(url)

    run(scenario())


# --- whoever is cancelled, at whatever moment


async def soon(turns):
    for _ in range(turns):
        await asyncio.sleep(0)


def test_who_is_cancelled_at_any_moment_holds_nothing(db, url, run):
    """Some turns of the event loop, and then some milliseconds, after a name was asked for."""

    async def hold(name):
        async with db.alone(name):
            await asyncio.sleep(0)

    async def scenario():
        async with db.alone("warm"):
            pass
        for turn in range(60):
            busy = [asyncio.create_task(hold(f"busy {number}")) for number in range(3)]
            tasks = [asyncio.create_task(hold(f"{turn} {number}")) for number in range(5)]
            await soon(turn)
            if turn % 2:
                await asyncio.sleep(turn / 20_000)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*busy, *tasks, return_exceptions=True)
        await nothing_held(url)

    run(scenario())


def test_a_name_given_while_the_connection_is_asked_something_else_is_free(db, url, run):
    async def scenario():
        leave = asyncio.Event()

        async def hold():
            async with db.alone("a"):
                await leave.wait()

        task = asyncio.create_task(hold())
        await asyncio.sleep(0.2)
        async with db._held._asking:
            leave.set()
            await soon(3)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await nothing_held(url)

    run(scenario())


def test_who_is_cancelled_in_another_event_loop_holds_nothing_either(db, url, run):
    """The database's connections belong to the loop that asked first."""

    async def elsewhere():
        async def hold(name):
            async with db.alone(name):
                await asyncio.sleep(0.001)

        for turn in range(40):
            tasks = [asyncio.create_task(hold(f"{turn} {number}")) for number in range(3)]
            await asyncio.sleep(turn / 10_000)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def scenario():
        async with db.alone("warm"):
            pass
        await asyncio.to_thread(asyncio.run, elsewhere())
        await nothing_held(url)

    run(scenario())


def test_a_name_taken_again_before_it_is_let_go_of_is_held_until_it_is_given(url, run):
    async def scenario():
        names = Held(url)
        first, second, third = Hold("a"), Hold("a"), Hold("b")
        await names.take(first)
        names.give(first)
        await names.take(second)
        await names.take(third)
        assert await names_held(url) == 2
        names.give(second)
        names.give(third)
        await nothing_held(url)
        await names.close()

    run(scenario())


def test_those_who_wait_for_the_connection_wait_for_one(url, run, monkeypatch):
    monkeypatch.setattr(held, "WAIT_SECONDS", 0.5)
    asked = []

    async def away(*_args, **_named):
        asked.append(1)
        await asyncio.sleep(0.3)
        raise OSError

    async def scenario():
        names = Held(url)
        with monkeypatch.context() as patched:
            patched.setattr(connect, "connect", away)
            began = asyncio.get_running_loop().time()
            holds = [Hold(str(number)) for number in range(20)]
            results = await asyncio.gather(*(names.take(each) for each in holds), return_exceptions=True)
            assert {type(each) for each in results} == {Unavailable}
            assert asyncio.get_running_loop().time() - began < 1.5
            assert len(asked) < 6
        await asyncio.sleep(0.5)
        hold = Hold("a")
        await names.take(hold)
        names.give(hold)
        await nothing_held(url)
        await names.close()

    run(scenario())
