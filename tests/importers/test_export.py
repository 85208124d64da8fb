"""Exports: bit for bit the same after an import, on every kind of store; damage is named."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from releases import assert_same, fill, imported, trackside
from weed import Weed

from postgres_server import server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
RUNS = 40


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that was imported from an mlruns folder, whose infinities are true ones."""
    folder = tmp_path_factory.mktemp("store")
    fill("3.17.2", folder / "mlruns", "-", RUNS)
    imported(folder / "mlruns", "--data-dir", folder / "data")
    return folder / "data"


@pytest.fixture(scope="module")
def exported(store: Path) -> Path:
    said = trackside("export", store.parent / "export", "--data-dir", store)
    assert f"{RUNS} runs" in said
    return store.parent / "export"


def report_of(folder: Path, *options: object, code: int = 0, **more: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        trackside("import", "folder", folder, "--json", *options, code=code, **more)
    )
    return found


def test_an_export_that_was_imported_gives_the_same_export(exported: Path, tmp_path: Path) -> None:
    report = report_of(exported, "--data-dir", tmp_path / "data")
    assert report["found"] == report["there"]
    trackside("export", tmp_path / "again", "--data-dir", tmp_path / "data")
    assert_same(exported, tmp_path / "again")
    assert report_of(exported, "--data-dir", tmp_path / "data")["skipped"] == RUNS + 3


def test_through_postgresql_and_s3(exported: Path, weed: Weed, tmp_path: Path) -> None:
    with server("15") as postgres, postgres.database() as url:
        place = ["--data-dir", tmp_path / "data", "--store", url, "--artifacts", "s3://moved/lab"]
        place += ["--s3-endpoint", weed.endpoint]
        report = report_of(exported, *place, **weed.environment)
        assert report["found"] == report["there"]
        trackside("export", tmp_path / "again", *place, **weed.environment)
    assert_same(exported, tmp_path / "again")


def test_points_are_written_bit_for_bit(exported: Path) -> None:
    table = pq.read_table(exported / "points.parquet").to_pylist()
    special = {row["step"]: row["value"] for row in table if row["key"] == "special"}
    wanted = [float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 5e-324, float("inf"), 1 / 3]
    assert [struct.pack("<d", special[step]) for step in range(8)] == [
        struct.pack("<d", value) for value in wanted
    ]


def test_one_experiment(store: Path, tmp_path: Path) -> None:
    trackside("export", tmp_path / "one", "--data-dir", store, "--experiment", "vision / 数据")
    report = report_of(tmp_path / "one", "--data-dir", tmp_path / "data")
    assert report["found"] == report["there"]
    assert report["found"]["experiments"] == 1  # type: ignore[index]
    said = trackside("export", tmp_path / "two", "--data-dir", store, "--experiment", "no", code=1)
    assert "There is no experiment 'no'." in said
    assert not (tmp_path / "two").exists()


def test_into_a_store_that_has_other_experiments(exported: Path, tmp_path: Path) -> None:
    fill("2.20.2", f"sqlite:///{tmp_path}/mlflow.db", f"proxied:{tmp_path}/kept", 5)
    imported(
        f"sqlite:///{tmp_path}/mlflow.db", "--files-from", tmp_path / "kept", "--data-dir", tmp_path / "data"
    )
    report = report_of(exported, "--data-dir", tmp_path / "data", code=1)  # both have version 1 of a model
    assert report["found"]["files"] == report["there"]["files"]  # type: ignore[index]
    assert all("another version" in line for line in report["wrong"])  # type: ignore[attr-defined]


def test_it_never_replaces_a_folder(exported: Path, store: Path, tmp_path: Path) -> None:
    assert "is there already" in trackside("export", exported, "--data-dir", store, code=1)
    assert "There is no store" in trackside("export", tmp_path / "e", "--data-dir", tmp_path / "none", code=1)
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize("name", ["points.parquet", "runs.jsonl", "export.json"])
def test_damage_is_found_before_anything_is_written(exported: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    said = trackside("import", "folder", copy, "--data-dir", tmp_path / "data", code=1)
    assert "is damaged" in said or "no export" in said
    assert not (tmp_path / "data").exists()


def test_a_damaged_file_is_named_and_not_kept(exported: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    [large] = copy.rglob("large.bin")
    large.write_bytes(large.read_bytes()[:-1] + b"?")
    report = report_of(copy, "--data-dir", tmp_path / "data", code=1)
    assert any("large.bin is damaged" in line for line in report["wrong"])  # type: ignore[attr-defined]
    assert not list((tmp_path / "data" / "artifacts").rglob("large.bin"))
    assert "has no export.json" in trackside(
        "import", "folder", tmp_path, "--data-dir", tmp_path / "data", code=1
    )
