"""What `trackside.show` can be given and where: outside of a notebook, signed in, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import mlflow
import pytest
from conftest import Server
from shown import SOON_S, Shown, make_run, view_of

import trackside
from trackside.notebook import page
from trackside.notebook.client import API, Client

# --- from outside of a notebook, and what cannot be shown ----------------------


def test_outside_of_a_notebook_it_prints_once(
    client: mlflow.MlflowClient, capsys: pytest.CaptureFixture[str]
) -> None:
    with mlflow.start_run(run_name="plain") as run:
        mlflow.log_metric("loss", 2.5)
        view = trackside.show()
        assert capsys.readouterr().out.startswith("run plain RUNNING")
        assert not view.is_live
    capsys.readouterr()
    trackside.show(run)
    assert "loss 2.5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("", "empty text"),
        ([], "list is empty"),
        (["nonsense"], "'nonsense' is no run"),
        (7, "was given a int"),
        ([7], "7 is no run"),
    ],
)
def test_what_cannot_be_shown_is_refused(client: mlflow.MlflowClient, what: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        trackside.show(what)


def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlruns.db")
    with pytest.raises(
        ValueError, match=r"needs a tracking server, and the tracking URI is 'sqlite:///mlruns.db'"
    ):
        trackside.show("an experiment")
    with pytest.raises(ValueError, match="limit is 0"):
        trackside.show("an experiment", limit=0)
    with pytest.raises(ValueError, match="best is 'least'; it must be 'max' or 'min'"):
        trackside.show("an experiment", best="least")
    with pytest.raises(ValueError, match="filter= chooses"):
        trackside.show("0" * 32, filter="params.a = 'b'")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("0" * 32, f"Run with id={'0' * 32} not found"),
        (["0" * 32], f"There is none of these runs: {'0' * 32}"),
        (
            [f"{number:032}" for number in range(5)],
            f"There is none of these runs: {0:032}, {1:032}, {2:032} and 2 more",
        ),
        ("no such one", "Could not find experiment with name 'no such one'"),
    ],
)
def test_what_is_not_there_is_said_and_not_asked_for_again(
    client: mlflow.MlflowClient, server: Server, what: Any, words: str
) -> None:
    shown, view = Shown(), view_of(what, server.url)
    view.start(shown)
    assert view.wait(SOON_S)
    assert shown.bundles[-1]["text/plain"] == words


class _Plain(BaseHTTPRequestHandler):
    """A server that is not Trackside, and sends some who ask elsewhere."""

    def do_GET(self) -> None:
        if "1" * 32 in self.path:
            self.send_response(302)
            self.send_header("Location", "https://elsewhere.example/")
            self.end_headers()
        else:
            self.send_error(404)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.mark.parametrize(
    ("run_id", "words"),
    [
        ("0" * 32, "it is no Trackside server"),
        ("1" * 32, "sends to https://elsewhere.example/: give the server's own address"),
    ],
)
def test_a_server_that_is_not_trackside_is_named(run_id: str, words: str) -> None:
    plain = HTTPServer(("127.0.0.1", 0), _Plain)
    thread = threading.Thread(target=plain.serve_forever)
    thread.start()
    try:
        view = view_of(run_id, f"http://127.0.0.1:{plain.server_port}")
        assert view.read() is False
        assert words in view.text()
    finally:
        plain.shutdown()
        thread.join()
        plain.server_close()


def test_it_signs_in_as_the_mlflow_client_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    password = tmp_path / "password"
    password.write_text("purple-otter-29-lamp")
    server = Server(tmp_path / "data", ["--auth", "--admin-password-file", str(password)])
    server.start()
    try:
        for name in ("USERNAME", "PASSWORD", "TOKEN"):
            monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
        view = view_of("Default", server.url)
        assert view.read() is False
        assert "wants you to sign in: set MLFLOW_TRACKING_USERNAME" in view.text()
        view = view_of("Default", server.url.replace("//", "//admin:purple-otter-29-lamp@"))
        view.read()
        assert view.text() == "Default: 0 runs"
        assert "otter" not in repr(view) + page.page(None, view._pages)
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "purple-otter-29-lamp")
        view = view_of("Default", server.url)
        view.read()
        assert view.text() == "Default: 0 runs"
        made = Client(server.url).post(f"{API}/tokens", {"name": "notebook"})
        for name in ("USERNAME", "PASSWORD"):
            monkeypatch.delenv(f"MLFLOW_TRACKING_{name}")
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", made["text"])
        view = view_of("Default", server.url)
        view.read()
        assert view.text() == "Default: 0 runs"
    finally:
        server.stop()


def test_a_run_that_may_not_be_read_ends_no_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = tmp_path / "password"
    password.write_text("purple-otter-29-lamp")
    server = Server(tmp_path / "data", ["--auth", "--admin-password-file", str(password)])
    server.start()
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "purple-otter-29-lamp")
    try:
        added = [sys.executable, "-m", "trackside", "user", "add", "ann", "--password-file", str(password)]
        subprocess.run([*added, "--url", server.url], check=True, capture_output=True)
        run_id = make_run(mlflow.MlflowClient(server.url), "open", loss=[1.0])
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
        view = view_of([run_id, "0" * 32], server.url)
        view.read()
        assert view.text().startswith(f"Comparison: 1 run (not found: {'0' * 32})")
    finally:
        server.stop()


def test_links_lead_to_where_browsers_find_the_server(
    client: mlflow.MlflowClient, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = make_run(client, "links", loss=[1.0])
    assert f"{server.url}/runs/{run_id}" in _text(run_id, server)
    monkeypatch.setenv("TRACKSIDE_PUBLIC_URL", "https://lab.example/mlflow/")
    assert f"https://lab.example/mlflow/runs/{run_id}" in _text(run_id, server)


def _text(run_id: str, server: Server) -> str:
    view = view_of(run_id, server.url)
    view.read()
    return view.text()
