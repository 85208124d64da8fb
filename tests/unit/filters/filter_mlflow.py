"""MLflow's own stores and ours with the same objects, and the same search on both."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

from filter_store import ENGINE, Store, search_runs

from trackside.errors import InvalidParameter
from trackside.filters import (
    DatasetFilter,
    ModelOrder,
    search_experiments,
    search_logged_models,
    search_model_versions,
    search_registered_models,
)

WORDS = ["", "x", "X", "xy", "x%", "x_", "*", "[x]", r"\x", "1", "it's", "é", "É", "true", "false"]
KEYS = ["a", "b", "a b", "x/y"]
NUMBERS = [-1.0, 0.0, 0.5, 1.0, 1e308, math.inf, -math.inf, math.nan]
PROMPT = "mlflow.prompt.is_prompt"


class Both:
    """MLflow's stores and ours with the same objects."""

    def __init__(self) -> None:
        from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking

        self.folder = TemporaryDirectory(prefix="trackside-filters-")  # goes with the process
        uri = f"sqlite:///{self.folder.name}/mlflow.db"
        self.tracking = Tracking(uri, f"file://{self.folder.name}/artifacts")
        self.registry = Registry(uri)
        self.ours = Store()
        self.fill_experiments()
        self.fill_runs()
        self.fill_models()
        self.fill_logged_models()

    def fill_experiments(self) -> None:
        from mlflow.entities import ExperimentTag, ViewType

        for name in ("food", "Food", "x_y"):
            tags = [ExperimentTag("team", WORDS[len(name)])] if name != "Food" else []
            self.tracking.create_experiment(name, tags=tags)
        self.tracking.delete_experiment("3")
        for e in self.tracking.search_experiments(view_type=ViewType.ALL):
            self.ours.experiment(
                int(e.experiment_id),
                e.name,
                lifecycle=e.lifecycle_stage,
                created_ms=e.creation_time,
                updated_ms=e.last_update_time,
                tags=e.tags,
            )

    def fill_runs(self) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunStatus, RunTag

        for n in range(24):
            word, number, key = WORDS[n % len(WORDS)], NUMBERS[n % len(NUMBERS)], KEYS[n % len(KEYS)]
            run = self.tracking.create_run(
                experiment_id=str(n % 3 % 2),
                user_id=f"user{n % 2}",
                start_time=n // 4,
                tags=[RunTag("team", word)] if n % 5 else [],
                run_name=word or "none",
            )
            run_id = run.info.run_id
            self.tracking.log_batch(
                run_id,
                [Metric(key, number, 1, 0), Metric("a", float(n % 4), 0, 0), Metric("a", float(n % 7), 1, 1)],
                [Param(key, WORDS[-n % len(WORDS)])],
                [RunTag(key, word)],
            )
            uses = [(word or "none", f"d{n % 2}", "train" if n % 2 else None), ("food", "d0", "eval")][
                : n % 3
            ]
            inputs = [
                DatasetInput(
                    Dataset(name, digest, "local", "s"), [InputTag("mlflow.data.context", c)] if c else []
                )
                for name, digest, c in uses
            ]
            self.tracking.log_inputs(run_id, inputs)
            if n % 4:
                status = RunStatus.FINISHED if n % 2 else RunStatus.FAILED
                self.tracking.update_run_info(run_id, status, 10 + n % 6, None)
            if n % 11 == 0:
                self.tracking.delete_run(run_id)
            self.mirror(run_id, {key: number, "a": number if key == "a" else float(n % 7)})

    def mirror(self, run_id: str, metrics: dict[str, float]) -> None:
        run = self.tracking.get_run(run_id)
        # MLflow gives back infinities clamped: ours holds what was logged.
        metrics = {
            k: metrics[k] if math.isinf(metrics[k]) and abs(v) > 1e308 else v
            for k, v in run.data.metrics.items()
        }
        contexts = [
            (i.dataset.name, i.dataset.digest, next((tag.value for tag in i.tags), None))
            for i in run.inputs.dataset_inputs
        ]
        self.ours.run(
            run_id,
            experiment=int(run.info.experiment_id),
            name=run.info.run_name,
            user_id=run.info.user_id,
            status=run.info.status,
            lifecycle=run.info.lifecycle_stage,
            start_ms=run.info.start_time,
            end_ms=run.info.end_time,
            artifact_uri=run.info.artifact_uri,
            metrics=metrics,
            params=run.data.params,
            tags=run.data.tags,
            datasets=contexts,
        )

    def fill_models(self) -> None:
        from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag

        for n, name in enumerate(["food", "Food", "x_y", "hello", "toys"]):
            tags = {"team": WORDS[n]} if n % 2 else {}
            tags |= {PROMPT: "true"} if name == "hello" else {}
            made = self.registry.create_registered_model(
                name, [RegisteredModelTag(*tag) for tag in tags.items()]
            )
            versions = []
            for number in range(1, n % 3 + 2):
                run_id = f"{n:032x}" if number == 1 else None
                tags_of_version = {"state": WORDS[number]} | (
                    {PROMPT: "true"} if name == "hello" and number == 1 else {}
                )
                version_tags = [ModelVersionTag(*each) for each in tags_of_version.items()]
                stored = run_id or ""  # as MLflow's REST handlers do where a request says nothing
                version = self.registry.create_model_version(name, f"s3://b/{n}", stored, version_tags)
                versions.append((version, tags_of_version, run_id))
            made = self.registry.get_registered_model(name)
            created, updated = made.creation_timestamp, made.last_updated_timestamp
            model_id = self.ours.model(name, tags=tags, created_ms=created, updated_ms=updated)
            for version, tags_of_version, run_id in versions:
                at = {"created_ms": version.creation_timestamp, "updated_ms": version.last_updated_timestamp}
                self.ours.version(
                    model_id,
                    int(version.version),
                    tags=tags_of_version,
                    source=version.source,
                    run_uuid=run_id,
                    **at,
                )

    def fill_logged_models(self) -> None:
        from mlflow.entities import LoggedModelParameter, LoggedModelTag, Metric

        run_id = self.tracking.create_run("1", "u", 0, [], "models").info.run_id
        self.mirror(run_id, {})
        for n in range(9):
            params, tags = {"lr": WORDS[n]}, ({"team": WORDS[-n]} if n % 2 else {})
            model = self.tracking.create_logged_model(
                "1",
                name=f"net{n % 3}",
                source_run_id=run_id if n % 2 else "",
                params=[LoggedModelParameter(*pair) for pair in params.items()],
                tags=[LoggedModelTag(*pair) for pair in tags.items()],
                model_type="agent" if n % 4 == 0 else "",
            )
            metrics = [
                ("acc", n % 4 / 4, 1, "food", f"d{n % 2}"),
                ("acc", n % 5 / 5, 2, "toys", "d0"),
                ("f1", 1.0, 1, None, None),
            ]
            metrics = metrics[: n % 4]
            for key, value, at, name, digest in metrics:
                point = Metric(key, value, at, 0, model.model_id, name, digest, run_id)
                self.tracking.log_metric(run_id, point)
            self.ours.logged_model(
                model.model_id,
                name=model.name,
                source_run_uuid=model.source_run_id or None,
                model_type=model.model_type or None,
                created_ms=model.creation_timestamp,
                updated_ms=model.last_updated_timestamp,
                params=params,
                tags=tags,
                metrics=metrics,
            )


