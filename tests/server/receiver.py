"""A receiver of webhooks on a loopback port, settings that allow it, and what causes and reads deliveries."""

from __future__ import annotations

import http.server
import json
import queue
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from trackside.config import ServerSettings

HOOKS = "/api/2.0/mlflow/webhooks"
MODELS = "/api/2.0/mlflow/registered-models"
CREATED = {"entity": "REGISTERED_MODEL", "action": "CREATED"}


@dataclass
class Receiver:
    """Answers each POST with the next of `answers`, then with 200; keeps what came."""

    url: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    came: queue.Queue = field(default_factory=queue.Queue)

    def next(self, seconds: float = 5) -> tuple[dict[str, str], bytes]:
        return self.came.get(timeout=seconds)

    def quiet(self, seconds: float = 0.3) -> bool:
        time.sleep(seconds)
        return self.came.empty()


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers = receiver.answers.pop(0) if receiver.answers else (200, {})
            receiver.came.put((dict(self.headers), body))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"thanks")

        def log_message(self, *_):
            pass

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{served.server_port}/hook?a=b%20c"
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        served.shutdown()
        served.server_close()
        thread.join()


def local(tmp_path, **more):
    more = {"webhook_schemes": ("http", "https"), "webhook_private_addresses": True, **more}
    return ServerSettings(data_dir=tmp_path / "data", port=0, **more)


def hook(client, url, *events, **more):
    answer = client.post(
        HOOKS, json={"name": "hook", "url": url, "events": list(events) or [CREATED], **more}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["webhook"]


def model(client, name=None, **more):
    name = name or f"m{uuid.uuid4().hex}"
    assert client.post(f"{MODELS}/create", json={"name": name, **more}).status_code == 200
    return name


def said(delivery):
    """(event, data) of what came."""
    body = json.loads(delivery[1])
    assert list(body) == ["entity", "action", "timestamp", "data"]
    return f"{body['entity']}.{body['action']}", body["data"]
