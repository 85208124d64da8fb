"""More points than one page, one answer or one row group holds; artifacts in a bucket."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import obstore
import pyarrow.parquet as pq
import pytest
import servers
from obstore.store import S3Store
from releases import assert_same, imported, trackside
from weed import Weed

from trackside.importers.layout import GROUP_ROWS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
POINTS = 450_000
NOW = 1_750_000_000_000


def test_a_long_metric_from_a_database_a_server_and_an_export(source: Path, tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    shutil.copy(source / "mlflow.db", database)
    with closing(sqlite3.connect(database)) as connection:
        runs = [
            row[0] for row in connection.execute("SELECT run_uuid FROM runs WHERE name IN ('run 7', 'run 8')")
        ]
        for run_id, key, count in (
            (runs[0], "long", POINTS),
            (runs[0], "both", 20_000),
            (runs[1], "both", 20_000),
        ):
            rows = ((key, n * 0.5, NOW + n, run_id, n // 2, 0) for n in range(count))
            connection.executemany(
                "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
            last = (key, (count - 1) * 0.5, NOW + count - 1, (count - 1) // 2, 0, run_id)
            connection.execute(
                "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, ?, ?, ?, ?)",
                last,
            )
        connection.commit()
    first = imported(f"sqlite:///{database}", "--files", "none", "--data-dir", tmp_path / "data")
    assert first["found"]["points"] == first["there"]["points"] > POINTS + 40_000
    with servers.trackside(tmp_path) as running:
        second = imported(running.url, "--files", "none", "--data-dir", tmp_path / "second")
    assert second["found"]["points"] == first["found"]["points"]
    for name in ("data", "second"):
        trackside("export", tmp_path / f"{name} exported", "--data-dir", tmp_path / name)
    one, other = (tmp_path / f"{name} exported" / "points.parquet" for name in ("data", "second"))
    assert one.read_bytes() == other.read_bytes()
    with pq.ParquetFile(one) as table:
        assert table.num_row_groups == -(-first["found"]["points"] // GROUP_ROWS) > 1
    trackside("import", "folder", tmp_path / "data exported", "--data-dir", tmp_path / "third")
    trackside("export", tmp_path / "third exported", "--data-dir", tmp_path / "third")
    assert_same(tmp_path / "data exported", tmp_path / "third exported")


def test_artifacts_are_read_from_a_bucket(source: Path, weed: Weed, tmp_path: Path) -> None:
    environment = {**weed.environment, "AWS_ENDPOINT_URL": weed.endpoint}
    store = S3Store(
        "moved",
        endpoint=weed.endpoint,
        access_key_id=environment["AWS_ACCESS_KEY_ID"],
        secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region="us-east-1",
        client_options={"allow_http": True},
    )
    kept = [path for path in (source / "kept").rglob("*") if path.is_file()]
    for path in kept:
        obstore.put(store, f"kept/{path.relative_to(source / 'kept').as_posix()}", path.read_bytes())
    given = [
        f"sqlite:///{source}/mlflow.db",
        "--files-from",
        "s3://moved/kept",
        "--data-dir",
        tmp_path / "data",
    ]
    report = imported(*given, **environment)
    assert report["found"] == report["there"]
    assert report["found"]["files"] == len(kept)
    copied = tmp_path / "data" / "artifacts"
    assert [(copied / path.relative_to(source / "kept")).read_bytes() for path in kept] == [
        path.read_bytes() for path in kept
    ]
    wrong = {**environment, "AWS_SECRET_ACCESS_KEY": "wrong"}
    said = trackside("import", "mlflow", *given[:-1], tmp_path / "other", code=1, **wrong)
    assert said.startswith("s3://moved/kept/")
    assert len(said) < 500
