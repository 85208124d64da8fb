"""Credentials that change while they are used: between their proof and what is made by them, or behind the server."""

from __future__ import annotations

import httpx
import pytest
from access_server import API, NATIVE, guarded, tokens

from trackside.core import accounts

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
