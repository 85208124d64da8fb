"""What parts take from the shell that `trackside up` was called in."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from trackside.stack import files, keys, report
from trackside.stack.jupyter import Jupyter
from trackside.stack.keys import Keys
from trackside.stack.parts import Part
from trackside.stack.settings import StackSettings
from trackside.stack.sockets import Inner
from trackside.stack.tracking import TrackingServer

PORTS = Inner(**dict.fromkeys(Inner.__struct_fields__, 1))


def environment_of(kind: type[Part], data_dir: Path, **options: str) -> dict[str, str]:
    settings = StackSettings(str(data_dir), **options)
    files.make_own(settings.places.stack)
    launch = kind(settings, Keys(), PORTS).launch()
    assert launch is not None
    return launch.whole_environment()


def test_libpqs_variables_hold_for_an_external_database_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", "/etc/lab.crt")
    url = "postgresql://me@db.lab/runs"
    assert "PGSSLROOTCERT" not in environment_of(TrackingServer, tmp_path)
    assert environment_of(TrackingServer, tmp_path, external_postgres=url)["PGSSLROOTCERT"] == "/etc/lab.crt"


def test_notebooks_find_the_stacks_server_and_nothing_of_anothers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = (
        "MLFLOW_REGISTRY_URI",
        "MLFLOW_S3_ENDPOINT_URL",
        "MLFLOW_RUN_ID",
        "MLFLOW_EXPERIMENT_ID",
        "MLFLOW_WORKSPACE",
    )
    for name in (*others, "MLFLOW_EXPERIMENT_NAME", "MLFLOW_TRACKING_AUTH"):
        monkeypatch.setenv(name, "another server's")
    given = environment_of(Jupyter, tmp_path)
    found = {name: value for name, value in given.items() if name.startswith("MLFLOW_")}
    assert found == {"MLFLOW_TRACKING_URI": "http://127.0.0.1:8000"}

    settings = StackSettings(str(tmp_path))
    files.write(settings.places.settings, msgspec.json.encode(settings))
    files.write(settings.places.ports, msgspec.json.encode(PORTS))
    keys.save(settings.places.secrets, Keys())
    told = report.environment(settings.places)
    assert {told[name] for name in others} == {""}
    assert told["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:8000"
