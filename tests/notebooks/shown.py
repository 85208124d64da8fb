"""What the tests of `trackside.show` share: a run, a view of it, and a notebook to show it in."""

from __future__ import annotations

import threading
from typing import Any

import mlflow
from mlflow.entities import Metric

from trackside.notebook import asked
from trackside.notebook.client import Client
from trackside.notebook.reading import Reader
from trackside.notebook.view import View

SOON_S = 20.0  # that anything may take on a busy machine


class Shown:
    """Plays `IPython.display.display` and the handle it gives: remembers what a notebook would show."""

    def __init__(self) -> None:
        self.bundles: list[dict[str, str]] = []
        self._changed = threading.Condition()

    def __call__(self, bundle: dict[str, str], *, raw: bool, display_id: bool) -> Shown:
        assert (raw, display_id) == (True, True)
        self.update(bundle, raw=True)
        return self

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        with self._changed:
            self.bundles.append(bundle)
            self._changed.notify_all()

    def waits_for(self, words: str) -> str:
        """The first text since now in which these words stand."""
        begun = len(self.bundles)
        with self._changed:

            def seen() -> list[str]:
                texts = [bundle["text/plain"] for bundle in self.bundles[max(0, begun - 1) :]]
                return [text for text in texts if words in text]

            assert self._changed.wait_for(seen, SOON_S), (
                f"{words!r} never came; {self.bundles[-1]['text/plain']}"
            )
            return seen()[0]


def view_of(what: Any, address: str, filter_: str = "", metric: str | None = None) -> View:
    server = Client(address)
    return View(Reader(server, asked.understood(what, filter_, 20), metric), server.address, server.pages)


def state_of(what: Any, address: str, filter_: str = "", metric: str | None = None) -> Any:
    return Reader(Client(address), asked.understood(what, filter_, 20), metric).read()


def make_run(client: mlflow.MlflowClient, experiment: str, **metrics: list[float]) -> str:
    """A running run with one point a step of each metric."""
    found = client.get_experiment_by_name(experiment)
    number = found.experiment_id if found else client.create_experiment(experiment)
    run_id = client.create_run(number).info.run_id
    points = [
        Metric(key, value, 1_000 + i, i) for key, values in metrics.items() for i, value in enumerate(values)
    ]
    client.log_batch(run_id, points)
    return str(run_id)
