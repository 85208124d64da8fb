"""What both engines promise: group commit, isolation of failures, snapshots; one schema and one set of queries."""

from __future__ import annotations

import asyncio
import sqlite3
import time

import asyncpg
import pytest
from jobs import ENDLESS, add, names

from trackside.errors import InvalidParameter, Unavailable
from trackside.store import postgres, sqlite
from trackside.store.database import named_queries
from trackside.store.postgres.statements import numbered, queries
from trackside.store.sqlite import SqliteDatabase


def test_a_write_is_there_for_the_next_read(db, run):
    run(db.write(add("a")))
    assert run(db.read(names)) == ["a"]


def test_a_refused_job_fails_alone_in_its_group(db, run):
    async def refused(tx):
        raise InvalidParameter("no")

    async def group():
        jobs = [add("a"), refused, add("b")]
        return await asyncio.gather(*(db.write(job) for job in jobs), return_exceptions=True)

    first, error, last = run(group())
    assert isinstance(error, InvalidParameter)
    assert {first, last} == {1, 2}
    assert run(db.read(names)) == ["a", "b"]


@pytest.mark.parametrize("error", [InvalidParameter("late"), ValueError("bug")])
def test_a_job_that_fails_after_it_wrote_leaves_nothing_and_harms_nobody(db, run, error):
    async def half(tx):
        await add("half")(tx)
        raise error

    async def group():
        jobs = [add("a"), half, add("b")]
        return await asyncio.gather(*(db.write(job) for job in jobs), return_exceptions=True)

    results = run(group())
    assert type(results[1]) is type(error)
    assert run(db.read(names)) == ["a", "b"]


def test_a_constraint_that_one_job_breaks_is_its_own_error(db, run):
    run(db.write(add("a")))

    async def group():
        jobs = [add("b"), add("a"), add("c")]
        return await asyncio.gather(*(db.write(job) for job in jobs), return_exceptions=True)

    results = run(group())
    assert isinstance(results[1], sqlite3.IntegrityError | asyncpg.UniqueViolationError)
    assert run(db.read(names)) == ["a", "b", "c"]


def test_readers_cannot_write(db, run):
    with pytest.raises((sqlite3.OperationalError, Unavailable, asyncpg.PostgresError)):
        run(db.read(add("a")))
    assert run(db.read(names)) == []


def test_a_read_that_takes_too_long_is_stopped(db, run, monkeypatch):
    monkeypatch.setattr(sqlite, "READ_SECONDS", 0.2)
    monkeypatch.setattr(postgres, "READ_SECONDS", 0.2)
    with pytest.raises(Unavailable, match="longer than"):
        run(db.read(lambda tx: tx.select(ENDLESS)))
    assert run(db.read(names)) == []


def test_searches_that_take_long_are_not_in_the_way_of_reads_nor_of_closing(db, run):
    async def scenario():
        searching = [asyncio.ensure_future(db.search(lambda tx: tx.select(ENDLESS))) for _ in range(8)]
        await asyncio.sleep(0.3)
        found = await asyncio.wait_for(db.read(names), 5)
        assert not any(search.done() for search in searching)
        began = time.monotonic()
        await db.close()
        errors = await asyncio.gather(*searching, return_exceptions=True)
        return found, {type(error) for error in errors}, time.monotonic() - began

    found, errors, seconds = run(scenario())
    assert found == []
    assert errors <= {Unavailable, asyncio.CancelledError}
    assert seconds < 5


def test_after_close_everything_is_refused(db, run):
    run(db.write(add("a")))
    run(db.close())
    with pytest.raises(Unavailable):
        run(db.write(add("b")))


# --- one schema, one set of queries

# What only PostgreSQL needs: which migrations it has, which transactions were committed, what servers share.
BOOKKEEPING = {"trackside_schema", "writer", "shared_secret"}
TYPES = {"integer": "bigint", "real": "double precision", "text": "text", "blob": "bytea"}


@pytest.fixture(scope="module")
def of_sqlite(tmp_path_factory):
    path = tmp_path_factory.mktemp("schema") / "trackside.db"
    asyncio.run(SqliteDatabase(path).close())
    connection = sqlite3.connect(path)
    found = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    tables = [name for (name,) in found]
    yield {table: _sqlite_table(connection, table) for table in tables}
    connection.close()


def _sqlite_table(connection, table):
    info = connection.execute(f"PRAGMA table_info({table})").fetchall()
    columns = {name: (TYPES[kind.lower()], bool(notnull or key)) for _, name, kind, notnull, _, key in info}
    primary = tuple(name for _, name, _, _, _, key in sorted(info, key=lambda row: row[5]) if key)
    uniques, indexes = {primary}, set()
    for _, name, unique, origin, partial in connection.execute(f"PRAGMA index_list({table})"):
        rows = connection.execute(f"PRAGMA index_xinfo({name})").fetchall()
        of = tuple((column, bool(down)) for _, _, column, down, _, key in rows if key)
        if origin == "c":
            indexes.add((name, of, bool(unique), bool(partial)))
        else:
            uniques.add(tuple(column for column, _ in of))
    keys = connection.execute(f"PRAGMA foreign_key_list({table})").fetchall()
    foreign = {(source, target, to or "id", action) for _, _, target, source, to, _, action, _ in keys}
    return {"columns": columns, "uniques": uniques, "indexes": indexes, "foreign": foreign}


COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable = 'NO' AS required FROM information_schema.columns
WHERE table_schema = 'public'
"""
INDEXES = """
SELECT t.relname AS table_name, i.relname AS name, x.indisunique, con.oid IS NOT NULL AS of_constraint,
  x.indpred IS NOT NULL AS partial, am.amname AS method,
  array(SELECT coalesce(a.attname, '(expression)') FROM unnest(x.indkey) WITH ORDINALITY AS k (n, o)
    LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.n
    WHERE o <= x.indnkeyatts ORDER BY o)::text[] AS columns,
  array(SELECT (o & 1) = 1 FROM unnest(x.indoption) AS o) AS downwards
FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS t ON t.oid = x.indrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = 'public' JOIN pg_am AS am ON am.oid = i.relam
LEFT JOIN pg_constraint AS con ON con.conindid = i.oid AND con.contype IN ('p', 'u')
"""
FOREIGN = """
SELECT conrelid::regclass::text AS table_name, confrelid::regclass::text AS target, a.attname AS source,
  b.attname AS to_column, CASE confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE 'NO ACTION' END AS action
FROM pg_constraint CROSS JOIN LATERAL unnest(conkey, confkey) AS k (f, t)
JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = k.f
JOIN pg_attribute AS b ON b.attrelid = confrelid AND b.attnum = k.t
WHERE contype = 'f'
"""


async def _of_postgres(url):
    connection = await asyncpg.connect(url)
    tables = {}
    try:
        for row in await connection.fetch(COLUMNS):
            table = tables.setdefault(
                row["table_name"], {"columns": {}, "uniques": set(), "indexes": set(), "foreign": set()}
            )
            table["columns"][row["column_name"]] = (row["data_type"], row["required"])
        for row in await connection.fetch(INDEXES):
            table, columns = tables[row["table_name"]], tuple(row["columns"])
            if row["of_constraint"]:
                table["uniques"].add(columns)
            else:
                down = tuple(row["downwards"]) if row["method"] == "btree" else (False,)
                table["indexes"].add(
                    (row["name"], tuple(zip(columns, down, strict=True)), row["indisunique"], row["partial"])
                )
        for row in await connection.fetch(FOREIGN):
            tables[row["table_name"]]["foreign"].add(
                (row["source"], row["target"], row["to_column"], row["action"])
            )
    finally:
        await connection.close()
    return tables


# Indexes that may differ, with the reason.
ELSEWISE = {
    "tag_parent": "a hash index on PostgreSQL, for long values: without the run's id",
}


def _comparable(table):
    found = dict(table)
    found["indexes"] = {index for index in table["indexes"] if index[0] not in ELSEWISE}
    return found | {"names": {index[0] for index in table["indexes"]}}


def test_both_engines_have_the_same_tables_columns_keys_and_indexes(url, run, of_sqlite):
    found = run(_of_postgres(url))
    assert set(found) - BOOKKEEPING == set(of_sqlite)
    for name, table in of_sqlite.items():
        assert _comparable(found[name]) == _comparable(table), name


def test_texts_compare_by_their_bytes(url, run):
    """Else order and equality would depend on the database's locale."""

    async def ask():
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetch(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
                " AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'"
            )
        finally:
            await connection.close()

    assert run(ask()) == []


def test_every_named_query_is_understood(url, run):
    """A typo in a query that no test reaches would otherwise wait for a user."""

    async def prepare_all():
        connection = await asyncpg.connect(url)
        wrong = {}
        for name, query in queries().items():
            try:
                await connection.prepare(query.sql)
            except asyncpg.PostgresError as error:
                wrong[name] = str(error)
        await connection.close()
        return wrong

    assert run(prepare_all()) == {}


def test_each_query_is_on_both_engines_and_takes_the_same_values():
    ours, theirs = queries(), named_queries("sqlite")
    only_here, only_there = {"runs_by_uuids", "shared_secret"}, {"give_back_page", "pages"}
    assert set(ours) - only_here == set(theirs) - only_there
    differing = {
        name for name in set(ours) & set(theirs) if set(ours[name].names) != set(numbered(theirs[name]).names)
    }
    assert differing == set()


def test_values_become_numbers_outside_of_texts_comments_and_casts():
    query = numbered("SELECT ':a', :b::text, ':c'':d' -- it's :e\n FROM t WHERE x = :b AND y = :f")
    assert query.sql == "SELECT ':a', $1::text, ':c'':d' -- it's :e\n FROM t WHERE x = $1 AND y = $2"
    assert query.names == ("b", "f")
    assert query.changes == frozenset()
    assert numbered("INSERT INTO a SELECT 1").changes == {"a"}
