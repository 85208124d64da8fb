"""The parts of moving that need no MLflow: points, places, plans."""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trackside.importers.batches import Counted, merged
from trackside.importers.engines import PAGE_ROWS, SqliteEngine
from trackside.importers.folder import FolderSource
from trackside.importers.http import RefusedError
from trackside.importers.layout import ModelLine, RunLine, StoredFile
from trackside.importers.places import Places
from trackside.importers.plan import Conflict, There, Uris, plan
from trackside.importers.records import (
    LARGEST,
    Experiment,
    LoggedModel,
    RegisteredModel,
    Run,
    Version,
    hexed,
    points_of,
    unhexed,
)
from trackside.importers.report import Report
from trackside.importers.rest import RestSource
from trackside.importers.sound import Check
from trackside.importers.source import SourceError
from trackside.importers.state import Done, State, fingerprint


def test_points_become_columns_and_the_largest_double_an_infinity() -> None:
    points = points_of([("b", 1, 10, math.nan), ("a", 2, 20, LARGEST), ("b", 3, 30, -LARGEST)])
    assert points.names == ["b", "a"]
    assert points.key.tolist() == [0, 1, 0]
    assert [str(value) for value in points.value.tolist()] == ["nan", "inf", "-inf"]


def test_pages_are_merged_by_name() -> None:
    one, two = points_of([("a", 1, 1, 1.0)]), points_of([("b", 2, 2, 2.0), ("a", 3, 3, 3.0)])
    both = merged([one, two])
    assert [both.names[key] for key in both.key] == ["a", "b", "a"]
    assert both.step.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([1.0, 1.0], 1),
        ([1.0, 2.0], 2),
        ([math.nan, math.nan], 1),
        ([math.nan, 0.0], 2),
        ([math.inf, LARGEST], 1),
        ([0.0, -0.0], 1),
    ],
)
def test_points_are_told_apart_as_the_store_does(values: list[float], count: int) -> None:
    points = points_of([("a", 1, 1, 0.0)] * len(values))._replace(value=np.array(values))
    assert Counted(repeats=True).new(points) == count


def test_a_point_in_two_batches_is_counted_once() -> None:
    counted = Counted(repeats=True)
    first = points_of([("loss", step, 5, 0.5) for step in range(100)])
    other = points_of([("acc", 0, 0, 1.0), *(("loss", step, 5, 0.5) for step in range(90, 110))])
    assert [counted.new(first), counted.new(other), counted.new(first)] == [100, 11, 0]


