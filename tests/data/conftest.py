"""Fixtures of the data tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest
from data_samples import Handler, Site

from trackside.data import food11
from trackside.data.layout import CLASSES, SPLITS


@pytest.fixture
def one_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the published counts be one image per class, so that a small set is complete."""
    monkeypatch.setattr(food11, "PUBLISHED", {split: (1,) * len(CLASSES) for split in SPLITS})


@pytest.fixture
def site() -> Iterator[Site]:
    """A web server on loopback with one file."""
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"site": site}))
    site.url = f"http://127.0.0.1:{server.server_address[1]}/Food-11.zip"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()
