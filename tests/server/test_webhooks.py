"""Webhooks: what is sent to a real receiver, when, and how often."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import socket
import stat
import time
import uuid

import httpx
import pytest
from live_server import running, sqlite_only
from receiver import CREATED, HOOKS, MODELS, hook, local, model, said

from trackside.core import deliveries, outbound
from trackside.store import schema
from trackside.store.sqlite import SqliteDatabase

VERSIONS = "/api/2.0/mlflow/model-versions"


@pytest.fixture
def client(tmp_path):
    with (
        running(local(tmp_path, webhook_seconds=2)) as (url, _),
        httpx.Client(base_url=url, timeout=20) as made,
    ):
        yield made


def every_event():
    return [
        {"entity": entity.upper(), "action": action.upper()}
        for entity, actions in {
            "model_version": ["created"],
            "registered_model": ["created"],
            "model_version_tag": ["set", "deleted"],
            "model_version_alias": ["created", "deleted"],
            "prompt": ["created"],
            "prompt_version": ["created"],
            "prompt_tag": ["set", "deleted"],
            "prompt_version_tag": ["set", "deleted"],
            "prompt_alias": ["created", "deleted"],
        }.items()
        for action in actions
    ]


def test_a_delivery_is_signed_and_carries_its_id(client, receiver):
    made = hook(client, receiver.url, secret="s3")
    assert "secret" not in made
    name = model(client, tags=[{"key": "k", "value": "v"}])
    headers, body = delivery = receiver.next()
    assert said(delivery) == (
        "registered_model.created",
        {"name": name, "tags": {"k": "v"}, "description": ""},
    )
    signed = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(b"s3", signed, hashlib.sha256).digest()).decode()
    assert headers["X-MLflow-Signature"] == f"v1,{digest}"
    assert abs(int(headers["X-MLflow-Timestamp"]) - time.time()) < 5
    assert uuid.UUID(headers["X-MLflow-Delivery-Id"])
    assert headers["Content-Type"] == "application/json"
    assert receiver.quiet()


def test_without_a_secret_nothing_is_signed(client, receiver):
    hook(client, receiver.url)
    model(client)
    assert "X-MLflow-Signature" not in receiver.next()[0]


@sqlite_only
def test_the_secret_never_comes_back_and_only_the_owner_reads_the_store(client, receiver, tmp_path):
    made = hook(client, receiver.url, secret="do-not-tell")
    at = f"{HOOKS}/{made['webhook_id']}"
    answers = [
        client.get(at),
        client.get(HOOKS),
        client.patch(at, json={"secret": "do-not-tell-2"}),
        client.post(f"{at}/test", json={}),
    ]
    assert all(answer.status_code == 200 and "do-not-tell" not in answer.text for answer in answers)
    files = list((tmp_path / "data").glob("trackside.db*"))
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


MODEL_STORY = [
    ("POST", f"{MODELS}/set-tag", {"key": "k", "value": "v"}, None),
    ("DELETE", f"{MODELS}/delete-tag", {"key": "k"}, None),
    ("POST", f"{VERSIONS}/set-tag", {"version": "1", "key": "k", "value": "v"}, "model_version_tag.set"),
    ("DELETE", f"{VERSIONS}/delete-tag", {"version": "1", "key": "k"}, "model_version_tag.deleted"),
    ("POST", f"{MODELS}/alias", {"alias": "best", "version": "1"}, "model_version_alias.created"),
    ("DELETE", f"{MODELS}/alias", {"alias": "best"}, "model_version_alias.deleted"),
    ("POST", f"{VERSIONS}/transition-stage", {"version": "1", "stage": "Staging"}, None),
    ("PATCH", f"{VERSIONS}/update", {"version": "1", "description": "d"}, None),
    ("DELETE", f"{VERSIONS}/delete", {"version": "1"}, None),
    ("DELETE", f"{MODELS}/delete", {}, None),
]
PROMPT_EVENTS = {
    f"{MODELS}/set-tag": "prompt_tag.set",
    f"{MODELS}/delete-tag": "prompt_tag.deleted",
    f"{VERSIONS}/set-tag": "prompt_version_tag.set",
    f"{VERSIONS}/delete-tag": "prompt_version_tag.deleted",
}


def tell_story(client, receiver, name, prompt):
    for method, path, more, told in MODEL_STORY:
        assert client.request(method, path, json={"name": name, **more}).status_code == 200
        event = told
        if prompt:
            event = PROMPT_EVENTS.get(path) or (told and told.replace("model_version_alias", "prompt_alias"))
        if event:
            data = {key: value for key, value in {"name": name, **more}.items() if value != ""}
            assert said(receiver.next()) == (event, data)
    assert receiver.quiet()


def test_what_is_told_of_a_model(client, receiver):
    hook(client, receiver.url, *every_event())
    name = model(client, description="d")
    assert said(receiver.next()) == (
        "registered_model.created",
        {"name": name, "tags": {}, "description": "d"},
    )
    client.post(f"{VERSIONS}/create", json={"name": name, "source": "s3://a/b"})
    version = {
        "name": name,
        "version": "1",
        "source": "s3://a/b",
        "run_id": None,
        "tags": {},
        "description": None,
    }
    assert said(receiver.next()) == ("model_version.created", version)
    tell_story(client, receiver, name, prompt=False)


def test_what_is_told_of_a_prompt(client, receiver):
    hook(client, receiver.url, *every_event())
    marks = [
        {"key": "mlflow.prompt.is_prompt", "value": "true"},
        {"key": "_mlflow_prompt_type", "value": "text"},
        {"key": "mine", "value": "1"},
    ]
    name = model(client, tags=marks)
    assert said(receiver.next()) == (
        "prompt.created",
        {"name": name, "tags": {"mine": "1"}, "description": ""},
    )
    text = {"key": "mlflow.prompt.text", "value": "Hello {{name}}"}
    made = client.post(
        f"{VERSIONS}/create", json={"name": name, "source": "dummy-source", "tags": [*marks, text]}
    )
    assert made.status_code == 200
    version = {
        "name": name,
        "version": "1",
        "template": "Hello {{name}}",
        "tags": {"mine": "1"},
        "description": None,
    }
    assert said(receiver.next()) == ("prompt_version.created", version)
    tell_story(client, receiver, name, prompt=True)


def test_what_was_refused_or_not_asked_for_is_not_told(client, receiver):
    hook(client, receiver.url, {"entity": "MODEL_VERSION", "action": "CREATED"})
    off = hook(client, receiver.url, CREATED, status="DISABLED")
    name = model(client)
    assert client.post(f"{MODELS}/create", json={"name": name}).status_code == 400
    assert receiver.quiet()
    client.patch(f"{HOOKS}/{off['webhook_id']}", json={"status": "ACTIVE"})
    assert receiver.quiet(), "an event from before it was active"
    model(client)
    assert said(receiver.next())[0] == "registered_model.created"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_refused_delivery_is_sent_again_with_the_same_id(client, receiver, status):
    receiver.answers = [(status, {})]
    hook(client, receiver.url, secret="s")
    model(client)
    first, second = receiver.next(), receiver.next()
    assert first[1] == second[1]
    assert first[0]["X-MLflow-Delivery-Id"] == second[0]["X-MLflow-Delivery-Id"]
    assert receiver.quiet()


@pytest.mark.parametrize(("status", "headers"), [(400, {}), (404, {}), (302, {"Location": "/elsewhere"})])
def test_what_cannot_be_mended_by_repeating_is_not_repeated(client, receiver, status, headers):
    receiver.answers = [(status, headers)]
    hook(client, receiver.url)
    model(client)
    receiver.next()
    assert receiver.quiet(2)


def test_a_receiver_that_is_away_or_silent_holds_nobody_up(client, receiver):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        hook(client, f"http://127.0.0.1:{silent.getsockname()[1]}/")
        hook(client, "http://127.0.0.1:1/")
        hook(client, receiver.url)
        names = [model(client) for _ in range(3)]
        assert [said(receiver.next())[1]["name"] for _ in names] == names


def test_what_was_due_is_sent_by_the_next_server(tmp_path, receiver):
    settings = local(tmp_path)
    receiver.answers = [(500, {})] * 3
    with running(settings) as (url, _), httpx.Client(base_url=url) as client:
        hook(client, receiver.url, secret="s")
        model(client)
        first = receiver.next()
    with running(settings):
        again = receiver.next()
    assert first[0]["X-MLflow-Delivery-Id"] == again[0]["X-MLflow-Delivery-Id"]
    assert first[1] == again[1]


def test_stopping_does_not_wait_for_a_receiver(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(5)
        with running(local(tmp_path)) as (url, _), httpx.Client(base_url=url) as client:
            hook(client, f"http://127.0.0.1:{silent.getsockname()[1]}/")
            model(client)
            under_way, _ = silent.accept()
            began = time.monotonic()
        assert time.monotonic() - began < 3
        under_way.close()


def test_deleting_a_webhook_ends_its_deliveries(client, receiver):
    receiver.answers = [(500, {})] * 10
    made = hook(client, receiver.url)
    model(client)
    receiver.next()
    assert client.delete(f"{HOOKS}/{made['webhook_id']}").status_code == 200
    assert receiver.quiet(2.5)


def test_what_ended_while_the_store_was_read_is_not_sent_again(tmp_path, receiver, monkeypatch):
    """The rows are from before the delivery was done, and looked at after it."""
    read, post = SqliteDatabase.read, outbound.post

    async def read_slowly(self, job):
        rows = await read(self, job)
        if job is deliveries._next:
            await asyncio.sleep(0.3)
        return rows

    async def post_slowly(*given):
        await asyncio.sleep(0.1)
        return await post(*given)

    monkeypatch.setattr(SqliteDatabase, "read", read_slowly)
    monkeypatch.setattr(outbound, "post", post_slowly)
    with running(local(tmp_path)) as (url, _), httpx.Client(base_url=url) as client:
        hook(client, receiver.url)
        for _ in range(3):
            model(client)
            time.sleep(0.15)
        sent = [receiver.next()[0]["X-MLflow-Delivery-Id"] for _ in range(3)]
        assert receiver.quiet(1)
    assert len(set(sent)) == 3


def test_the_test_endpoint_says_what_the_receiver_said(client, receiver):
    made = hook(client, receiver.url, secret="s")
    at = f"{HOOKS}/{made['webhook_id']}/test"
    result = client.post(at, json={}).json()["result"]
    assert result == {"success": True, "response_status": 200, "response_body": "thanks"}
    assert said(receiver.next())[1]["name"] == "example_model"
    receiver.answers = [(500, {}), (302, {"Location": receiver.url})]
    assert client.post(at, json={}).json()["result"]["success"] is False
    assert client.post(at, json={}).json()["result"] == {
        "success": False,
        "response_status": 302,
        "response_body": "thanks",
        "error_message": "The receiver answered with a redirect, which is not followed.",
    }
    assert receiver.came.qsize() == 2, "the test is sent once, and no redirect followed"


@sqlite_only
def test_a_store_of_the_first_release_gets_webhooks(tmp_path, receiver, monkeypatch):
    settings = local(tmp_path)
    settings.data_dir.mkdir()
    first = schema.migrations()[1]
    with monkeypatch.context() as patched:
        patched.setattr(schema, "migrations", lambda: {1: first})
        asyncio.run(SqliteDatabase(settings.database_path).close())
    with running(settings) as (url, _), httpx.Client(base_url=url) as client:
        hook(client, receiver.url)
        model(client)
        receiver.next()
    backup = settings.data_dir / "trackside.db.v1.backup"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
