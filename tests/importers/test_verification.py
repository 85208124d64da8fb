"""What is lost or changed between writing and reading back is found."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest

from trackside.config import ServerSettings
from trackside.importers.folder import FolderSource
from trackside.importers.places import Places
from trackside.importers.report import Report
from trackside.importers.session import Wanted, moved
from trackside.importers.verify import Verifier

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
        ("DELETE FROM model_version WHERE version = 1", "lacks versions"),
        ("UPDATE model_version SET description = 'x' WHERE version = 1", "'description' is not the source's"),
    ],
)
def test_it_is_found(mlruns: Path, tmp_path: Path, tampering: str, said: str) -> None:
    report = report_of(mlruns, tmp_path / "data", tampering)
    assert not report.is_good
    assert any(said in line for line in report.wrong), report.wrong
