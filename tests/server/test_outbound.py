"""Where webhooks may be sent to, and that no receiver can hold the server up or lead it astray."""

from __future__ import annotations

import asyncio
import base64
import socket
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import httpx
import pytest
from live_server import running
from receiver import CREATED, HOOKS, local
from typer.testing import CliRunner

from trackside.cli.app import app as commands
from trackside.config import ServerSettings
from trackside.core import outbound


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "[::1]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:127.0.0.1]",
        "[2002:7f00:1::]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::1]",
        "[fec0::1]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[5f00::1]",
        "[3fff::1]",
        "[2001:db8::1]",
        "[2001:0:7f00:1::]",
        "192.0.0.8",
        "[::ffff:192.0.0.8]",
        "0x7f.1",
        "2130706433",
    ],
)
def test_a_private_address_is_refused_in_every_spelling(tmp_path, host):
    settings = ServerSettings(data_dir=tmp_path, webhook_private_addresses=False)
    with pytest.raises(outbound.NotAllowed, match="must not resolve to a non-public IP address"):
        asyncio.run(outbound.check(f"https://{host}/", settings))


@pytest.mark.parametrize(
    "host", ["93.184.216.34", "[2606:2800:220:1:248:1893:25c8:1946]", "[64:ff9b::5db8:d822]"]
)
def test_a_public_address_is_taken(tmp_path, host):
    settings = ServerSettings(data_dir=tmp_path, webhook_private_addresses=False)
    asyncio.run(outbound.check(f"https://{host}:8443/", settings))


def test_a_name_that_has_moved_to_a_private_address_gets_nothing(tmp_path, receiver, monkeypatch, caplog):
    """DNS rebinding: public when the webhook is made, this machine when it is sent to."""
    port = int(receiver.url.split(":")[2].split("/")[0])
    answers = [["93.184.216.34"]]

    async def looked_up(host):
        assert host == "rebound.example"
        return answers.pop(0) if answers else ["127.0.0.1"]

    monkeypatch.setattr(outbound, "_looked_up", looked_up)
    settings = local(tmp_path, webhook_private_addresses=False)
    with running(settings) as (url, _), httpx.Client(base_url=url) as client:
        wanted = {"name": "n", "url": f"http://rebound.example:{port}/", "events": [CREATED]}
        made = client.post(HOOKS, json=wanted).json()["webhook"]
        client.post("/api/2.0/mlflow/registered-models/create", json={"name": "m"})
        assert receiver.quiet(1)
        result = client.post(f"{HOOKS}/{made['webhook_id']}/test", json={}).json()["result"]
    assert result["success"] is False
    assert "resolves to 127.0.0.1" in result["error_message"]
    assert "is given up: Webhook URL must not resolve" in caplog.text
    assert receiver.came.empty()


def test_the_connection_goes_to_the_address_that_was_checked(tmp_path, receiver, monkeypatch):
    """No second look-up: the name exists only in the first."""
    port = int(receiver.url.split(":")[2].split("/")[0])

    async def looked_up(host):
        return ["127.0.0.1"]

    monkeypatch.setattr(outbound, "_looked_up", looked_up)
    answer = asyncio.run(outbound.post(f"http://no-such-host.invalid:{port}/x", b"{}", {}, local(tmp_path)))
    assert answer.status == 200
    assert receiver.next()[0]["Host"] == f"no-such-host.invalid:{port}"


