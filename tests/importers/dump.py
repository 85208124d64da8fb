"""Writes all that an unmodified client of MLflow sees, as JSON: run by an MLflow release's own Python.

    python dump.py TRACKING_URI REGISTRY_URI OUT

Floats are written by their bits. Infinities are written as the largest doubles: MLflow's databases and Trackside
answer these, its folders do not.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType

PROMPT = "tags.`mlflow.prompt.is_prompt` = 'true'"  # prompts are models, shown to who asks for them
LARGEST = 1.7976931348623157e308
MAJOR = int(mlflow.__version__.partition(".")[0])


def number(value: float) -> str:
    if math.isnan(value):
        return "nan"
    return (math.copysign(LARGEST, value) if math.isinf(value) else value).hex()


def paged(ask: Any, **given: Any) -> list[Any]:
    found, token = [], None
    while True:
        page = ask(page_token=token, **given)
        found += page
        token = page.token
        if not token:
            return found


class Dump:
    """One server, database or folder."""

    def __init__(self, uri: str, registry: str) -> None:
        mlflow.set_tracking_uri(uri)
        self.client = MlflowClient(uri, registry)

    def all(self) -> dict[str, Any]:
        experiments = paged(self.client.search_experiments, view_type=ViewType.ALL)
        ids = [each.experiment_id for each in experiments]
        runs = paged(
            self.client.search_runs, experiment_ids=ids, run_view_type=ViewType.ALL, max_results=1000
        )
        with ThreadPoolExecutor(8) as threads:
            told = list(threads.map(self.run, runs))
        return {
            "experiments": {each.experiment_id: self.experiment(each) for each in experiments},
            "runs": {run.info.run_id: each for run, each in zip(runs, told, strict=True)},
            "logged_models": self.logged_models(ids) if MAJOR > 2 else {},
            "models": {
                each.name: self.model(each, filter_string)
                for filter_string in ("", PROMPT)
                for each in paged(self.client.search_registered_models, filter_string=filter_string)
            },
        }

    def experiment(self, each: Any) -> dict[str, Any]:
        return {
            "name": each.name,
            "lifecycle": each.lifecycle_stage,
            "tags": dict(each.tags),
            "created": each.creation_time,
            "updated": each.last_update_time,
            "location": each.artifact_location,
        }

    def run(self, searched: Any) -> dict[str, Any]:
        run_id = searched.info.run_id
        run = (
            self.client.get_run(run_id) if MAJOR > 2 else searched
        )  # a search tells no models that were read
        info = run.info
        return {
            "info": [info.experiment_id, info.run_name, info.user_id, info.status, info.lifecycle_stage],
            "times": [info.start_time, info.end_time],
            "uri": info.artifact_uri,
            "params": dict(run.data.params),
            "tags": dict(run.data.tags),
            "latest": {key: number(value) for key, value in run.data.metrics.items()},
            "metrics": {key: self.history(run_id, key) for key in run.data.metrics},
            "datasets": sorted((dataset(used) for used in run.inputs.dataset_inputs), key=repr),
            "models_read": [used.model_id for used in getattr(run.inputs, "model_inputs", None) or []],
            "models_written": [
                [used.model_id, used.step]
                for used in getattr(getattr(run, "outputs", None), "model_outputs", None) or []
            ],
            # Only every tenth run has some, and the awkward one.
            "files": {}
            if info.run_name.startswith("run ") and info.run_name[-1] != "0"
            else self.files(run_id),
        }

    def history(self, run_id: str, key: str) -> list[Any]:
        return [(p.timestamp, p.step, number(p.value)) for p in self.client.get_metric_history(run_id, key)]

    def files(self, run_id: str) -> dict[str, Any]:
        if not self.client.list_artifacts(run_id):
            return {}
        with tempfile.TemporaryDirectory() as folder:
            return content(Path(self.client.download_artifacts(run_id, "", folder)))

    def logged_models(self, ids: list[str]) -> dict[str, Any]:
        found = {}
        for each in paged(self.client.search_logged_models, experiment_ids=ids):
            model = self.client.get_logged_model(each.model_id)
            found[model.model_id] = {
                "fields": [
                    *(
                        model.experiment_id,
                        model.name,
                        str(model.status),
                        model.model_type or None,
                        model.source_run_id,
                    ),
                    *(model.creation_timestamp, model.last_updated_timestamp, model.tags, model.params),
                ],
                "uri": model.artifact_location,
                "metrics": sorted(
                    [m.key, m.step, m.timestamp, number(m.value), m.run_id, m.dataset_name, m.dataset_digest]
                    for m in model.metrics or []
                ),
                "files": self.files_of_model(model.model_id),
            }
        return found

    def files_of_model(self, model_id: str) -> dict[str, Any]:
        from mlflow.artifacts import download_artifacts

        if not self.client.list_logged_model_artifacts(model_id):
            return {}
        with tempfile.TemporaryDirectory() as folder:
            return content(Path(download_artifacts(f"models:/{model_id}", dst_path=folder)))

    def model(self, each: Any, also: str) -> dict[str, Any]:
        versions = paged(
            self.client.search_model_versions, filter_string=f"name='{each.name}'{also and ' AND ' + also}"
        )
        if not also:  # a client gets no version of a prompt but by searching
            versions = [self.client.get_model_version(each.name, version.version) for version in versions]
        return {
            "fields": [each.description or "", dict(each.tags), {a: str(v) for a, v in each.aliases.items()}],
            "times": [each.creation_timestamp, each.last_updated_timestamp],
            "latest": sorted(
                [version.current_stage, str(version.version)] for version in each.latest_versions
            ),
            "versions": {str(version.version): self.version(version) for version in versions},
        }

    def version(self, each: Any) -> dict[str, Any]:
        return {
            "fields": [
                *(
                    each.current_stage,
                    each.status,
                    each.description or "",
                    each.run_id or None,
                    each.run_link or None,
                ),
                *(
                    each.user_id or None,
                    dict(each.tags),
                    list(each.aliases),
                    getattr(each, "model_id", None) or None,
                ),
            ],
            "times": [each.creation_timestamp, each.last_updated_timestamp],
            "uri": [each.source, *self.place(each)],
        }

    def place(self, version: Any) -> list[str]:
        if "mlflow.prompt.is_prompt" in version.tags:
            return []
        return [self.client.get_model_version_download_uri(version.name, version.version)]


def dataset(used: Any) -> list[Any]:
    return [
        {key: value or None for key, value in dict(used.dataset).items()},
        {tag.key: tag.value for tag in used.tags},
    ]


def content(folder: Path) -> dict[str, Any]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


if __name__ == "__main__":
    uri, registry, out = sys.argv[1:]
    Path(out).write_text(json.dumps(Dump(uri, registry).all(), sort_keys=True))