def test_half_read_a_database_lets_others_write(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db", timeout=0)) as writer:
        writer.execute("CREATE TABLE metrics (step)")
        writer.executemany("INSERT INTO metrics VALUES (?)", [(step,) for step in range(2 * PAGE_ROWS + 1)])
        writer.commit()
        engine = SqliteEngine(tmp_path / "mlflow.db")

        async def pages() -> list[int]:
            lengths = []
            async for page in engine.rows("SELECT step FROM metrics ORDER BY step"):
                writer.execute("INSERT INTO metrics VALUES (-1)")
                writer.commit()
                lengths.append(len(page))
            await engine.close()
            return lengths

        assert asyncio.run(pages()) == [PAGE_ROWS, PAGE_ROWS, 1]


def test_a_model_that_no_filter_can_name_is_asked_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    source, name = RestSource("http://127.0.0.1:9"), "a'b\"c"

    async def ask(path: str, /, **query: Any) -> Any:
        assert query["name"] == name
        if path.endswith("registered-models/get"):
            return {"registered_model": {"latest_versions": [{"version": "1"}, {"version": "3"}]}}
        if query["version"] == "2":
            raise RefusedError("http://127.0.0.1:9/get answered 404: it was deleted")
        return {"model_version": {"version": query["version"]}}

    async def versions() -> list[dict[str, Any]]:
        monkeypatch.setattr(source._http, "ask", ask)
        found = await source._versions(name)
        await source.close()
        return found

    assert asyncio.run(versions()) == [{"version": "1"}, {"version": "3"}]


@pytest.mark.parametrize("value", [0.0, -0.0, math.inf, -math.inf, 5e-324, 1 / 3, LARGEST])
def test_a_float_survives_as_digits(value: float) -> None:
    assert math.copysign(1, unhexed(hexed(value))) == math.copysign(1, value)
    assert unhexed(hexed(value)) == value
    assert math.isnan(unhexed(hexed(math.nan)))


def run(number: str, uri: str) -> Run:
    return Run(number, "1", uri)


def test_sources_of_versions_follow_their_files() -> None:
    uris = Uris("mlflow-artifacts:", "copy", keeps=False)
    uris.learn(run("r", "/data/1/r/artifacts"), "mlflow-artifacts:/1/r/artifacts")
    uris.learn(
        LoggedModel("m-1", "1", "net", "s3://b/models/m-1"), "mlflow-artifacts:/1/models/m-1/artifacts"
    )
    assert uris.moved("/data/1/r/artifacts/model") == "mlflow-artifacts:/1/r/artifacts/model"
    assert uris.moved("file:///data/1/r/artifacts/a%20b") == "mlflow-artifacts:/1/r/artifacts/a b"
    assert uris.moved("models:/m-1") == "mlflow-artifacts:/1/models/m-1/artifacts"
    assert uris.moved("s3://b/models/m-12") is None
    assert uris.moved("/data/1/r/artifacts-2/model") is None


def test_references_name_a_place_that_clients_reach() -> None:
    uris = Uris(
        "mlflow-artifacts:", "reference", keeps=False, server="https://ada:secret@m.lab", beside=Path("/srv")
    )
    assert uris.reference("mlflow-artifacts:/1/r") == "mlflow-artifacts://m.lab/1/r"
    assert uris.reference("./mlruns/1/r") == "file:///srv/mlruns/1/r"
    assert uris.reference("s3://b/1/r") == "s3://b/1/r"
    with pytest.raises(Conflict, match="--files-from"):
        Uris("mlflow-artifacts:", "reference", keeps=False).reference("mlflow-artifacts:/1/r")


def test_ids_that_are_no_numbers_or_taken_become_new_ones() -> None:
    there = [There(1, "mine", "active", "x"), There(2, "b", "active", "y")]
    experiments = [
        Experiment(number, name, "")
        for number, name in (("1", "a"), ("3", "b"), ("7", "c"), ("x", "d"), ("9" * 30, "e"))
    ]
    planned = plan(experiments, there)
    assert [each.id for each in planned] == [None, 2, 7, None, None]
    assert [each.is_new for each in planned] == [True, False, True, True, True]
    with pytest.raises(Conflict, match="is deleted"):
        plan([Experiment("1", "mine", "")], [There(1, "mine", "deleted", "x")])


def test_half_a_line_of_the_state_does_no_harm(tmp_path: Path) -> None:
    state = State(tmp_path, "source", "target")
    state.keep([Done("a", "1", {"points": 3})])
    [file] = tmp_path.rglob("*.jsonl")
    file.write_bytes(file.read_bytes() + b'{"id":"b","pr')
    again = State(tmp_path, "source", "target")
    assert set(again.done) == {"a"}
    again.keep([Done("c", "2")])
    assert set(State(tmp_path, "source", "target").done) == {"a", "c"}
    assert State(tmp_path, "other", "target").done == {}


def test_a_run_that_changed_has_another_print() -> None:
    one = run("r", "x")
    assert fingerprint(one, "copy") == fingerprint(run("r", "x"), "copy")
    assert fingerprint(one, "copy") != fingerprint(one, "none")
    one.tags = {"a": "b"}
    assert fingerprint(one, "copy") != fingerprint(run("r", "x"), "copy")


def test_a_report_says_what_differs_and_what_was_left_out() -> None:
    report = Report("mlflow.db", "data")
    report.found.update(runs=3, points=1_000_000)
    report.there.update(runs=2, points=1_000_000)
    report.wrong = [f"run {number} is not there" for number in range(30)]
    report.leave("traces", "Trackside does not have them", 2)
    report.leave("traces", "Trackside does not have them")
    report.leave("webhooks", "their secrets are encrypted", -1)
    text = report.text()
    assert "runs                             3               2  DIFFERS" in text
    assert "points                   1,000,000       1,000,000\n" in text
    assert "Left out: 3 traces: Trackside does not have them." in text
    assert "Left out: webhooks: their secrets are encrypted." in text
    assert "… and 10 more: see --json." in text
    assert "NOT the same." in text
    assert not report.fields()["ok"]


@pytest.mark.parametrize("number", ["１", "٣", "9" * 5000, "-1", "", "1\n"])  # noqa: RUF001 - digits of others
def test_only_ascii_digits_are_an_experiments_number(number: str) -> None:
    [planned] = plan([Experiment(number, "a", "")], [])
    assert planned.id is None
    assert len(planned.note) < 100


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (RegisteredModel("", last_version=0), "its name is empty"),
        (RegisteredModel("net", last_version=2**63 - 1), "cannot be the number of its last version"),
        (RegisteredModel("net", last_version=-1), "cannot be the number of its last version"),
        (RegisteredModel("net", last_version=1, versions=[Version(2)]), "cannot be the number of its last"),
        (RegisteredModel("net", last_version=2**31, versions=[Version(2**31)]), "is no number of a version"),
        (RegisteredModel("net", last_version=2, aliases={"best": 2}), "of version 2, which is not there"),
        (RegisteredModel("net", last_version=1, versions=[Version(1)], aliases={"Latest": 1}), "is reserved"),
        (RegisteredModel("net", last_version=1, versions=[Version(1)], aliases={"v1": 1}), "is reserved"),
        (Experiment("1", "", "mlflow-artifacts:/1"), "its name is empty"),
    ],
)
def test_models_and_names_that_cannot_be_are_refused(model: Any, said: str) -> None:
    assert any(said in fault for fault in Check().faults(model))


