"""Exports that somebody has changed, or made by hand: their checksums are right, and what they say is not."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from releases import imported, trackside

from trackside.importers.layout import part_of
from trackside.importers.portable import PortableSource
from trackside.importers.source import SourceError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
Line = dict[str, Any]


@pytest.fixture(scope="module")
def whole(filled_mlruns: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    imported(filled_mlruns, "--data-dir", folder / "data")
    trackside("export", folder / "export", "--data-dir", folder / "data")
    return folder / "export"


@pytest.fixture
def export(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "export")


def changed(export: Path, name: str, change: Callable[[list[Line]], object]) -> None:
    """Change the lines of a file, with its checksum."""
    lines = [json.loads(line) for line in (export / name).read_text().splitlines()]
    change(lines)
    (export / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    manifest = json.loads((export / "export.json").read_text())
    part = part_of(export / name)
    manifest["files"][name] = {"size": part.size, "sha256": part.sha256}
    (export / "export.json").write_text(json.dumps(manifest))


def refused(export: Path) -> str:
    """What an import says before it writes anything."""
    with pytest.raises(SourceError) as error:
        asyncio.run(PortableSource(export).experiments())
    return error.value.message


def with_points(lines: list[Line]) -> Line:
    return next(line for line in lines if line.get("rows"))


def no_rows(lines: list[Line]) -> None:
    with_points(lines).update(rows=0)


def unknown_experiment(lines: list[Line]) -> None:
    lines[0]["run"]["experiment_id"] = "77"


def file_lost(lines: list[Line]) -> None:
    next(line for line in lines if line.get("files"))["files"].pop()


def state(**values: object) -> Callable[[list[Line]], None]:
    return lambda lines: lines[0]["run"].update(values)


def version(**values: object) -> Callable[[list[Line]], None]:
    return lambda lines: next(line for line in lines if line.get("versions"))["versions"][0].update(values)


RUNS, MODELS = "runs.jsonl", "registered_models.jsonl"


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (RUNS, list.pop, "export.json counts 8 runs, and there are 7"),
        (RUNS, lambda lines: lines.append(lines[0]), "is there twice"),
        (RUNS, no_rows, "its points begin at row"),
        (RUNS, lambda lines: with_points(lines[::-1]).update(rows=0), "points.parquet has"),
        (RUNS, unknown_experiment, "line 1: there is no experiment '77'"),
        (RUNS, file_lost, " files, and there are "),
        (RUNS, state(status="GONE"), "line 1: 'GONE' is no status"),
        (RUNS, state(lifecycle="hidden"), "line 1: 'hidden' is no lifecycle"),
        (RUNS, state(start_ms=2**63), "line 1: a number has more than 64 bits"),
        (RUNS, state(name=7), "line 1: Expected `str`, got `int`"),
        (MODELS, version(stage="Best"), "'Best' is no stage"),
        (MODELS, version(status="FINE"), "'FINE' is no status"),
        (MODELS, lambda lines: lines[0].update(last_version=2**63), "more than 64 bits"),
        ("experiments.jsonl", lambda lines: lines[0].update(location="mlflow-artifacts:/../x"), "is no place"),
    ],
)  # fmt: skip
def test_what_does_not_agree_is_refused(
    export: Path, name: str, change: Callable[[list[Line]], object], said: str
) -> None:
    changed(export, name, change)
    assert said in refused(export)


def test_bad_digits_of_a_models_metric(export: Path) -> None:
    metric = {"key": "loss", "step": 0, "time_ms": 0, "value": "xyz", "run_id": "r"}
    model = {"id": "m-1", "experiment_id": "0", "name": "net", "location": "", "metrics": [metric]}
    changed(export, "logged_models.jsonl", lambda lines: lines.append({"model": model}))
    assert "'xyz' is not the 16 digits of a float64" in refused(export)


def test_the_command_refuses_without_writing(export: Path, tmp_path: Path) -> None:
    changed(export, RUNS, state(start_ms=2**63))
    said = trackside("import", "folder", export, "--data-dir", tmp_path / "data", code=1)
    assert said.endswith("runs.jsonl, line 1: a number has more than 64 bits.\n")
    assert not (tmp_path / "data").exists()


def test_checksums_cannot_be_switched_off(export: Path) -> None:
    manifest = json.loads((export / "export.json").read_text())
    (export / "export.json").write_text(json.dumps({**manifest, "files": {}}))
    assert "it must have the SHA-256 of" in refused(export)


def test_links_are_not_followed_out_of_it(export: Path, tmp_path: Path) -> None:
    secret = tmp_path / "large.bin"
    [large] = export.rglob("large.bin")
    large.rename(secret)
    large.symlink_to(secret)
    report = json.loads(
        trackside("import", "folder", export, "--data-dir", tmp_path / "data", "--json", code=1)
    )
    assert any("leads out of the export" in line for line in report["wrong"])
    assert not list((tmp_path / "data" / "artifacts").rglob("large.bin"))
    (export / RUNS).rename(tmp_path / RUNS)
    (export / RUNS).symlink_to(tmp_path / RUNS)
    assert "is missing, or no file" in refused(export)


def test_places_elsewhere_are_kept_only_when_told(export: Path, tmp_path: Path) -> None:
    def places(data: Path, *options: str) -> tuple[dict[str, str], list[str], dict[str, Any]]:
        report = json.loads(trackside("import", "folder", export, *options, "--data-dir", data, "--json"))
        with closing(sqlite3.connect(data / "trackside.db")) as connection:
            runs = dict(connection.execute("SELECT uuid, artifact_uri FROM run"))
            others = [row[0] for row in connection.execute("SELECT artifact_location FROM experiment")]
            others += [
                each
                for row in connection.execute("SELECT source, storage_location FROM model_version")
                for each in row
            ]
        return runs, others, report

    taken: list[str] = []

    def lead_elsewhere(lines: list[Line]) -> None:
        without = [line["run"] for line in lines if not line.get("files")]
        without[0]["artifact_uri"] = "file:///etc"
        without[1]["artifact_uri"] = without[2]["artifact_uri"]  # another run's
        taken.extend(run["id"] for run in without[:2])

    changed(export, RUNS, lead_elsewhere)
    changed(export, "experiments.jsonl", lambda lines: lines[-1].update(location="file:///etc"))
    changed(export, MODELS, version(source="file:///etc/passwd", location=""))
    runs, others, report = places(tmp_path / "data")
    assert all(runs[each].endswith(f"/{each}/artifacts") for each in taken)
    assert not any("/etc" in each for each in [*runs.values(), *others])
    # Two versions name the folder of MLflow's that the first import did not find; the third has moved with its run.
    left = {each["what"]: each["number"] for each in report["left_out"]}
    assert left == {
        "references to files that are not in the export": 1,
        "sources of model versions": 2,
        "places of experiments": 1,
    }
    runs, others, report = places(tmp_path / "second", "--keep-references")
    assert runs[taken[0]] == "file:///etc"
    assert runs[taken[1]].endswith(f"/{taken[1]}/artifacts")  # in the store, never another's
    assert {"file:///etc", "file:///etc/passwd"} <= set(others)
    assert report["left_out"] == []
