"""Under which address others reach this machine: asked of a stand-in for a cloud's metadata service."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from trackside.stack.addresses import public_addresses

GOOGLE = "/computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip"
AZURE = (
    "/metadata/instance/network/interface/0/ipv4/ipAddress/0/publicIpAddress"
    "?api-version=2021-02-01&format=text"
)
Answers = dict[tuple[str, str], str]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answers, dict[str, str]], None]]:
    """Sets (method, path) -> body, and headers that a request must have to be answered."""
    answers: Answers = {}
    needed: dict[str, str] = {}

    class Metadata(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = answers.get((self.command, self.path))
            allowed = self.command == "PUT" or all(self.headers.get(n) == v for n, v in needed.items())
            self.send_response(200 if body is not None and allowed else 404)
            self.end_headers()
            self.wfile.write((body or "").encode())

        do_GET = do_PUT = answer  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # must not be asked

    def set_up(said: Answers, headers: dict[str, str]) -> None:
        answers.update(said)
        needed.update(headers)

    yield set_up
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("answers", "headers"),
    [
        ({("GET", "/latest/meta-data/public-ipv4"): "203.0.113.7\n"}, {}),  # OpenStack
        (
            {
                ("PUT", "/latest/api/token"): "a-token",
                ("GET", "/latest/meta-data/public-ipv4"): "203.0.113.7",
            },
            {"X-aws-ec2-metadata-token": "a-token"},
        ),
        ({("GET", GOOGLE): "203.0.113.7"}, {"Metadata-Flavor": "Google"}),
        ({("GET", AZURE): "203.0.113.7"}, {"Metadata": "true"}),
    ],
    ids=["openstack", "amazon", "google", "azure"],
)
def test_the_cloud_says_the_public_address(
    cloud: Callable, answers: Answers, headers: dict[str, str]
) -> None:
    cloud(answers, headers)
    assert public_addresses("0.0.0.0")[0] == "203.0.113.7"


@pytest.mark.parametrize("said", ["", "none", "<html>"])
def test_without_a_public_address_the_interfaces_say(cloud: Callable, said: str) -> None:
    cloud({("GET", "/latest/meta-data/public-ipv4"): said}, {})
    found = public_addresses("0.0.0.0")
    assert found
    for address in found:
        if address[0].isdigit():
            assert not ipaddress.ip_address(address).is_loopback


def test_one_address_is_itself() -> None:
    assert public_addresses("127.0.0.1") == ["127.0.0.1"]
