"""Wrong passwords, floods of them, and changes of credentials while they are being proved."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import httpx
import pytest
from access_server import API, NATIVE, guarded, tokens

from trackside.core import identity, passwords, tries
from trackside.errors import TooManyTries


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with guarded(tmp_path_factory.mktemp("data")) as made:
        yield made


def test_wrong_passwords_are_slowed_down_and_nobody_else_is(server):
    known = server.user("kay", "still-willow-44-drum")
    assert known.get(f"{API}/users/current").status_code == 200
    with httpx.Client(base_url=server.url) as thief:
        statuses = [thief.get(f"{API}/version", auth=("kay", f"guess {n}")).status_code for n in range(2)]
        answers = [thief.get(f"{API}/users/current", auth=("kay", f"guess {n}")) for n in range(12)]
    assert 404 in statuses  # no such path, no secret
    assert {answer.status_code for answer in answers} == {401, 429}
    assert int(answers[-1].headers["retry-after"]) >= 1
    # Whoever is known already, other users from here, and tokens go on.
    assert known.get(f"{API}/users/current").status_code == 200
    assert server.user("leo").get(f"{API}/users/current").status_code == 200
    token = tokens(known, name="escape").json()["text"]
    assert server.client("kay", token).get(f"{API}/users/current").status_code == 200
    # And the thief's address says nothing of the user's.
    assert server.app.identities.tries.wait_seconds("kay", "192.0.2.1") == 0


def test_guesses_side_by_side_are_counted_like_any_other(server, monkeypatch):
    monkeypatch.setattr(tries, "FIRST_WAIT_SECONDS", 60.0)  # a slow machine must not outlast the first wait
    server.user("mia", "still-willow-44-drum")
    with ThreadPoolExecutor(20) as threads:
        asked = [threads.submit(_guess, server.url, f"guess {n}") for n in range(40)]
    statuses = Counter(each.result() for each in asked)
    assert statuses[401] <= tries.FREE_OF_NAME
    assert statuses[429] == 40 - statuses[401]


def test_a_strangers_sign_out_concerns_nobody(server):
    before = server.app.identities.epoch
    httpx.post(f"{server.url}/signout", headers={"Origin": server.url})
    assert server.app.identities.epoch == before


def _guess(url: str, password: str) -> int:
    return httpx.get(f"{url}{API}/users/current", auth=("mia", password), timeout=30).status_code


@pytest.mark.parametrize("proxies", [("127.0.0.1",), ("192.0.2.9",), ()])
def test_behind_a_proxy_wrong_passwords_count_for_who_sent_them(tmp_path, proxies):
    with guarded(tmp_path, trusted_proxies=proxies) as server:
        server.user("pia", "still-willow-44-drum")

        def sign_in(password, said):
            form = {"username": "pia", "password": password}
            return httpx.post(
                f"{server.url}/signin", data=form, headers={"X-Forwarded-For": said}
            ).status_code

        # What it says is its own.
        thief = [sign_in(f"guess {n}", f"198.51.100.{n}, 203.0.113.5") for n in range(7)]
        assert 429 in thief
        believed = proxies == ("127.0.0.1",)
        assert sign_in("still-willow-44-drum", "203.0.113.6") == (303 if believed else 429)
        [entry] = server.admin.get(f"{NATIVE}/audit", params={"limit": 1}).json()["entries"]
        assert entry["address"] == ("203.0.113.6" if believed else "127.0.0.1")
        for nonsense in ("", "unknown", "1.2.3.4:80", "x" * 10_000):
            assert sign_in("wrong", nonsense) in (401, 429)


def test_the_password_asked_for_a_new_one_cannot_be_guessed_faster(server):
    user = server.user("nia", "still-willow-44-drum")
    body = {"username": "nia", "password": "next-maple-91-reed"}
    answers = [
        user.patch(f"{API}/users/update-password", json={**body, "current_password": f"guess {n}"})
        for n in range(8)
    ]
    assert {answer.status_code for answer in answers} == {400, 429}


def test_what_is_tried_does_not_fill_the_memory(server):
    long = httpx.post(f"{server.url}/signin", data={"username": "x" * 300, "password": "y"})
    assert long.status_code == 401
    httpx.post(f"{server.url}/signin", data={"username": "y" * 255, "password": "y"})
    assert {len(key) for key in server.app.identities.tries._names._entries} == {16}
    huge = httpx.post(f"{server.url}/signin", data={"username": "x" * 20_000, "password": "y"})
    assert huge.status_code == 413


async def tried(hashing, source):
    with hashing.place(source):
        return await hashing.is_right("x", None)


def test_one_address_does_not_take_everybodys_turns():
    async def flood():
        hashing = passwords.Hashing()
        strangers = [asyncio.ensure_future(tried(hashing, "192.0.2.1")) for _ in range(100)]
        await asyncio.sleep(0)
        mine = asyncio.ensure_future(tried(hashing, "192.0.2.2"))
        results = await asyncio.gather(*strangers, return_exceptions=True)
        return results, await mine

    results, mine = asyncio.run(flood())
    assert mine is False
    assert sum(isinstance(result, TooManyTries) for result in results) >= 90


@pytest.mark.parametrize("full", ["_places", "_places_of"])
def test_who_finds_no_place_in_a_flood_has_not_tried(server, monkeypatch, full):
    name, password = f"pam{full}", "still-willow-44-drum"
    server.user(name, password)
    hashing, sent = server.app.identities.hashing, {"auth": (name, password), "timeout": 30}
    with monkeypatch.context() as flood:
        flood.setattr(hashing, full, 1000 if full == "_places" else Counter({"127.0.0.1": 1000}))
        answers = [httpx.get(f"{server.url}{API}/users/current", **sent) for _ in range(8)]
    assert {answer.status_code for answer in answers} == {503 if full == "_places" else 429}
    assert httpx.get(f"{server.url}{API}/users/current", **sent).status_code == 200


def test_a_proof_begun_before_a_change_is_not_joined_after_it():
    async def scenario():
        known = identity.Identities()
        gate, started, begun = asyncio.Event(), asyncio.Event(), []

        async def prove():
            begun.append(known.epoch)
            started.set()
            await gate.wait()
            return identity.Proved(1, "admin", "token", "x")

        old_epoch = known.epoch
        before = asyncio.ensure_future(known.once(b"x", prove))
        await started.wait()
        known.forget_credentials()
        after = asyncio.ensure_future(known.once(b"x", prove))
        await asyncio.sleep(0)
        gate.set()
        known.remember(b"x", await before, old_epoch)
        assert known.proved(b"x") is None
        await after
        return begun

    assert asyncio.run(scenario()) == [0, 1]


@pytest.fixture
def now(monkeypatch):
    """The time as the counters see it, in seconds, to be moved by a test."""
    clock = SimpleNamespace(seconds=100.0)
    monkeypatch.setattr(tries.time, "monotonic", lambda: clock.seconds)
    return clock


def test_the_wait_grows_and_ends(now):
    known = tries.Tries()
    waits = []
    for _ in range(14):
        known.failed("a", "here")
        waits.append(known.wait_seconds("a", "here"))
    assert waits[: tries.FREE_OF_NAME - 1] == [0.0] * (tries.FREE_OF_NAME - 1)
    assert waits[tries.FREE_OF_NAME - 1 :][:3] == [1.0, 2.0, 4.0]
    assert max(waits) == tries.LONGEST_WAIT_SECONDS
    now.seconds += tries.LONGEST_WAIT_SECONDS
    assert known.wait_seconds("a", "here") == 0
    known.succeeded("a", "here")
    known.failed("a", "here")
    assert known.wait_seconds("a", "here") == 0


def test_a_list_of_names_from_one_address_is_slowed_too(now):
    known = tries.Tries()
    tried = 0
    while known.wait_seconds(f"name {tried}", "here") == 0:
        known.failed(f"name {tried}", "here")
        tried += 1
    assert tried == tries.FREE_OF_SOURCE
    assert known.wait_seconds("another", "here") == tries.REFILL_SECONDS
    assert known.wait_seconds("another", "elsewhere") == 0
    hour = now.seconds + 3600
    while now.seconds < hour:  # as fast as it may
        now.seconds += known.wait_seconds(f"name {tried}", "here")
        known.failed(f"name {tried}", "here")
        tried += 1
    assert tried - tries.FREE_OF_SOURCE == pytest.approx(3600 / tries.REFILL_SECONDS, abs=1)


def test_a_network_behind_one_address_makes_mistakes_and_is_not_held_up(now):
    known = tries.Tries()
    for minute in range(24 * 60):  # a script with an old password, and somebody's right one after each
        known.failed("script", "here")
        known.failed("ann", "here")
        known.succeeded("ann", "here")
        now.seconds += 60
        assert known.wait_seconds("ann", "here") == 0, minute


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_a_host_with_a_network_of_addresses_counts_as_one(address, source):
    assert tries.source_of(address) == source


def test_an_unknown_name_takes_as_long_as_a_known_one():
    hashed = passwords._hasher().hash("still-willow-44-drum")

    def seconds(password_hash):  # of a core: others may use the machine
        began = time.thread_time()
        assert not passwords._verify("wrong", password_hash)
        return time.thread_time() - began

    passwords._verify("wrong", None)  # makes nobody's hash, once
    known, unknown = min(seconds(hashed) for _ in range(5)), min(seconds(None) for _ in range(5))
    assert 0.5 < known / unknown < 2
    assert hashed.startswith("$argon2id$")
