"""Addresses without a tracking server, servers of another kind, and passwords in the address."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time

import mlflow
import pytest

from trackside.train.errors import TrainingError
from trackside.train.mlflow_run import RunOptions, mlflow_run, unreachable
from trackside.train.tracking import sign_in

pytestmark = pytest.mark.filterwarnings("ignore:::mlflow")

said: list[str] = []


@pytest.fixture(autouse=True)
def _few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")


def test_no_server_is_said_at_once() -> None:
    began = time.monotonic()
    with (
        pytest.raises(
            TrainingError, match=r"no tracking server answers at http://127\.0\.0\.1:9 .*--no-track"
        ),
        mlflow_run(RunOptions("http://127.0.0.1:9"), said.append),
    ):
        pass
    assert time.monotonic() - began < 10
    assert unreachable("sqlite:///somewhere.db") is None


class Stranger:
    """A web server that is no MLflow: it gives one answer to everything."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> str:
        self._thread.start()
        return self.url

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # ends accept()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65_536)
                    connection.sendall(self._answer)


def http(status: str, body: str) -> bytes:
    return f"HTTP/1.0 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    "answer",
    [
        http("404 Not Found", "<h1>Not here</h1>\n<p>Try elsewhere</p>"),
        http("200 OK", "<h1>Welcome</h1>\n"),
        http("200 OK", "{}"),
        http("200 OK", '{"experiment": 3}'),
        http("401 Unauthorized", "Sign in"),
    ],
    ids=["nothing there", "a page", "empty json", "other json", "sign in"],
)
def test_a_server_that_is_no_mlflow(answer: bytes) -> None:
    with (
        Stranger(answer) as url,
        pytest.raises(
            TrainingError, match=rf"^no run can be started at {url}, .* no MLflow server: ."
        ) as caught,
        mlflow_run(RunOptions(url), said.append),
    ):
        pass
    assert "\n" not in str(caught.value)
    assert mlflow.active_run() is None


def test_what_speaks_no_http_is_no_server() -> None:
    with Stranger(b"SSH-2.0-OpenSSH_9.2\r\n") as url:
        assert unreachable(url) == "SSH-2.0-OpenSSH_9.2\r\n"
        with (
            pytest.raises(TrainingError, match=f"no tracking server answers at {url}"),
            mlflow_run(RunOptions(url), said.append),
        ):
            pass


@pytest.mark.parametrize(
    ("given", "plain", "user", "password"),
    [
        ("http://ann:s3%40cret@host:8000/path", "http://host:8000/path", "ann", "s3@cret"),
        ("https://ann@host", "https://host", "ann", ""),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", None, None),
        ("sqlite:///a@b.db", "sqlite:///a@b.db", None, None),
    ],
)
def test_a_password_is_taken_out_of_the_uri(
    monkeypatch: pytest.MonkeyPatch, given: str, plain: str, user: str | None, password: str | None
) -> None:
    for name in ("USERNAME", "PASSWORD", "URI"):
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", "")  # so that it is put back
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}")
    assert sign_in(given) == plain
    assert os.environ.get("MLFLOW_TRACKING_USERNAME") == user
    assert os.environ.get("MLFLOW_TRACKING_PASSWORD") == password
    assert os.environ.get("MLFLOW_TRACKING_URI") == (plain if user else None)
