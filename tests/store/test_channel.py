"""Servers on one database hear each other: in order, whole, and they know when they may have missed something."""

from __future__ import annotations

import asyncio
import json

import asyncpg
import pytest

from trackside.store.postgres import PostgresDatabase, channel
from trackside.store.postgres.channel import PAYLOAD_BYTES, _packed


class Ears:
    def __init__(self, peers):
        self.peers = peers
        self.got = []

    def heard(self, message):
        self.got.append(message)

    def lost(self):
        self.got.append("lost")

    def found(self):
        self.got.append("found")

    def leading(self):
        self.got.append(f"leads {self.peers.leads}")


async def until(condition, seconds=10):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for belongs to the product
            await asyncio.sleep(0.01)


@pytest.fixture
def pair(url, run):
    """Two servers on one database; the first leads."""
    databases = [PostgresDatabase(url), PostgresDatabase(url)]
    ears = [Ears(database.peers) for database in databases]

    async def start():
        for database, ear in zip(databases, ears, strict=True):
            database.peers.start(ear)
            await until(lambda ear=ear: "found" in ear.got)
            await until(lambda: databases[0].peers.leads)
        await until(lambda: all(database.peers._others for database in databases))

    run(start())
    yield databases, ears
    for database in databases:
        run(database.close())


def test_messages_arrive_whole_and_in_order(pair, run):
    (first, second), (_, ear) = pair
    said = [["event", number, "é\n\"'" * (number % 300)] for number in range(2000)]

    async def talk():
        for message in said:
            first.peers.tell(message)
        await until(lambda: ["event", 1999, "é\n\"'" * 199] in ear.got)

    run(talk())
    assert [message for message in ear.got if message[0] == "event"] == said
    assert second.peers._others


def test_who_writes_does_not_hear_itself(pair, run):
    (first, _), (own, other) = pair

    async def talk():
        first.peers.tell(["event", 1])
        await until(lambda: ["event", 1] in other.got)

    run(talk())
    assert ["event", 1] not in own.got


def test_nothing_is_sent_while_there_is_nobody_else(url, run):
    alone = PostgresDatabase(url)
    ear = Ears(alone.peers)

    async def talk():
        alone.peers.start(ear)
        await until(lambda: alone.peers.leads)
        alone.peers.tell(["event", 1])
        assert alone.peers._waiting == []
        await alone.close()

    run(talk())


@pytest.mark.parametrize("size", [1, 100, PAYLOAD_BYTES - 300])
def test_payloads_are_what_postgresql_takes(size):
    messages = [json.dumps(["event", n, "x" * size]) for n in range(50)]
    payloads = _packed("abcd", messages)
    assert all(len(payload.encode()) < 8000 for payload in payloads)
    assert [message for payload in payloads for message in json.loads(payload)[1]] == [
        json.loads(message) for message in messages
    ]


def test_a_message_that_is_too_long_becomes_everything(pair, run):
    (first, _), (_, ear) = pair

    async def talk():
        first.peers.tell(["event", "x" * 9000])
        await until(lambda: ["everything"] in ear.got)

    run(talk())


def test_permissions_and_deliveries_are_told_with_the_commit_that_changes_them(pair, run):
    (first, second), (_, ear) = pair

    async def role(tx):
        return await tx.insert("add_role", workspace="default", name="r", description=None)

    async def refused(tx):
        await tx.insert("add_role", workspace="default", name="s", description=None)
        raise ValueError

    async def talk():
        with pytest.raises(ValueError):
            await first.write(refused)
        await asyncio.sleep(0.2)
        assert ["permissions"] not in ear.got
        await first.write(role)
        await until(lambda: ["permissions"] in ear.got)
        # The message cannot come before what it tells of.
        found = await second.read(lambda tx: tx.one("role_by_name", workspace="default", name="r"))
        assert found is not None

    run(talk())


def test_one_leads_and_another_follows_when_it_ends(pair, run, monkeypatch):
    monkeypatch.setattr(channel, "LEADER_SECONDS", 0.1)
    (first, second), (_, ear) = pair
    assert (first.peers.leads, second.peers.leads) == (True, False)

    async def end():
        await first.close()
        await until(lambda: second.peers.leads)
        await until(lambda: not second.peers._others)

    run(end())
    assert ear.got[-1] == "leads True"


def test_a_lost_connection_is_told_and_comes_back(pair, url, run, monkeypatch):
    monkeypatch.setattr(channel, "LEADER_SECONDS", 0.1)
    (first, second), (own, other) = pair

    async def cut():
        connection = await asyncpg.connect(url)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        await connection.close()
        for ear in (own, other):
            await until(lambda ear=ear: ear.got.count("found") == 2)
            assert "lost" in ear.got
        await until(lambda: first.peers.leads != second.peers.leads)
        first.peers.tell(["event", 7])
        await until(lambda: ["event", 7] in other.got)

    run(cut())
