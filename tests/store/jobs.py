"""Jobs that the tests of the engines have in common."""

from __future__ import annotations

import asyncpg

from postgres_server import ADMIN


class Composed:
    """A statement as `filters.compile` makes them."""

    def __init__(self, sql, values=()):
        self.sql, self.values = sql, values


ENDLESS = Composed("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")


def add(name):
    """Makes an experiment."""

    async def job(tx):
        row = await tx.insert("add_experiment", name=name, artifact_location="x", now_ms=1)
        return row["id"]

    return job


async def names(tx):
    """The names of all experiments, sorted."""
    return [row["name"] for row in await tx.select(Composed("SELECT name FROM experiment ORDER BY name"))]


async def as_admin(postgres, url, sql):
    """What a statement answers to the superuser."""
    connection = await asyncpg.connect(postgres.url(url.rpartition("/")[2], ADMIN))
    try:
        return await connection.fetch(sql)
    finally:
        await connection.close()
