"""Another store at the address of one that was imported before, on either side, is another one; so are its experiments."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from releases import command, imported

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def other(source: Path, folder: Path, prefix: str) -> Path:
    """A copy of a database whose experiments and runs are others: later, with other names and ids."""
    folder.mkdir()
    database = folder / "mlflow.db"
    shutil.copy(source / "mlflow.db", database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "UPDATE experiments SET name = ? || name, creation_time = creation_time + ?",
            (prefix, ord(prefix)),
        )
        tables = ("runs", "metrics", "latest_metrics", "params", "tags")
        for table in tables:
            connection.execute(f"UPDATE {table} SET run_uuid = ? || substr(run_uuid, 2)", (prefix,))
        for table in (
            "model_versions",
            "registered_models",
            "model_version_tags",
            "registered_model_aliases",
            "inputs",
        ):
            connection.execute(f"DELETE FROM {table}")
        connection.commit()
    return database


def experiments(data: Path) -> dict[str, set[str]]:
    """The first letters of runs' ids by the name of their experiment."""
    with closing(sqlite3.connect(data / "trackside.db")) as connection:
        rows = connection.execute(
            "SELECT experiment.name, substr(uuid, 1, 1) FROM run JOIN experiment ON experiment.id = experiment_id"
        )
        found: dict[str, set[str]] = {}
        for name, letter in rows:
            found.setdefault(name, set()).add(letter)
        return found


def apart(data: Path) -> bool:
    """Do runs of one source lie in experiments of its own?"""
    found = experiments(data)
    return bool(found) and all(
        letters == ({name[0]} if name[0] in "gh" else letters - {"g", "h"}) for name, letters in found.items()
    )


def test_the_same_relative_name_in_another_folder(source: Path, tmp_path: Path) -> None:
    for prefix in "gh":
        database = other(source, tmp_path / prefix, prefix)
        given = command("import", "mlflow", "sqlite:///mlflow.db", "--files", "none", "--json")
        done = subprocess.run(
            [*given, "--data-dir", tmp_path / "data"],
            cwd=database.parent,
            capture_output=True,
            text=True,
            check=True,
        )
        assert not any("before" in note for note in json.loads(done.stdout)["notes"])
    assert apart(tmp_path / "data")
    assert {name[0] for name in experiments(tmp_path / "data")} == {"g", "h"}


def test_another_store_at_the_same_address(source: Path, tmp_path: Path) -> None:
    place = tmp_path / "mlflow.db"
    for prefix in "gh":
        shutil.copy(other(source, tmp_path / prefix, prefix), place)
        imported(f"sqlite:///{place}", "--files", "none", "--data-dir", tmp_path / "data")
    assert apart(tmp_path / "data")


def test_a_target_that_was_made_anew(source: Path, tmp_path: Path) -> None:
    first, second = (other(source, tmp_path / prefix, prefix) for prefix in "gh")
    imported(f"sqlite:///{first}", "--files", "none", "--data-dir", tmp_path / "data")
    for path in (tmp_path / "data").glob("trackside.db*"):
        path.unlink()
    for each in (second, first):
        imported(f"sqlite:///{each}", "--files", "none", "--data-dir", tmp_path / "data")
    assert apart(tmp_path / "data")


def test_files_that_were_only_referenced_are_copied_after_all(source: Path, tmp_path: Path) -> None:
    given = [
        f"sqlite:///{source}/mlflow.db",
        "--files-from",
        source / "kept",
        "--data-dir",
        tmp_path / "data",
    ]
    server = ["--files-from", "http://127.0.0.1:9"]
    imported(given[0], *server, "--files", "reference", *given[3:])
    report = imported(*given)
    assert report["found"]["files"] == report["there"]["files"] > 0
    with closing(sqlite3.connect(tmp_path / "data/trackside.db")) as connection:
        assert {uri[:18] for (uri,) in connection.execute("SELECT artifact_uri FROM run")} == {
            "mlflow-artifacts:/"
        }
