"""Signing in: passwords, tokens, sessions, the first admin, the commands."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import subprocess
import sys
import time

import httpx
import pytest
from access_server import ADMIN_PASSWORD, API, API3, NATIVE, guarded, tokens
from live_server import running, sqlite_only

from trackside.config import ServerSettings
from trackside.store import schema


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with guarded(tmp_path_factory.mktemp("data")) as made:
        yield made


def test_who_is_not_signed_in_is_told_how(server):
    with server.client() as nobody:
        answer = nobody.get(f"{API}/experiments/get", params={"experiment_id": "0"})
        native = nobody.get(f"{NATIVE}/experiments")
    assert answer.status_code == 401
    assert answer.text.startswith("You are not authenticated. Please see https://www.mlflow.org/docs/")
    assert answer.headers["www-authenticate"] == 'Basic realm="mlflow"'
    # No Basic there: the browser would open a box of its own.
    assert native.headers["www-authenticate"] == 'Bearer realm="trackside"'
    assert native.json()["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!",
        "Basic YQ==",
        "Bearer",
        "Bearer \u00e9",
        "Digest x",
        "Basic " + "A" * 10_000,
        "\u00e9",
    ],
)
def test_headers_that_prove_nothing(server, header):
    with server.client(headers={"Authorization": header.encode("latin-1")}) as nobody:
        assert nobody.get(f"{API}/users/current").status_code == 401


def test_a_changed_password_ends_what_the_old_one_opened(server):
    client = server.user("ann", "warm-kettle-5-cloud")
    assert client.get(f"{API}/users/current").json()["user"]["username"] == "ann"
    body = {"username": "ann", "password": "cold-kettle-6-cloud"}
    # Without the current one.
    assert client.patch(f"{API}/users/update-password", json=body).status_code == 400
    body["current_password"] = "warm-kettle-5-cloud"
    assert client.patch(f"{API}/users/update-password", json=body).status_code == 200
    assert client.get(f"{API}/users/current").status_code == 401
    assert server.client("ann", "cold-kettle-6-cloud").get(f"{API}/users/current").status_code == 200


@pytest.mark.parametrize(
    "password",
    ["password1234", "short", "passwordpassword", "123456789012", "admin12345678", "aaaaaaaaaaaaaaaa"],
)
def test_weak_passwords_are_refused(server, password):
    answer = server.admin.post(f"{API}/users/create", json={"username": "weak", "password": password})
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_a_name_that_nobody_could_sign_in_with(server):
    body = {"username": "a:b", "password": "warm-kettle-5-cloud"}
    assert server.admin.post(f"{API}/users/create", json=body).status_code == 400


def test_the_last_admin_stays(server):
    body = {"username": "admin", "is_admin": False}
    assert server.admin.patch(f"{API}/users/update-admin", json=body).status_code == 400
    answer = server.admin.request("DELETE", f"{API}/users/delete", json={"username": "admin"})
    assert "cannot delete their own account" in answer.json()["message"]


# --- tokens


@sqlite_only
def test_a_token_is_shown_once_and_stands_for_its_user_in_both_ways(server):
    owner = server.user("tess")
    made = tokens(owner, name="laptop").json()
    text = made["text"]
    assert made["token"]["scope"] == "edit"
    listed = owner.get(f"{NATIVE}/tokens")
    assert [t["name"] for t in listed.json()["tokens"]] == ["laptop"]
    assert text not in listed.text
    for client in (server.bearer(text), server.client("tess", text), server.client("", "")):
        expected = 200 if client.auth or "authorization" in client.headers else 401
        assert client.get(f"{API}/users/current").status_code == expected
    assert server.client("admin", text).get(f"{API}/users/current").status_code == 401
    stored = (server.app.settings.data_dir / "trackside.db").read_bytes()
    stored += (server.app.settings.data_dir / "trackside.db-wal").read_bytes()
    assert text.encode() not in stored
    assert ADMIN_PASSWORD.encode() not in stored


def test_a_revoked_token_ends_at_once(server):
    owner = server.user("rita")
    made = tokens(owner, name="gone").json()
    bearer = server.bearer(made["text"])
    assert bearer.get(f"{API}/users/current").status_code == 200
    other = server.user("eve")
    assert other.delete(f"{NATIVE}/tokens/{made['token']['token_id']}").status_code == 404
    assert owner.delete(f"{NATIVE}/tokens/{made['token']['token_id']}").status_code == 200
    assert bearer.get(f"{API}/users/current").status_code == 401


def test_a_deleted_user_and_all_that_it_had_are_gone(server):
    owner = server.user("gone")
    token = server.bearer(tokens(owner, name="t").json()["text"])
    made = owner.post(f"{API}/experiments/create", json={"name": "of gone"}).json()["experiment_id"]
    assert token.get(f"{API}/users/current").status_code == 200
    assert server.admin.request("DELETE", f"{API}/users/delete", json={"username": "gone"}).status_code == 200
    for client in (owner, token):
        assert client.get(f"{API}/users/current").status_code == 401
    # A new user of that name has nothing of the old one's.
    again = server.user("gone", "other-pencil-12-wool")
    body = {"experiment_id": made, "key": "k", "value": "v"}
    assert again.post(f"{API}/experiments/set-experiment-tag", json=body).status_code == 403
    assert again.get(f"{NATIVE}/tokens").json()["tokens"] == []


def test_a_token_expires(server):
    made = tokens(server.admin, name="brief", days=1 / 86_400).json()  # a second
    bearer = server.bearer(made["text"])
    assert bearer.get(f"{API}/users/current").status_code == 200
    time.sleep(1.1)
    assert bearer.get(f"{API}/users/current").status_code == 401  # although it is remembered


def test_scopes(server):
    experiment = server.admin.post(f"{API}/experiments/create", json={"name": "scopes"}).json()[
        "experiment_id"
    ]
    one, tag = {"experiment_id": experiment}, {"experiment_id": experiment, "key": "k", "value": "v"}
    allowed = {}
    for scope in ("read", "edit", "admin"):
        bearer = server.bearer(tokens(server.admin, name=scope, scope=scope).json()["text"])
        answers = [
            bearer.get(f"{API}/experiments/get", params=one),
            bearer.post(f"{API}/experiments/set-experiment-tag", json=tag),
            bearer.post(f"{API}/experiments/create", json={"name": f"by {scope}"}),
            bearer.post(f"{API}/experiments/delete", json=one),
            bearer.post(f"{NATIVE}/tokens", json={"name": "more", "scope": "admin"}),
            bearer.patch(f"{API}/users/update-password", json={"username": "admin", "password": "x" * 20}),
        ]
        allowed[scope] = [answer.status_code != 403 for answer in answers]
    assert allowed == {
        "read": [True, False, False, False, False, False],
        "edit": [True, True, True, False, False, False],
        "admin": [True, True, True, True, True, True],
    }


@pytest.mark.parametrize("wrong", [{"scope": "all"}, {"days": 0}, {"days": -1}, {"days": 1e9}, {"name": ""}])
def test_tokens_that_cannot_be(server, wrong):
    assert tokens(server.admin, **{"name": "x", **wrong}).status_code == 400


# --- browsers


def test_a_browser_is_led_to_the_sign_in_and_back(server):
    server.user("bea", "soft-candle-81-moss")
    html = {"Accept": "text/html"}
    with httpx.Client(base_url=server.url, headers=html) as browser:
        led = browser.get("/experiments/1?a=b")
        assert led.status_code == 303
        form = browser.get(led.headers["location"].replace("../", "/"))
        assert 'name="password"' in form.text
        assert "./experiments/1?a=b" in form.text
        assert "frame-ancestors 'none'" in form.headers["content-security-policy"]
        wrong = browser.post("/signin", data={"username": "bea", "password": "no"})
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
        data = {"username": "bea", "password": "soft-candle-81-moss", "next": "./experiments/1?a=b"}
        signed = browser.post("/signin", data=data)
        assert (signed.status_code, signed.headers["location"]) == (303, "./experiments/1?a=b")
        assert "HttpOnly" in signed.headers["set-cookie"]
        assert "SameSite=lax" in signed.headers["set-cookie"]
        assert browser.get(f"{NATIVE}/me").json() == {
            "name": "bea", "is_admin": False, "auth": True, "scope": "admin",
        }  # fmt: skip
        assert browser.get("/").status_code in (200, 404)  # 404 where the UI is not built
        cookie = browser.cookies["trackside_session"]
        assert browser.post("/signout").status_code == 303
        browser.cookies.set("trackside_session", cookie)
        assert browser.get(f"{NATIVE}/me").status_code == 401  # ended on the server, not only forgotten here


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "./..//x", "./\\x", "javascript:x"]
)
def test_the_sign_in_leads_nowhere_else(server, elsewhere):
    data = {"username": "admin", "password": ADMIN_PASSWORD, "next": elsewhere}
    assert httpx.post(f"{server.url}/signin", data=data).headers["location"] == "./"


def test_a_page_of_another_origin_cannot_use_the_cookie(server):
    signed = httpx.post(f"{server.url}/signin", data={"username": "admin", "password": ADMIN_PASSWORD})
    with httpx.Client(base_url=server.url, cookies=signed.cookies) as browser:
        body = {"name": "forged"}
        for origin in ("http://localhost:1", "http://evil.example", "null"):
            answer = browser.post(f"{API}/experiments/create", json=body, headers={"Origin": origin})
            assert answer.status_code in (401, 403)
        own = browser.post(f"{API}/experiments/create", json=body, headers={"Origin": server.url})
        assert own.status_code == 200


@pytest.mark.parametrize("path", ["/signin", "/signout", "/setup"])
def test_forms_are_taken_from_this_servers_own_pages_only(server, path):
    """A page on another port of this machine could sign a browser in as somebody else, or out."""
    port = int(server.url.rpartition(":")[2])
    for origin in (f"http://127.0.0.1:{port + 1}", f"http://localhost:{port}", "http://127.0.0.1", "null"):
        answer = httpx.post(f"{server.url}{path}", headers={"Origin": origin})
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False), origin
    own = httpx.post(f"{server.url}{path}", headers={"Origin": server.url})
    assert own.status_code == {"/signin": 401, "/signout": 303, "/setup": 403}[path]
    assert "own pages" not in own.text


def test_the_first_password_is_typed_twice(tmp_path):
    with running(ServerSettings(data_dir=tmp_path, port=0, auth=True)) as (url, app):
        form = {"code": app.identities.setup_code, "username": "ann", "password": "purple-otter-29-lamp"}
        assert httpx.get(f"{url}/setup", params=form).text.count('type="password"') == 2
        for again in ({}, {"again": "purple-otter-29-lump"}, {"again": ""}):
            answer = httpx.post(f"{url}/setup", data={**form, **again})
            assert answer.status_code == 400
            assert "not the same" in answer.text
            assert 'value="ann"' in answer.text
            assert "otter" not in answer.text
        form["again"] = form["password"]
        assert httpx.post(f"{url}/setup", data=form).status_code == 303


def test_behind_a_proxy_with_tls(tmp_path):
    public = "https://lab.example:8443"
    with guarded(tmp_path, public_url=f"{public}/mlflow") as server:
        form = {"username": "admin", "password": ADMIN_PASSWORD}
        for host in ({"Host": "lab.example:8443"}, {}):  # a proxy may hand it on, or not
            signed = httpx.post(f"{server.url}/signin", data=form, headers={"Origin": public, **host})
            assert signed.status_code == 303
            assert "Secure" in signed.headers["set-cookie"]
            cookie = {"Cookie": signed.headers["set-cookie"].partition(";")[0], "Origin": public, **host}
            answer = httpx.post(f"{server.url}{NATIVE}/tokens", json={"name": "t"}, headers=cookie)
            assert answer.status_code == 200
        for origin in ("http://lab.example:8443", "https://lab.example", "https://evil.example", "https://"):
            answer = httpx.post(f"{server.url}/signin", data=form, headers={"Origin": origin})
            assert answer.status_code == 403, origin
        other = httpx.post(f"{server.url}/signin", data=form, headers={"Host": "evil.example"})
        assert other.status_code == 403


def test_without_tls_the_cookie_works_without_it(server):
    signed = httpx.post(f"{server.url}/signin", data={"username": "admin", "password": ADMIN_PASSWORD})
    assert "Secure" not in signed.headers["set-cookie"]


def test_what_a_browser_typed_is_not_markup(server):
    data = {"username": '"><script>x</script>', "password": "y"}
    assert "<script>" not in httpx.post(f"{server.url}/signin", data=data).text


# --- the commands


def trackside(server, *arguments, stdin="", **environment):
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "TRACKSIDE_"))}
    signed = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": ADMIN_PASSWORD} | environment
    return subprocess.run(
        [sys.executable, "-m", "trackside", *arguments],
        input=stdin, capture_output=True, text=True, timeout=60, check=False,
        env={**plain, "MLFLOW_TRACKING_URI": server.url, **signed},
    )  # fmt: skip


def test_the_commands(server, tmp_path):
    file = tmp_path / "password"
    file.write_text("brisk-lantern-70-fig\n")
    done = trackside(server, "user", "add", "cli", "--admin", "--password-file", str(file))
    assert done.returncode == 0, done.stderr
    assert "cli  admin" in trackside(server, "user", "list").stdout.splitlines()
    assert trackside(server, "user", "admin", "cli", "--revoke").returncode == 0
    token = trackside(server, "token", "create", "ci", "--owner", "cli", "--scope", "read").stdout.strip()
    assert server.bearer(token).get(f"{API}/users/current").json()["user"]["username"] == "cli"
    listed = json.loads(trackside(server, "token", "list", "--all", "--json").stdout)["tokens"]
    number = next(t["token_id"] for t in listed if t["owner"] == "cli")
    assert trackside(server, "token", "revoke", str(number)).returncode == 0
    assert server.bearer(token).get(f"{API}/users/current").status_code == 401
    new = trackside(server, "user", "password", "cli", "--password-file", "-", stdin="quiet-anchor-18-rye\n")
    assert new.returncode == 0, new.stderr
    assert "users/create" in trackside(server, "audit").stdout
    assert trackside(server, "user", "delete", "cli").returncode == 0
    refused = trackside(server, "user", "list", MLFLOW_TRACKING_PASSWORD="wrong")
    assert refused.returncode == 1
    assert "MLFLOW_TRACKING_TOKEN" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_command_for_a_server_that_is_not_there(server):
    done = trackside(server, "user", "list", MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "No answer from http://127.0.0.1:9" in done.stderr


# --- the store


@sqlite_only
def test_a_store_of_the_first_schema_gets_the_tables(tmp_path):
    path = tmp_path / "trackside.db"
    old = sqlite3.connect(path)
    old.executescript(f"BEGIN;{schema.migrations()[1]};PRAGMA user_version = 1;COMMIT;")
    old.execute(
        "INSERT INTO experiment (name, artifact_location, created_ms, updated_ms) VALUES ('kept', 'x', 1, 1)"
    )
    old.commit()
    old.close()
    with guarded(tmp_path) as server:
        found = server.admin.get(f"{API}/experiments/get-by-name", params={"experiment_name": "kept"})
        assert found.status_code == 200
        assert server.user("new").get(f"{API3}/users/current/permissions").json()["permissions"] == []


def test_basic_credentials_are_not_kept_in_memory_as_they_are(server):
    header = "Basic " + base64.b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()
    assert server.admin.get(f"{API}/users/current").status_code == 200
    kept = repr(vars(server.app.identities._proved))
    assert header not in kept
    assert ADMIN_PASSWORD not in kept
