"""Credentials that change while they are used: between their proof and what is made by them, or behind the server."""

from __future__ import annotations

import sqlite3
import time

import httpx
import pytest
from access_server import API, NATIVE, guarded, tokens
from live_server import sqlite_only

from trackside.core import accounts, passwords
from trackside.server.native import events

OLD, NEW = "still-willow-44-drum", "other-willow-55-drum"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with guarded(tmp_path_factory.mktemp("data")) as made:
        yield made


def meanwhile(monkeypatch, name, change):
    """Let `change` happen after the proof, right before `accounts.<name>` uses it; once."""
    real, waiting = getattr(accounts, name), [change]

    async def late(app, *arguments, **more):
        if waiting:
            await waiting.pop()(app)
        return await real(app, *arguments, **more)

    monkeypatch.setattr(accounts, name, late)


def password_of(name):
    return lambda app: accounts.set_password(app, name, NEW)


def sign_in(server, name, secret=OLD):
    return httpx.post(f"{server.url}/signin", data={"username": name, "password": secret})


def test_no_session_is_opened_with_a_password_that_changed_since_its_proof(server, monkeypatch):
    server.user("ole", OLD)
    meanwhile(monkeypatch, "open_session", password_of("ole"))
    answer = sign_in(server, "ole")
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert sign_in(server, "ole", NEW).status_code == 303


def test_no_session_is_opened_with_a_token_that_was_revoked_since_its_proof(server, monkeypatch):
    made = tokens(server.user("tom"), name="t", scope="admin").json()

    async def revoke(app):
        found = await accounts.tokens(app, "tom")
        await app.db.write(lambda tx: tx.run("delete_token", id=found[0].id))

    meanwhile(monkeypatch, "open_session", revoke)
    assert sign_in(server, "tom", made["text"]).status_code == 401


@pytest.mark.parametrize("change", ["password", "sign-out", "user"])
def test_what_others_change_meanwhile_holds_up_nobody(server, monkeypatch, change):
    me, other = f"me {change}", f"other {change}"
    server.user(me, OLD)
    server.user(other, OLD)
    cookie = sign_in(server, other).cookies["trackside_session"]
    changes = {
        "password": password_of(other),
        "sign-out": lambda app: accounts.close_session(app, cookie),
        "user": lambda app: accounts.delete(app, other),
    }
    meanwhile(monkeypatch, "open_session", changes[change])
    assert sign_in(server, me).status_code == 303


def test_no_token_is_made_by_credentials_that_changed_meanwhile(server, monkeypatch):
    user = server.user("una", OLD)
    meanwhile(monkeypatch, "create_token", password_of("una"))
    assert tokens(user, name="late").status_code == 401
    changed = server.client("una", NEW)
    assert changed.get(f"{NATIVE}/tokens").json()["tokens"] == []
    server.user("una's friend", OLD)
    meanwhile(monkeypatch, "create_token", password_of("una's friend"))
    assert tokens(changed, name="fine").status_code == 200


def test_no_password_is_set_by_one_that_changed_meanwhile(server, monkeypatch):
    user = server.user("vic", OLD)
    real = accounts.set_password
    meanwhile(monkeypatch, "set_password", lambda app: real(app, "vic", NEW))
    body = {"username": "vic", "password": "thief-willow-66-drum", "current_password": OLD}
    assert user.patch(f"{API}/users/update-password", json=body).status_code == 401
    assert server.client("vic", NEW).get(f"{API}/users/current").status_code == 200


def test_a_changed_password_ends_the_users_other_sessions(server):
    server.user("wes", OLD)
    server.user("xan", OLD)
    sessions = [sign_in(server, name).cookies for name in ("wes", "wes", "xan")]

    def statuses():
        return [httpx.get(f"{server.url}{NATIVE}/me", cookies=each).status_code for each in sessions]

    assert statuses() == [200, 200, 200]
    body = {"username": "wes", "password": NEW, "current_password": OLD}
    assert httpx.patch(f"{server.url}{API}/users/update-password", json=body, cookies=sessions[0]).is_success
    assert statuses() == [401, 401, 200]


@pytest.fixture
def heartbeat(server, monkeypatch):
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(server.app.identities._fresh, "_seconds", 0.0)


def change_password_behind_its_back(server, name):
    """As another process does."""
    other = passwords._hasher().hash(NEW)
    with sqlite3.connect(server.app.settings.database_path) as store:
        store.execute("DELETE FROM session")
        store.execute("UPDATE account SET password_hash = ? WHERE name = ?", (other, name))
    store.close()


@sqlite_only
def test_what_another_process_took_from_one_is_remembered_of_the_others(server, heartbeat, monkeypatch):
    first, other = server.user("zed", OLD), server.user("zoe", OLD)
    for client in (first, other):
        assert client.get(f"{NATIVE}/me").status_code == 200
    change_password_behind_its_back(server, "zed")
    assert first.get(f"{NATIVE}/me").status_code == 401
    monkeypatch.setattr(passwords, "_verify", lambda *_: pytest.fail("asked for the password again"))
    assert other.get(f"{NATIVE}/me").status_code == 200


# --- live updates


def heard_for(server, change=None, **how) -> float:
    """How long the server keeps a stream of live updates open, in seconds; `change` happens when it is."""
    with httpx.stream("GET", f"{server.url}{NATIVE}/events?topic=models", timeout=20, **how) as stream:
        assert stream.status_code == 200
        lines, began = stream.iter_lines(), time.monotonic()
        next(lines)
        if change:
            change()
        for _ in lines:
            if time.monotonic() - began > 3:
                break
        return time.monotonic() - began


def test_live_updates_end_when_their_token_expires(server, heartbeat):
    brief = tokens(server.admin, name="brief", days=1 / 86_400).json()["text"]
    lasting = tokens(server.admin, name="lasting").json()["text"]
    assert heard_for(server, headers={"Authorization": f"Bearer {brief}"}) < 2
    assert heard_for(server, headers={"Authorization": f"Bearer {lasting}"}) > 2.9


@sqlite_only
@pytest.mark.parametrize("how", ["session", "password"])
def test_live_updates_end_when_another_process_takes_away_what_they_were_opened_with(server, heartbeat, how):
    server.user(f"yan {how}", OLD)
    session = {"cookies": sign_in(server, f"yan {how}").cookies}
    opened = {"session": session, "password": {"auth": (f"yan {how}", OLD)}}[how]

    def behind_its_back():
        change_password_behind_its_back(server, f"yan {how}")

    assert heard_for(server, behind_its_back, **opened) < 2
