"""Trackside speaks MLflow's protocol, so it is a source too: one with sign-in here."""

from __future__ import annotations

from pathlib import Path

import pytest
import servers
from releases import fill, imported, trackside

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