@cache
def both() -> Both:
    return Both()


Outcome = list[str] | str  # what was found, or the message of the refusal


def of_mlflow(search: Callable[[], list[str]]) -> Outcome:
    from mlflow.exceptions import MlflowException

    try:
        return search()
    except MlflowException as error:
        return error.message
    except (ValueError, AttributeError, TypeError, IndexError) as error:  # MLflow answers 500 then
        return f"crash: {type(error).__name__}"


def of_ours(search: Callable[[], list[str]]) -> Outcome:
    try:
        return search()
    except InvalidParameter as error:
        return error.message


def runs(text: str = "", order_by: list[str] | None = None) -> tuple[Outcome, Outcome]:
    stores = both()
    return (
        of_mlflow(
            lambda: [r.info.run_id for r in stores.tracking.search_runs(["0", "1"], text, 1, 1000, order_by)]
        ),
        of_ours(
            lambda: stores.ours.column(
                search_runs(ENGINE, experiment_ids=[0, 1], filter=text, order_by=order_by or [], limit=1000),
                "uuid",
            )
        ),
    )


def experiments(text: str = "", order_by: list[str] | None = None) -> tuple[Outcome, Outcome]:
    stores = both()
    return (
        of_mlflow(lambda: [e.name for e in stores.tracking.search_experiments(1, 1000, text, order_by)]),
        of_ours(
            lambda: stores.ours.column(
                search_experiments(ENGINE, filter=text, order_by=order_by or [], limit=1000), "name"
            )
        ),
    )


def models(text: str = "", order_by: list[str] | None = None) -> tuple[Outcome, Outcome]:
    stores = both()
    return (
        of_mlflow(lambda: [m.name for m in stores.registry.search_registered_models(text, 100, order_by)]),
        of_ours(
            lambda: stores.ours.column(
                search_registered_models(ENGINE, filter=text, order_by=order_by or [], limit=100), "name"
            )
        ),
    )


def versions(text: str = "", order_by: list[str] | None = None) -> tuple[Outcome, Outcome]:
    stores = both()
    found = search_model_versions
    return (
        of_mlflow(
            lambda: [
                f"{v.name}/{v.version}" for v in stores.registry.search_model_versions(text, 100, order_by)
            ]
        ),
        of_ours(
            lambda: [
                f"{row['name']}/{row['version']}"
                for row in stores.ours.rows(found(ENGINE, filter=text, order_by=order_by or [], limit=100))
            ]
        ),
    )


def logged(
    text: str = "", order_by: list[dict[str, Any]] | None = None, datasets: list[dict[str, str]] | None = None
) -> tuple[Outcome, Outcome]:
    stores = both()
    orders = [ModelOrder(**order) for order in order_by or []]
    wanted = [DatasetFilter(d["dataset_name"], d.get("dataset_digest")) for d in datasets or []]
    return (
        of_mlflow(
            lambda: [
                m.model_id for m in stores.tracking.search_logged_models(["1"], text, datasets, 100, order_by)
            ]
        ),
        of_ours(
            lambda: stores.ours.column(
                search_logged_models(
                    ENGINE, experiment_ids=[1], filter=text, datasets=wanted, order_by=orders, limit=100
                ),
                "uuid",
            )
        ),
    )
