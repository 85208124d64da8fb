"""What the audit log and the server's own log say, also in a flood."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter

import httpx
import pytest
from access_server import ADMIN_PASSWORD, API, NATIVE, guarded

from trackside.server import audit, routing
from trackside.server.floods import Flood


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with guarded(tmp_path_factory.mktemp("data")) as made:
        yield made


def entries(server, limit=100):
    return server.admin.get(f"{NATIVE}/audit", params={"limit": limit}).json()["entries"]


def test_the_audit_log_has_who_what_when_where_and_the_outcome(server):
    mallory = server.user("mallory")
    mallory.post(f"{API}/experiments/delete", json={"experiment_id": "0"})
    server.client("mallory", "wrong password").get(f"{API}/users/current")
    server.admin.patch(
        f"{API}/users/update-password", json={"username": "mallory", "password": "late-spruce-3-ink"}
    )
    entries = server.admin.get(f"{NATIVE}/audit", params={"limit": 4}).json()["entries"]
    kept = [(e["who"], e["action"], e["outcome"], e["address"], e["detail"]) for e in entries]
    assert kept == [
        ("admin", f"PATCH {API}/users/update-password", 200, "127.0.0.1", "username=mallory"),
        ("mallory", f"GET {API}/users/current", 401, "127.0.0.1", ""),
        ("mallory", f"POST {API}/experiments/delete", 403, "127.0.0.1", "experiment_id=0"),
        ("admin", f"POST {API}/users/create", 200, "127.0.0.1", "username=mallory"),
    ]
    assert abs(entries[0]["time_ms"] / 1000 - time.time()) < 60
    assert "late-spruce" not in json.dumps(entries)
    older = server.admin.get(f"{NATIVE}/audit", params={"before": entries[-1]["audit_id"], "limit": 1}).json()
    assert older["entries"][0]["audit_id"] < entries[-1]["audit_id"]


def test_the_audit_log_shows_no_control_characters(server):
    with server.client("\x1b[2Jmallory\n", "x" * 12) as thief:
        assert thief.get(f"{API}/users/current").status_code == 401
    [entry] = server.admin.get(f"{NATIVE}/audit", params={"limit": 1}).json()["entries"]
    assert entry["who"] == "\ufffd[2Jmallory\ufffd"


def test_what_is_typed_into_the_form_is_recorded_once(server):
    for name, password in (("admin", ADMIN_PASSWORD), ("nobody", "x" * 12)):
        httpx.post(f"{server.url}/signin", data={"username": name, "password": password})
    httpx.post(f"{server.url}/setup", data={"username": "eve", "code": "guess"})
    kept = [(e["who"], e["action"], e["outcome"]) for e in entries(server, 3)]
    assert kept == [
        ("eve", "POST /setup", 403),
        ("nobody", "POST /signin", 401),
        ("admin", "POST /signin", 200),
    ]


def test_a_long_name_is_cut_where_names_end_and_marked(server):
    for length, kept in ((255, "n" * 255), (256, "n" * 254 + "…"), (1000, "n" * 254 + "…")):
        httpx.get(f"{server.url}{API}/users/current", auth=("n" * length, "x" * 12))
        assert entries(server, 1)[0]["who"] == kept


# --- floods


def test_a_flood_is_a_few_and_then_a_number():
    told = []

    async def scenario():
        flood = Flood(2, 0.05, lambda kind, more: told.append((kind, more)))
        passed = Counter(kind for kind in "aaaaab" if flood.passes(kind))
        await asyncio.sleep(0.2)
        again = flood.passes("a")
        await asyncio.sleep(0.2)
        return passed, again

    assert asyncio.run(scenario()) == ({"a": 2, "b": 1}, True)
    assert told == [("a", 3)]


@pytest.fixture
def brief(tmp_path, monkeypatch):
    """A server of its own, whose floods are told after a moment."""
    monkeypatch.setattr(routing, "FLOOD_SECONDS", 3.0)
    with guarded(tmp_path) as made:
        yield made


def test_refusals_that_strangers_make_in_any_number_do_not_fill_the_audit_log(brief):
    made = 3 * audit.MOST_REFUSALS
    with httpx.Client(base_url=brief.url, headers={"Authorization": "Bearer tsk_guess"}) as stranger:
        assert {stranger.get(f"{API}/users/current").status_code for _ in range(made)} == {401}
    deadline = time.monotonic() + 10
    while not (told := [e for e in entries(brief) if e["action"] == "(flood)"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert told[0]["detail"] == f"{made - audit.MOST_REFUSALS} more refusals within 3 s"
    assert told[0]["address"] == "127.0.0.1"
    assert sum(e["outcome"] == 401 for e in entries(brief)) == audit.MOST_REFUSALS


@pytest.mark.parametrize(("full", "status"), [("_places", 503), ("_places_of", 429)])
def test_the_servers_log_has_one_line_of_a_flood_and_then_a_number(brief, monkeypatch, caplog, full, status):
    caplog.set_level(logging.WARNING, "trackside.server")
    monkeypatch.setattr(
        brief.app.identities.hashing, full, 1000 if full == "_places" else Counter({"127.0.0.1": 1000})
    )
    with httpx.Client(base_url=brief.url, auth=("ann", "x" * 12)) as stranger:
        assert {stranger.get(f"{API}/users/current").status_code for _ in range(30)} == {status}
    deadline = time.monotonic() + 10
    while len(caplog.records) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    said = [record.getMessage() for record in caplog.records]
    assert said[0].startswith(f"GET {API}/users/current: Too many sign-ins at once")
    assert said[1].startswith(f"29 more like this within 3 s, answered {status} ")
    assert len(said) == 2
