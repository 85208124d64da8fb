"""Webhooks over the wire, on Trackside and on MLflow; and that a killed server's deliveries still arrive."""

import http.server
import json
import queue
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import servers
from wire import API, refused

HOOKS = f"{API}/webhooks"
URL = "https://93.184.216.34/hook"  # public, and needs no name server
CREATED = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]
WHOLE = {"name": "n", "url": URL, "events": CREATED}
INVALID = "INVALID_PARAMETER_VALUE"


def made(http: httpx.Client, **more: object) -> dict[str, object]:
    answer = http.post(HOOKS, json={**WHOLE, **more})
    assert answer.status_code == 200, answer.text
    webhook: dict[str, object] = answer.json()["webhook"]
    return webhook


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Missing value for required parameter 'name'."),
        ({"name": "n"}, "Missing value for required parameter 'url'."),
        ({"name": "n", "url": URL}, "Missing value for required parameter 'events'."),
        ({**WHOLE, "events": []}, "Webhook events must be a non-empty list of WebhookEvent objects: []."),
        ({**WHOLE, "events": "x"}, "Invalid value \"x\" for parameter 'events' supplied"),
        (
            {**WHOLE, "events": [{"entity": "REGISTERED_MODEL", "action": "DELETED"}]},
            "Invalid action 'deleted' for entity 'registered_model'. Valid actions are: ['created']",
        ),
        (
            {**WHOLE, "events": [{"entity": "PROMPT_TAG", "action": "CREATED"}]},
            "Invalid action 'created' for entity 'prompt_tag'. Valid actions are: ['deleted', 'set']",
        ),
        ({**WHOLE, "name": 5}, "Invalid value 5 for parameter 'name' supplied"),
        *(
            ({**WHOLE, "name": name}, "is invalid. It must start and end with a letter or digit")
            for name in ("a b", "-a", "a-", "a" * 64, "a\n")
        ),
        ({**WHOLE, "url": " "}, "Webhook URL cannot be empty or just whitespace: ' '"),
        (
            {**WHOLE, "url": "http://93.184.216.34/"},
            "Invalid webhook URL scheme: 'http'. Allowed schemes are: https.",
        ),
        ({**WHOLE, "url": "nowhere"}, "Invalid webhook URL scheme: ''. Allowed schemes are: https."),
        ({**WHOLE, "url": "https:///x"}, "Webhook URL must include a hostname: 'https:///x'"),
        (
            {**WHOLE, "url": "https://[::1"},
            "Invalid webhook URL 'https://[::1': ValueError('Invalid IPv6 URL')",
        ),
        (
            {**WHOLE, "url": "https://127.0.0.1/"},
            "Webhook URL must not resolve to a non-public IP address. '127.0.0.1' resolves to 127.0.0.1.",
        ),
        (
            {**WHOLE, "url": "https://[::ffff:10.0.0.1]/"},
            "Webhook URL must not resolve to a non-public IP address.",
        ),
        (
            {**WHOLE, "url": "https://no-such-host.invalid/"},
            "Cannot resolve Webhook URL hostname 'no-such-host.invalid'",
        ),
    ],
)
def test_a_bad_webhook_is_refused(http: httpx.Client, body: dict[str, object], words: str) -> None:
    refused(http.post(HOOKS, json=body), 400, INVALID, words)


def test_a_webhook_comes_back_without_its_secret(http: httpx.Client) -> None:
    webhook = made(http, description="d", secret="s", status="DISABLED", name="A.b_c-d")
    assert webhook == {
        "webhook_id": webhook["webhook_id"],
        "name": "A.b_c-d",
        "description": "d",
        "url": URL,
        "events": CREATED,
        "status": "DISABLED",
        "creation_timestamp": webhook["creation_timestamp"],
        "last_updated_timestamp": webhook["creation_timestamp"],
    }
    assert uuid.UUID(str(webhook["webhook_id"]))
    assert http.get(f"{HOOKS}/{webhook['webhook_id']}").json()["webhook"] == webhook


def test_enums_come_as_names_or_numbers_and_an_unknown_status_is_none(http: httpx.Client) -> None:
    assert made(http, events=[{"entity": 9, "action": 1}])["events"] == [
        {"entity": "PROMPT_ALIAS", "action": "CREATED"}
    ]
    assert made(http, status="NOPE")["status"] == "ACTIVE"
    assert made(http, status=2)["status"] == "DISABLED"


