"""Webhooks, as their users make them: with the client, a receiver, and a check of the signature.

    python webhooks.py http://127.0.0.1:8000

The server must allow http and private addresses.
"""

import base64
import hashlib
import hmac
import http.server
import json
import queue
import sys
import threading
import uuid

import mlflow
from mlflow import MlflowClient

came: queue.Queue = queue.Queue()


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signed = (
            f"{self.headers['X-MLflow-Delivery-Id']}.{self.headers['X-MLflow-Timestamp']}.".encode() + body
        )
        digest = base64.b64encode(hmac.new(b"secret", signed, hashlib.sha256).digest()).decode()
        genuine = self.headers["X-MLflow-Signature"] == f"v1,{digest}"
        came.put((genuine, json.loads(body)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"thanks")

    def log_message(self, *_):
        pass


served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=served.serve_forever, daemon=True).start()
mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()
name = f"model-{uuid.uuid4().hex}"

hook = client.create_webhook(
    name="deploy",
    url=f"http://127.0.0.1:{served.server_port}/",
    events=["model_version.created", "model_version_alias.created"],
    description="d",
    secret="secret",
)
assert hook.secret is None
assert [str(event) for event in hook.events] == ["model_version.created", "model_version_alias.created"]
assert client.get_webhook(hook.webhook_id).description == "d"
assert hook.webhook_id in {each.webhook_id for each in client.list_webhooks()}

tested = client.test_webhook(hook.webhook_id)
assert (tested.success, tested.response_status, tested.response_body) == (True, 200, "thanks")
genuine, body = came.get(timeout=10)
assert genuine
assert body["data"]["name"] == "example_model"
tested = client.test_webhook(hook.webhook_id, event="prompt.created")
assert tested.success
assert came.get(timeout=10)[1]["entity"] == "prompt"

client.create_registered_model(name)
client.create_model_version(name, "s3://bucket/model", tags={"k": "v"})
client.set_registered_model_alias(name, "best", "1")
told = sorted((came.get(timeout=10) for _ in range(2)), key=lambda each: each[1]["entity"])
assert all(genuine for genuine, _ in told)
assert told[0][1]["data"] == {
    "name": name,
    "version": "1",
    "source": "s3://bucket/model",
    "run_id": None,
    "tags": {"k": "v"},
    "description": None,
}
assert told[1][1]["data"] == {"name": name, "alias": "best", "version": "1"}

changed = client.update_webhook(hook.webhook_id, name="other", status="DISABLED")
assert (changed.name, str(changed.status)) == ("other", "DISABLED")
client.delete_webhook(hook.webhook_id)
assert hook.webhook_id not in {each.webhook_id for each in client.list_webhooks()}