def raw_answer(pieces, pause=0.0):
    """A receiver that answers with these bytes and then keeps the connection open."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listening.accept()
        with connection, listening:
            try:
                connection.recv(65536)
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(pause)
                connection.recv(1)
            except OSError:
                pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}/", thread


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ([OK + b"Content-Length: 2\r\n\r\n", b"hi"], "hi"),
        ([OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"], "hi"),
        ([OK + b"Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nhi"], "hi"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"Content-Length: 0\r\n\r\n"], ""),
        ([OK + b"\r\n", *[b"x" * 16384] * 5], "x" * 65536),
    ],
)
def test_answers_of_every_kind_are_read(tmp_path, pieces, body):
    url, thread = raw_answer(pieces)
    answer = asyncio.run(outbound.post(url, b"{}", {}, local(tmp_path, webhook_seconds=5)))
    assert (answer.status, answer.body) == (200, body)
    thread.join(5)


def in_seconds(seconds, form=None, zone=UTC):
    at = datetime.now(UTC).astimezone(zone) + timedelta(seconds=seconds)
    return at.strftime(form) if form else format_datetime(at)


@pytest.mark.parametrize(
    ("say", "seconds"),
    [
        (lambda: "0", 0),
        (lambda: "120", 120),
        (lambda: in_seconds(3600), 3600),
        (lambda: in_seconds(3600, zone=timezone(timedelta(hours=-5))), 3600),
        (lambda: in_seconds(3600, "%A, %d-%b-%y %H:%M:%S GMT"), 3600),
        (lambda: in_seconds(3600, "%a %b %d %H:%M:%S %Y"), 3600),
        (lambda: in_seconds(-3600), 0),
        (lambda: "Fri, 31 Dec 1999 23:59:59 GMT", 0),
    ],
)
def test_retry_after_is_a_number_or_a_date(tmp_path, say, seconds):
    head = f"HTTP/1.1 503 X\r\nRetry-After: {say()}\r\nContent-Length: 0\r\n\r\n"
    url, thread = raw_answer([head.encode()])
    answer = asyncio.run(outbound.post(url, b"{}", {}, local(tmp_path, webhook_seconds=5)))
    assert answer.retry_after_seconds is not None
    assert seconds - 60 < answer.retry_after_seconds <= seconds
    thread.join(5)


@pytest.mark.parametrize(
    "said", ["", "soon", "-3", "1.5", "Fri, 31 Feb 2100 00:00:00 GMT", f"Fri, 31 Dec {'9' * 30} 00:00:00 GMT"]
)
def test_a_retry_after_that_says_nothing_is_none(said):
    assert outbound._seconds(said) is None


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200"],
        [b"what?\r\n\r\n"],
        [OK, *[b"X: y\r\n"] * 100],
        [b"HTTP/1.1 101 X\r\n\r\n"],
        [b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"],
        [],
    ],
)
def test_an_answer_that_never_ends_or_is_none_is_left_in_time(tmp_path, pieces):
    url, thread = raw_answer(pieces, pause=0.02)
    began = time.monotonic()
    with pytest.raises(outbound.Unreachable):
        asyncio.run(outbound.post(url, b"{}", {}, local(tmp_path, webhook_seconds=0.5)))
    assert time.monotonic() - began < 2
    thread.join(5)


@pytest.mark.parametrize(
    "url",
    [
        "http://a/\r\nX: y",
        "http://a b/",
        "http://[::1",
        "http://x:99999/",
        "http:///x",
        "ftp://x/",
        " ",
        "http://a\\b/",
    ],
)
def test_a_bad_url_is_refused(tmp_path, url):
    if "\r" in url:
        target = outbound._parsed(url, local(tmp_path))
        assert b"\r\nX:" not in outbound._request(target, b"", {})
        return
    with pytest.raises(outbound.InvalidParameter):
        outbound._parsed(url, local(tmp_path))


def test_credentials_in_a_url_are_sent_as_basic(tmp_path, receiver):
    url = receiver.url.replace("//", "//user:p%40ss@")
    asyncio.run(outbound.post(url, b"{}", {}, local(tmp_path)))
    assert receiver.next()[0]["Authorization"] == "Basic " + base64.b64encode(b"user:p@ss").decode()


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "1e9"])
def test_a_time_limit_that_is_none_stops_the_start(tmp_path, monkeypatch, text):
    monkeypatch.setenv("MLFLOW_WEBHOOK_REQUEST_TIMEOUT", text)
    done = CliRunner().invoke(commands, ["server", "--data-dir", str(tmp_path)])
    assert done.exit_code == 2
    assert f"must be a number of seconds from 0 to 3600; it is '{text}'." in done.output
