"""PostgreSQL is killed under load and comes back: what was acknowledged is there, once, and nobody hangs."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from postgres_server import VERSIONS, binaries, server
from trackside.errors import Unavailable
from trackside.model import Point
from trackside.store.postgres import PostgresDatabase
from trackside.store.series import Series

KILLS = int(os.environ.get("TRACKSIDE_TEST_KILLS", "4"))
WRITERS = 6


@pytest.fixture(params=VERSIONS)
def own(request):
    """A server of this test's own, which may be killed; it writes to the disk as it would for a user."""
    if binaries(request.param) is None:
        pytest.skip(f"PostgreSQL {request.param} is not installed")
    with server(request.param, fsync="on", full_page_writes="on") as made:
        yield made


class Load:
    """Writers that know what was acknowledged. Each step is a point, a param, and an experiment by its name."""

    def __init__(self, databases):
        self.databases = databases
        self.series = {database: Series() for database in databases}
        self.stored = [set() for _ in range(WRITERS)]
        self.unknown = [set() for _ in range(WRITERS)]
        self.longest = 0.0
        self.stop = False

    async def start(self):
        async def job(tx):
            await tx.run("add_default_experiment", artifact_location="x", now_ms=1)
            for writer in range(WRITERS):
                await tx.insert(
                    "add_run", uuid=f"r{writer}", experiment_id=0, name="n", user_id="", start_ms=0, artifact_uri="x"
                )  # fmt: skip

        await self.databases[0].write(job)

    async def write(self, writer):
        database = self.databases[writer % len(self.databases)]
        step = 0
        while not self.stop:
            step += 1
            began = time.monotonic()
            try:
                await database.write(self.log(database, writer, step), runs=(f"r{writer}",))
                if step % 5 == 0:
                    await database.write(self.name(writer, step))
            except Unavailable:
                self.unknown[writer].add(step)
            else:
                self.stored[writer].add(step)
            self.longest = max(self.longest, time.monotonic() - began)

    def log(self, database, writer, step):
        async def job(tx):
            row = await tx.one("run_by_uuid", uuid=f"r{writer}")
            await tx.run("set_param", run_id=row["id"], key=f"p{step}", value=str(step))
            await self.series[database].append(tx, row["id"], [Point("loss", step, step, float(step))])

        return job

    def name(self, writer, step):
        async def job(tx):
            # A second time it would be refused: so a commit that is repeated shows.
            await tx.insert("add_experiment", name=f"{writer} {step}", artifact_location="x", now_ms=1)

        return job


async def check(load):
    database = load.databases[0]

    async def job(tx):
        found = []
        for writer in range(WRITERS):
            row = await tx.one("run_by_uuid", uuid=f"r{writer}")
            points = await load.series[database].history(tx, row["id"], "loss")
            params = await tx.all("params_of_runs", run_ids=f"[{row['id']}]")
            found.append((row["id"], points.step.tolist(), sorted(int(param["value"]) for param in params)))
        return found

    names = {row["name"] for row in await database.read(lambda tx: tx.select(Named()))}
    for writer, (_, steps, params) in enumerate(await database.read(job)):
        assert len(steps) == len(set(steps))
        assert load.stored[writer] <= set(steps) <= load.stored[writer] | load.unknown[writer]
        assert params == steps, "one transaction, both or none"
        assert {f"{writer} {step}" for step in load.stored[writer] if step % 5 == 0} <= names


async def everybody_goes_on(load):
    before = [max(each, default=0) for each in load.stored]
    async with asyncio.timeout(20):
        for stored, reached in zip(load.stored, before, strict=True):
            while max(stored, default=0) <= reached:  # noqa: ASYNC110 - what is waited for belongs to the product
                await asyncio.sleep(0.02)


class Named:
    sql, values = "SELECT name FROM experiment", ()


@pytest.mark.timeout(240)
def test_nothing_acknowledged_is_lost_and_nobody_hangs(own, run):
    url = own.new_database()
    databases = [PostgresDatabase(url), PostgresDatabase(url)]
    load = Load(databases)

    async def scenario():
        await load.start()
        tasks = [asyncio.ensure_future(load.write(writer)) for writer in range(WRITERS)]
        for kill in range(KILLS):
            await asyncio.sleep(0.4 + 0.13 * kill)
            await asyncio.to_thread(own.stop, signal.SIGKILL)
            await asyncio.sleep(0.2)
            await asyncio.to_thread(own.start)
            await everybody_goes_on(load)
        load.stop = True
        async with asyncio.timeout(30):
            await asyncio.gather(*tasks)
        await check(load)
        for database in databases:
            await database.close()

    run(scenario())
    assert load.longest < 35
    assert sum(map(len, load.stored)) > 50
