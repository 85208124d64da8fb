"""What parts take from the shell that `trackside up` was called in."""

from __future__ import annotations

from pathlib import Path

import pytest

from trackside.stack import files, sockets
from trackside.stack.keys import Keys
from trackside.stack.parts import Part
from trackside.stack.settings import StackSettings
from trackside.stack.tracking import TrackingServer


def environment_of(kind: type[Part], data_dir: Path, **options: str) -> dict[str, str]:
    settings = StackSettings(str(data_dir), **options)
    files.make_own(settings.places.stack)
    launch = kind(settings, Keys(), sockets.inner_ports(settings.places.ports)).launch()
    assert launch is not None
    return launch.whole_environment()


def test_libpqs_variables_hold_for_an_external_database_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", "/etc/lab.crt")
    url = "postgresql://me@db.lab/runs"
    assert "PGSSLROOTCERT" not in environment_of(TrackingServer, tmp_path)
    assert environment_of(TrackingServer, tmp_path, external_postgres=url)["PGSSLROOTCERT"] == "/etc/lab.crt"
