"""Wrong passwords, floods of them, and changes of credentials while they are being proved."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from access_server import API, guarded, tokens

from trackside.core import accounts, identity, passwords
from trackside.errors import TooManyTries, Unauthenticated


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
    assert server.app.identities.wait_seconds("kay", "192.0.2.1") == 0


def test_guesses_side_by_side_are_counted_like_any_other(server, monkeypatch):
    monkeypatch.setattr(
        identity, "FIRST_WAIT_SECONDS", 60.0
    )  # a slow machine must not outlast the first wait
    server.user("mia", "still-willow-44-drum")
    with ThreadPoolExecutor(20) as threads:
        asked = [threads.submit(_guess, server.url, f"guess {n}") for n in range(40)]
    statuses = Counter(each.result() for each in asked)
    assert statuses[401] <= identity.FREE_FAILURES
    assert statuses[429] == 40 - statuses[401]


def test_a_strangers_sign_out_concerns_nobody(server):
    before = server.app.identities.generation
    httpx.post(f"{server.url}/signout", headers={"Origin": server.url})
    assert server.app.identities.generation == before


def _guess(url: str, password: str) -> int:
    return httpx.get(f"{url}{API}/users/current", auth=("mia", password), timeout=30).status_code


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
    assert not any(len(name) > 255 for name, _ in server.app.identities._failures._entries)
    huge = httpx.post(f"{server.url}/signin", data={"username": "x" * 20_000, "password": "y"})
    assert huge.status_code == 413


def test_one_address_does_not_take_everybodys_turns():
    async def flood():
        hashing = passwords.Hashing()
        strangers = [asyncio.ensure_future(hashing.is_right("x", None, "192.0.2.1")) for _ in range(100)]
        await asyncio.sleep(0)
        mine = asyncio.ensure_future(hashing.is_right("x", None, "192.0.2.2"))
        results = await asyncio.gather(*strangers, return_exceptions=True)
        return results, await mine

    results, mine = asyncio.run(flood())
    assert mine is False
    assert sum(isinstance(result, TooManyTries) for result in results) >= 90


def test_a_proof_begun_before_a_change_is_not_joined_after_it():
    async def scenario():
        known = identity.Identities()
        gate, started, begun = asyncio.Event(), asyncio.Event(), []

        async def prove():
            begun.append(known.epoch)
            started.set()
            await gate.wait()
            return identity.Proved(1, "admin")

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


def test_a_session_proved_before_a_change_is_not_opened_after_it(server):
    user = server.user("ole")
    app, loop = server.app, asyncio.new_event_loop()
    account = user.get(f"{API}/users/current").json()["user"]["id"]
    with pytest.raises(Unauthenticated):
        loop.run_until_complete(accounts.open_session(app, int(account), app.identities.generation - 1))
    loop.close()


def test_the_wait_grows_and_ends(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(identity.time, "monotonic", lambda: now[0])
    known = identity.Identities()
    waits = []
    for _ in range(14):
        known.failed("a", "here")
        waits.append(known.wait_seconds("a", "here"))
    assert waits[: identity.FREE_FAILURES - 1] == [0.0] * (identity.FREE_FAILURES - 1)
    assert waits[identity.FREE_FAILURES - 1 :][:3] == [1.0, 2.0, 4.0]
    assert max(waits) == identity.LONGEST_WAIT_SECONDS
    now[0] += identity.LONGEST_WAIT_SECONDS
    assert known.wait_seconds("a", "here") == 0
    known.succeeded("a", "here")
    known.failed("a", "here")
    assert known.wait_seconds("a", "here") == 0


def test_an_unknown_name_takes_as_long_as_a_known_one():
    hashed = passwords._hasher().hash("still-willow-44-drum")

    def seconds(password_hash):
        began = time.perf_counter()
        assert not passwords._verify("wrong", password_hash)
        return time.perf_counter() - began

    passwords._verify("wrong", None)  # makes nobody's hash, once
    known, unknown = min(seconds(hashed) for _ in range(5)), min(seconds(None) for _ in range(5))
    assert 0.5 < known / unknown < 2
    assert hashed.startswith("$argon2id$")
