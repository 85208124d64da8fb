"""What is lost or changed between writing and reading back is found."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest

from trackside.config import ServerSettings
from trackside.importers.database import DatabaseSource
from trackside.importers.folder import FolderSource
from trackside.importers.places import Places
from trackside.importers.records import Points, Run
from trackside.importers.report import Report
from trackside.importers.session import Wanted, moved
from trackside.importers.verify import Verifier
from trackside.importers.writer import Writer, Written

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def report_of(mlruns: Path, data: Path, tampering: str) -> Report:
    """Of an import, behind whose back a statement is run before it reads back."""
    verify = Verifier.run

    async def tampered(self: Verifier) -> None:
        with closing(sqlite3.connect(data / "trackside.db")) as connection:
            assert connection.execute(tampering).rowcount > 0
            connection.commit()
        await verify(self)

    with patch.object(Verifier, "run", tampered):
        source = FolderSource(mlruns, Places())
        return asyncio.run(moved(ServerSettings(data_dir=data), source, Wanted()))


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("DELETE FROM param WHERE run_id = (SELECT min(run_id) FROM param)", "params, the source"),
        ("UPDATE param SET value = 'x' WHERE run_id = (SELECT min(run_id) FROM param)", "has other params"),
        ("UPDATE run SET status = 'KILLED' WHERE id = 2", "has other params, tags, name, state"),
        ("DELETE FROM chunk WHERE rowid = (SELECT min(rowid) FROM chunk)", "points, the source"),
        ("UPDATE artifact SET sha256 = zeroblob(32)", "large.bin"),
        ("UPDATE model_version_tag SET value = 'x'", "its tags are not"),
        ("DELETE FROM model_version WHERE version = 1", "lacks versions"),
        ("UPDATE model_version SET description = 'x' WHERE version = 1", "'description' is not the source's"),
    ],
)
def test_it_is_found(mlruns: Path, tmp_path: Path, tampering: str, said: str) -> None:
    report = report_of(mlruns, tmp_path / "data", tampering)
    assert not report.is_good
    assert any(said in line for line in report.wrong), report.wrong


def test_a_point_of_another_value_is_found(mlruns: Path, tmp_path: Path) -> None:
    write = Writer.points

    async def tampered(self: Writer, run: Run, written: Written, points: Points) -> None:
        value = points.value.copy()
        value[-1] += 1
        await write(self, run, written, points._replace(value=value))

    with patch.object(Writer, "points", tampered):
        report = asyncio.run(
            moved(ServerSettings(data_dir=tmp_path / "data"), FolderSource(mlruns, Places()), Wanted())
        )
    assert any("has other points than the source" in line for line in report.wrong)


def test_bytes_of_a_file_that_have_changed_are_found(mlruns: Path, tmp_path: Path) -> None:
    verify = Verifier.run

    async def tampered(self: Verifier) -> None:
        [large] = (tmp_path / "data").rglob("large.bin")
        large.write_bytes(large.read_bytes()[:-1] + b"?")
        await verify(self)

    with patch.object(Verifier, "run", tampered):
        report = asyncio.run(
            moved(ServerSettings(data_dir=tmp_path / "data"), FolderSource(mlruns, Places()), Wanted())
        )
    assert any("'large.bin' of" in line for line in report.wrong)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE logged_model_param SET value = 'x'",
        "UPDATE logged_model_metric SET value = 7",
        "UPDATE logged_model SET status = 'FAILED' WHERE status = 'READY'",
    ],
)
def test_a_logged_model_that_has_changed_is_found(source: Path, tmp_path: Path, tampering: str) -> None:
    verify, data = Verifier.run, tmp_path / "data"

    async def tampered(self: Verifier) -> None:
        with closing(sqlite3.connect(data / "trackside.db")) as connection:
            assert connection.execute(tampering).rowcount > 0
            connection.commit()
        await verify(self)

    async def report() -> Report:
        database = await DatabaseSource.open(f"sqlite:///{source}/mlflow.db", Places())
        return await moved(ServerSettings(data_dir=data), database, Wanted("none"))

    with patch.object(Verifier, "run", tampered):
        found = asyncio.run(report())
    assert any(line.startswith("m-") and "has other params" in line for line in found.wrong)