@pytest.mark.parametrize(
    ("paths", "size", "uri", "said"),
    [
        (["a", "a"], 1, "mlflow-artifacts:/1/r/artifacts", "file 'a' is there twice"),
        (["a"], -1, "mlflow-artifacts:/1/r/artifacts", "file 'a' has -1 bytes"),
        (["../../../experiments.jsonl"], 1, "mlflow-artifacts:/1/r/artifacts", "is no path of a file"),
        (["a"], 1, "file:///etc", "its place is elsewhere: 'file:///etc'"),
        (["a"], 1, "mlflow-artifacts://other/1/r", "its place is elsewhere"),
        (["c:/d.txt", "100% #1?.txt"], 1, "mlflow-artifacts:/1/r/artifacts", ""),
    ],
)
def test_files_that_cannot_be_are_refused(paths: list[str], size: int, uri: str, said: str) -> None:
    files = [StoredFile(path, size, "0" * 64) for path in paths]
    model = LoggedModel("m-1", "1", "net", uri)
    for line in (RunLine(Run("r", "1", uri), files=files), ModelLine(model, files)):
        check = Check()
        assert not list(check.faults(Experiment("1", "a", "")))
        faults = list(check.faults(line))
        assert any(said in fault for fault in faults) if said else not faults


BOMB = "a: &a [x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("abcdefghi")
)


def mlruns_of(folder: Path, **fields: str) -> Path:
    """A folder with one experiment and two runs, of which the first has these fields too."""
    for name, text in {
        "0": "name: Default\n",
        "0/bad": "".join(f"{key}: {value}\n" for key, value in fields.items()),
        "0/good": "status: 3\nstart_time: 5\n",
    }.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "meta.yaml").write_text(text)
    return folder


async def runs_of(source: FolderSource) -> tuple[list[str], Report]:
    report = Report("mlruns", "data")
    [experiment] = await source.experiments()
    found = [run.id async for page in source.runs(experiment) for run in page]
    models = [model.name async for model in source.registered_models()]
    report.left_out += await source.left_out()
    return [*found, *models], report


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("start_time", "soon", "'start_time' is not a whole number of 64 bits"),
        ("start_time", "9" * 23, "'start_time' is not a whole number of 64 bits"),
        ("end_time", "9" * 5000, "is no YAML"),
        ("status", "BOGUS", "'status' is not one of RUNNING"),
        ("status", "17", "'status' is not one of RUNNING"),
        ("lifecycle_stage", "zombie", "'lifecycle_stage' is not one of active, deleted"),
        ("run_name", "[a, b]", "'run_name' is not a text"),
        ("run_name", f"*i\n{BOMB}", "has aliases (*)"),
        ("user_id", f"x\n{BOMB}run_name: *i", "has aliases (*)"),
    ],
)
def test_a_damaged_run_of_a_folder_is_named_and_left_out(
    tmp_path: Path, field: str, value: str, said: str
) -> None:
    source = FolderSource(mlruns_of(tmp_path / "mlruns", **{field: value}), Places())
    found, report = asyncio.run(runs_of(source))
    assert found == ["good"]
    [line] = report.fields()["wrong"]
    assert line.startswith(f"a run was left out: {tmp_path / 'mlruns' / '0' / 'bad' / 'meta.yaml'}")
    assert said in line
    assert f"WRONG: {line}." in report.text()
    assert not report.is_good
    assert report.fields()["left_out"] == []


def test_a_param_whose_name_is_no_text_is_named(tmp_path: Path) -> None:
    root = mlruns_of(tmp_path / "mlruns")
    (root / "0" / "bad" / "meta.yaml").write_text("status: 3\n")
    (root / "0" / "bad" / "params").mkdir()
    (root / "0" / "bad" / "params" / os.fsdecode(b"caf\xe9")).write_text("1")
    found, report = asyncio.run(runs_of(FolderSource(root, Places())))
    assert found == ["good"]
    assert r"caf\udce9 cannot be read: its name is not UTF-8" in report.text()


@pytest.mark.parametrize("version", ["3000000000", "-1", "0", "best"])
def test_a_version_that_cannot_be_is_named(tmp_path: Path, version: str) -> None:
    root = mlruns_of(tmp_path / "mlruns", status="3")
    folder = root / "models" / "net" / "version-1"
    folder.mkdir(parents=True)
    (folder.parent / "meta.yaml").write_text("name: net\n")
    (folder / "meta.yaml").write_text(f"version: {version}\n")
    found, report = asyncio.run(runs_of(FolderSource(root, Places())))
    assert found == ["bad", "good"]
    assert "a registered model was left out: " in report.text()


@pytest.mark.parametrize("line", [f"{'9' * 20} 1 0", f"5 1 {'9' * 20}"])
def test_a_point_of_more_than_64_bits_is_named(tmp_path: Path, line: str) -> None:
    root = mlruns_of(tmp_path / "mlruns", status="3")
    (root / "0" / "good" / "metrics").mkdir()
    (root / "0" / "good" / "metrics" / "loss").write_text(f"{line}\n")
    source = FolderSource(root, Places())

    async def points() -> None:
        [experiment] = await source.experiments()
        async for page in source.runs(experiment):
            for each in page:
                async for _ in source.points(each):
                    pass

    with pytest.raises(SourceError, match=r"line 1: .* is no metric point"):
        asyncio.run(points())