def test_an_update_changes_what_it_names(http: httpx.Client) -> None:
    webhook = made(http, description="d", secret="s")
    at = f"{HOOKS}/{webhook['webhook_id']}"
    events = [{"entity": "MODEL_VERSION", "action": "CREATED"}, {"entity": "PROMPT", "action": "CREATED"}]
    for change, expected in (
        ({}, {}),
        ({"name": ""}, {}),
        ({"name": "other"}, {"name": "other"}),
        ({"events": []}, {}),
        ({"events": events[::-1]}, {"events": events}),
        ({"status": "DISABLED"}, {"status": "DISABLED"}),
        ({"status": "NOPE"}, {}),
        ({"url": f"{URL}/2"}, {"url": f"{URL}/2"}),
        ({"secret": ""}, {}),
    ):
        webhook |= expected
        found = http.patch(at, json=change).json()["webhook"]
        webhook["last_updated_timestamp"] = found["last_updated_timestamp"]
        assert found == webhook
    del webhook["description"]
    assert "description" not in http.patch(at, json={"description": ""}).json()["webhook"]
    refused(http.patch(at, json={"name": "a b"}), 400, INVALID, "Webhook name 'a b' is invalid.")
    refused(http.patch(at, json={"url": "ftp://x"}), 400, INVALID, "Invalid webhook URL scheme: 'ftp'.")


def test_a_webhook_that_is_not_there(http: httpx.Client) -> None:
    gone = str(made(http)["webhook_id"])
    assert http.delete(f"{HOOKS}/{gone}").json() == {}
    for webhook_id in (gone, "nope"):
        words = f"Webhook with ID {webhook_id} not found."
        at = f"{HOOKS}/{webhook_id}"
        for answer in (
            http.get(at),
            http.delete(at),
            http.patch(at, json={"name": "x"}),
            http.post(f"{at}/test", json={}),
        ):
            refused(answer, 404, "RESOURCE_DOES_NOT_EXIST", words)


def test_pages(http: httpx.Client) -> None:
    ids = [made(http)["webhook_id"] for _ in range(3)]
    found, token = [], ""
    while len(found) < 3:
        page = http.get(HOOKS, params={"max_results": 1, **({"page_token": token} if token else {})}).json()
        found += [webhook["webhook_id"] for webhook in page["webhooks"]]
        token = page.get("next_page_token", "")
    assert set(found) == set(ids)
    assert len(http.get(HOOKS, params={"max_results": 0}).json()["webhooks"]) >= 3
    for bad in (-1, 1001):
        answer = http.get(HOOKS, params={"max_results": bad})
        refused(answer, 400, INVALID, "max_results must be between 1 and 1000.")
    refused(
        http.get(HOOKS, params={"max_results": "x"}), 400, INVALID, "for parameter 'max_results' supplied"
    )
    refused(http.get(HOOKS, params={"page_token": "bad"}), 400, INVALID, "Invalid page token")


# --- kill -9 -------------------------------------------------------------------


@pytest.fixture
def receiver() -> Iterator[tuple[str, queue.Queue[tuple[str, str]]]]:
    """(URL, queue of (delivery id, model's name)) of a receiver that takes everything."""
    came: queue.Queue[tuple[str, str]] = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            came.put((self.headers["X-MLflow-Delivery-Id"], body["data"]["name"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}/", came
    served.shutdown()
    served.server_close()
    thread.join()


@pytest.mark.slow
def test_every_acknowledged_change_is_told_though_the_server_is_killed(
    tmp_path: Path, receiver: tuple[str, queue.Queue[tuple[str, str]]]
) -> None:
    url, came = receiver
    server = servers.trackside(tmp_path, port=servers.free_port())
    server.environment |= {
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http",
    }
    server.start()
    acknowledged: list[str] = []
    with httpx.Client(base_url=server.url, timeout=10) as http:
        assert http.post(HOOKS, json={"name": "n", "url": url, "events": CREATED}).status_code == 200
        for kill in range(5):
            for number in range(20):
                name = f"m{kill}-{number}"
                if http.post(f"{API}/registered-models/create", json={"name": name}).status_code == 200:
                    acknowledged.append(name)
            server.kill()  # with deliveries waiting and under way
            server.start()
        told: dict[str, set[str]] = {}
        while len(told) < len(acknowledged):
            delivery, name = came.get(timeout=20)
            told.setdefault(name, set()).add(delivery)
    server.stop()
    assert set(told) == set(acknowledged)
    assert len(acknowledged) == 100
    assert {len(ids) for ids in told.values()} == {1}, "a change was told of under two ids"
