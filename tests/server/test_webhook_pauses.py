"""Webhooks: when what did not arrive is sent again, and what waits behind it."""

from __future__ import annotations

import asyncio
import socket
import time
from types import SimpleNamespace

import httpx
import pytest
from live_server import running
from receiver import HOOKS, hook, local, model, receiving, said

from trackside.core import deliveries


@pytest.fixture
def client(tmp_path):
    with (
        running(local(tmp_path, webhook_seconds=2)) as (url, _),
        httpx.Client(base_url=url, timeout=20) as made,
    ):
        yield made


def test_retry_after_is_heeded(client, receiver):
    receiver.answers = [(503, {"Retry-After": "3"})]
    hook(client, receiver.url)
    model(client)
    receiver.next()
    began = time.monotonic()
    receiver.next(8)
    assert time.monotonic() - began >= 2.9


def in_store(app, sql):
    async def job(tx):
        return await tx.select(SimpleNamespace(sql=sql, values=()))

    return asyncio.run(app.db.write(job))


def queued(app):
    """Attempts of each delivery that waits, in order."""
    return [row["attempts"] for row in in_store(app, "SELECT attempts FROM delivery ORDER BY id")]


def pause(seconds):
    """What the receiver answers to be left alone for so long."""
    return 503, {"Retry-After": str(seconds)}


def test_all_that_waits_for_a_receiver_pauses_and_comes_in_order(client, receiver):
    receiver.answers = [pause(2)]
    hook(client, receiver.url)
    names = [model(client)]
    receiver.next()
    began = time.monotonic()
    names += [model(client) for _ in range(5)]
    assert receiver.quiet(1), "the others wait too"
    assert [said(receiver.next())[1]["name"] for _ in names] == names
    assert 1.9 <= time.monotonic() - began < 4, "a success ended the pause for all"


def test_pauses_grow_with_the_failures_of_a_receiver(tmp_path, receiver, monkeypatch):
    tried = []
    monkeypatch.setattr(deliveries, "_pause", lambda attempts, _: tried.append(attempts) or 0.05)
    receiver.answers = [(500, {})] * 4
    with running(local(tmp_path)) as (url, _), httpx.Client(base_url=url) as client:
        hook(client, receiver.url)
        names = [model(client) for _ in range(3)]
        came = [said(receiver.next())[1]["name"] for _ in range(7)]
    assert came == [names[0]] * 4 + names
    assert tried == [0, 1, 2, 3]


@pytest.mark.parametrize("how", ["url", "update", "test"])
def test_a_change_or_a_test_that_arrives_ends_a_pause(client, receiver, how):
    receiver.answers = [pause(600)]
    at = f"{HOOKS}/{hook(client, receiver.url)['webhook_id']}"
    names = [model(client), model(client)]
    receiver.next()
    assert receiver.quiet()
    with receiving() as moved:
        if how == "url":
            client.patch(at, json={"url": moved.url})
        elif how == "update":
            client.patch(at, json={"secret": "s"})
        else:
            client.post(f"{at}/test", json={})
            receiver.next()
        reached = moved if how == "url" else receiver
        assert [said(reached.next())[1]["name"] for _ in names] == names


def test_a_test_that_does_not_arrive_leaves_the_pause(client, receiver):
    receiver.answers = [pause(600), (500, {})]
    at = f"{HOOKS}/{hook(client, receiver.url)['webhook_id']}"
    model(client)
    receiver.next()
    client.post(f"{at}/test", json={})
    receiver.next()
    assert receiver.quiet(1)


def test_an_attempt_at_the_old_address_does_not_pause_the_new_one(tmp_path, receiver):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(5)
        old = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with (
            running(local(tmp_path)) as (url, _),
            httpx.Client(base_url=url) as client,
        ):
            at = f"{HOOKS}/{hook(client, old)['webhook_id']}"
            name = model(client)
            under_way, _ = silent.accept()
            client.patch(at, json={"url": receiver.url})
            under_way.recv(65536)
            under_way.sendall(b"HTTP/1.1 503 X\r\nRetry-After: 600\r\nContent-Length: 0\r\n\r\n")
            assert said(receiver.next())[1]["name"] == name
            under_way.close()


def test_a_pause_outlasts_a_restart(tmp_path, receiver):
    settings = local(tmp_path)
    receiver.answers = [pause(600)]
    with running(settings) as (url, _), httpx.Client(base_url=url) as client:
        hook(client, receiver.url)
        model(client)
        model(client)
        receiver.next()
    with running(settings):
        assert receiver.quiet(1)


def test_a_full_queue_takes_no_more(tmp_path, receiver, monkeypatch, caplog):
    monkeypatch.setattr("trackside.core.webhooks.WAITING", 2)
    receiver.answers = [(503, {"Retry-After": "600"})] * 5
    with running(local(tmp_path)) as (url, app), httpx.Client(base_url=url) as client:
        hook(client, receiver.url)
        for _ in range(4):
            model(client)
        assert "2 deliveries waiting" in caplog.text
        assert len(queued(app)) == 2


def test_what_is_older_than_a_day_is_given_up_together(tmp_path, receiver, monkeypatch, caplog):
    monkeypatch.setattr(deliveries, "_pause", lambda _, asked: asked or 1.0)
    receiver.answers = [pause(600), (500, {})]
    with running(local(tmp_path)) as (url, app), httpx.Client(base_url=url) as client:
        made = hook(client, receiver.url)
        first, *_ = [model(client) for _ in range(50)]
        assert said(receiver.next())[1]["name"] == first
        in_store(app, "UPDATE delivery SET created_ms = created_ms - 24 * 3600 * 1000")
        kept = model(client)
        client.patch(f"{HOOKS}/{made['webhook_id']}", json={"description": "again"})
        assert said(receiver.next())[1]["name"] == first, "only the first is tried"
        assert receiver.quiet()
        assert queued(app) == [1], "the younger one, with the pause of those before it"
        assert said(receiver.next())[1]["name"] == kept
    assert caplog.text.count("given up") == 1
    assert "50 deliveries from more than 24 hours ago are given up" in caplog.text
    assert "at attempt 1: it answered 500" in caplog.text


def test_a_mistake_of_ours_is_not_repeated_at_full_speed(tmp_path, receiver, monkeypatch, caplog):
    tries = []

    async def broken(*_):
        tries.append(1)
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr("trackside.core.outbound.post", broken)
    with running(local(tmp_path)) as (url, _), httpx.Client(base_url=url) as client:
        hook(client, receiver.url)
        model(client)
        model(client)
        assert receiver.quiet(0.5)
    assert len(tries) == 1
    assert "nobody foresaw this" in caplog.text


def test_pauses_grow_and_end_growing():
    pauses = [deliveries._pause(attempts, None) for attempts in range(30)]
    assert 1 <= pauses[0] <= 1.5
    assert 4 <= pauses[2] <= 6
    assert 900 <= pauses[-1] <= 1350
    assert deliveries._pause(0, 10**9) == 900
