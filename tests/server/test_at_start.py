"""The data folder's mode, and what a server with sign-in warns of at its start."""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
from pathlib import Path

import httpx
import pytest
from access_server import API
from live_server import running

from trackside.config import ServerSettings
from trackside.core import at_start
from trackside.core.app import App


@pytest.fixture
def no_umask():
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def open_place():
    """A folder that every user of the machine can pass through."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def closed_app(data_dir):
    asyncio.run(App.open(ServerSettings(data_dir=data_dir)).close())


def told(data_dir, caplog):
    """What a server with sign-in says at its start."""
    caplog.clear()
    with running(ServerSettings(data_dir=data_dir, port=0, auth=True)):
        return [record.getMessage() for record in caplog.records if record.name == "trackside.server"]


def test_a_new_data_folder_is_its_owners_alone(tmp_path, no_umask):
    data = tmp_path / "new" / "data"
    closed_app(data)
    assert (mode(data), mode(data / "artifacts")) == (0o700, 0o700)
    assert mode(data.parent) == 0o777, "as any other folder"


def test_a_data_folder_that_was_there_keeps_its_mode(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o755)
    closed_app(data)
    assert (mode(data), mode(data / "artifacts")) == (0o755, 0o700)


def test_files_that_others_can_reach_are_warned_of(open_place, caplog):
    data = open_place / "data"
    (data / "artifacts").mkdir(parents=True)
    for folder in (data, data / "artifacts"):
        folder.chmod(0o755)
    [line] = told(data, caplog)
    assert line.startswith(f"Other users of this machine can reach the files in {data}/artifacts")
    assert line.endswith(f"chmod o= {data}")
    data.chmod(0o750)
    assert told(data, caplog) == []
    data.chmod(0o755)
    open_place.chmod(0o700)
    assert told(data, caplog) == [], "nobody gets as far as the data folder"


def experiments(data_dir, *places):
    numbers = []
    with running(ServerSettings(data_dir=data_dir, port=0)) as (url, _), httpx.Client(base_url=url) as client:
        for place in places:
            body = {"name": f"e{len(numbers)}", "artifact_location": place}
            made = client.post(f"{API}/experiments/create", json=body)
            numbers.append(int(made.json()["experiment_id"]))
    return numbers


def test_overlapping_locations_are_named_in_one_line(tmp_path, caplog):
    """Made without sign-in, where nobody is refused."""
    places = ("", "team", "team/x", "team-x", "team/x/y", "z", "z")
    uris = [f"mlflow-artifacts:/{place}" if place else "" for place in places]
    numbers = experiments(tmp_path / "data", *uris, "s3://bucket/a", "s3://bucket/a/b")
    _, team, below, _, deep, z, same, _, _ = numbers
    [line] = told(tmp_path / "data", caplog)
    assert line.startswith(
        f"The artifact locations of experiments overlap: {team} and {below} (mlflow-artifacts:/team/x),"
        f" {below} and {deep} (mlflow-artifacts:/team/x/y), {z} and {same} (mlflow-artifacts:/z). "
    )


def test_many_overlaps_are_counted(tmp_path, caplog):
    experiments(tmp_path / "data", *["mlflow-artifacts:/one"] * (at_start.NAMED + 3))
    [line] = told(tmp_path / "data", caplog)
    assert line.count("(mlflow-artifacts:/one)") == at_start.NAMED
    assert " and 2 more. " in line


def test_locations_that_do_not_overlap_are_not_warned_of(tmp_path, caplog):
    experiments(tmp_path / "data", "", "mlflow-artifacts:/a", "mlflow-artifacts:/ab")
    assert told(tmp_path / "data", caplog) == []
