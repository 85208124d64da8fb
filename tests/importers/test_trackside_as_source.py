"""Trackside speaks MLflow's protocol, so it is a source too: one with sign-in here."""

from __future__ import annotations

from pathlib import Path

import pytest
import servers
from releases import dump, fill, imported, trackside

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def test_a_server_with_sign_in_is_asked_with_mlflows_variables(tmp_path: Path) -> None:
    fill("3.17.2", tmp_path / "mlruns", "-", 20)
    first = imported(tmp_path / "mlruns", "--data-dir", tmp_path / "data")
    password = tmp_path / "password"
    password.write_text("a long password 1")
    with servers.trackside(tmp_path, "--auth", "--admin-password-file", str(password)) as source:
        said = trackside("import", "mlflow", source.url, "--data-dir", tmp_path / "second", code=1)
        assert "Set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME" in said
        assert not (tmp_path / "second").exists()
        who = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "a long password 1"}
        second = imported(source.url, "--data-dir", tmp_path / "second", **who)
    told = dict(first["found"])
    told["logged_models"] -= 1  # a deleted one, of which the protocol does not tell
    assert second["found"] == second["there"] == told
    assert "a long password" not in str(second)


def test_clients_read_files_where_they_were_left(mlruns: Path, tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    imported(mlruns, "--data-dir", first / "data")
    imported(mlruns, "--files", "reference", "--data-dir", third / "data")
    with servers.trackside(first) as keeps:
        imported(keeps.url, "--files", "reference", "--data-dir", second / "data")
        with servers.trackside(second) as refers, servers.trackside(third) as to_folder:
            seen = [
                dump("2.20.2", each.url, tmp_path / "seen.json")["runs"]
                for each in (keeps, refers, to_folder)
            ]
            uris = {run["uri"].partition(":/")[0] for run in seen[2].values()}
            there = keeps.url.replace("http", "mlflow-artifacts")
            assert all(run["uri"].startswith(f"{there}/") for run in seen[1].values())
    assert uris == {"file"}
    files = [{run_id: run["files"] for run_id, run in runs.items()} for runs in seen]
    assert files[0] == files[1] == files[2]
    assert any(files[0].values())
