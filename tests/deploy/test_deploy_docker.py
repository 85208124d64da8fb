"""The lab of compose.yaml in containers: what a newcomer does, and what must last. Takes an engine that runs Linux
containers, minutes, and gigabytes for the images; so only when it is asked for:

    TRACKSIDE_TEST_DOCKER=1 .venv/bin/python -m pytest tests/deploy/test_deploy_docker.py

Its project, images and ports are others than those of a lab that runs here; all but the images is gone afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import obstore
import pytest
from compose_files import DEPLOY, built, compose, load, read_env
from obstore.store import S3Store
from test_deploy_run import STORY

pytestmark = pytest.mark.skipif(
    not os.environ.get("TRACKSIDE_TEST_DOCKER"), reason="builds images: TRACKSIDE_TEST_DOCKER=1 asks for it"
)
PORTS = {"server": 8000, "jupyter": 8888, "s3": 9000, "s3-admin": 9001}


@dataclass
class Lab:
    """A project of Compose; its secrets stand in `env`."""

    env: Path
    more: Path

    def compose(self, *words: str) -> str:
        """What it prints. Raises when it fails; what it says meanwhile is the test's output."""
        files = ["--file", str(DEPLOY / "compose.yaml"), "--file", str(self.more)]
        project = ["--project-name", "trackside-test", "--env-file", str(self.env)]
        command = [*compose(), *project, *files, *words]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout

    def up(self) -> None:
        self.compose("up", "--detach", "--wait", "--wait-timeout", "300", *PORTS)

    def address(self, service: str) -> str:
        """Where it is published: another port each time it starts."""
        return f"http://{self.compose('port', service, str(PORTS[service])).strip()}"

    def inspect(self, service: str) -> dict[str, Any]:
        container = self.compose("ps", "--all", "--quiet", service).strip()
        command = [*compose()[:1], "inspect", container]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[0]

    def crash(self, service: str) -> None:
        """Kill its first process from outside, and wait until it is healthy again: `docker kill` would keep it away."""
        before = self.inspect(service)
        image = load()["services"]["postgres"]["image"]  # any that has a shell
        command = [*compose()[:1], "run", "--rm", "--pid=host", "--user=0", "--entrypoint=sh", image, "-c"]
        subprocess.run([*command, f"kill -9 {before['State']['Pid']}"], check=True)
        until = time.monotonic() + 180
        while (now := self.inspect(service))["RestartCount"] == before["RestartCount"] or (
            now["State"]["Health"]["Status"] != "healthy"
        ):
            assert time.monotonic() < until, now["State"]
            time.sleep(1)

    def runs(self) -> set[str]:
        """The runs that the server has, as admin."""
        auth = ("admin", read_env(self.env)["TRACKSIDE_ADMIN_PASSWORD"])
        url = f"{self.address('server')}/api/2.0/mlflow/runs/search"
        answer = httpx.post(url, json={"experiment_ids": ["0", "1"]}, auth=auth).raise_for_status()
        return {run["info"]["run_id"] for run in answer.json().get("runs", [])}

    def note(self, run_id: str) -> bytes:
        """The file of that run, read from the bucket."""
        bucket = S3Store(
            "trackside-artifacts", endpoint=self.address("s3"), region="us-east-1", access_key_id="trackside",
            secret_access_key=read_env(self.env)["S3_SECRET_KEY"], client_options={"allow_http": True},
        )  # fmt: skip
        (path,) = [each["path"] for page in obstore.list(bucket) for each in page if run_id in each["path"]]
        return bytes(obstore.get(bucket, path).bytes())


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("docker")
    made = Lab(folder / ".env", folder / "more.yaml")
    subprocess.run([DEPLOY / "make-env", made.env], check=True)
    services = load()["services"]
    lines = ["services:"]
    for name, service in services.items():
        lines.append(f"  {name}:")
        lines.append(f"    image: {service['image']}{'-test' if service['image'] in built() else ''}")
        if name in PORTS:
            lines.append(f'    ports: !override ["127.0.0.1::{PORTS[name]}"]')
    made.more.write_text("\n".join(lines))
    try:
        made.compose("build")
        made.up()
        yield made
    finally:
        made.compose("down", "--volumes")


@pytest.fixture(scope="module")
def run_id(lab: Lab) -> str:
    env = read_env(lab.env)
    told = subprocess.run(
        [sys.executable, "-c", STORY], capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"], "HOME": str(lab.env.parent), "MLFLOW_TRACKING_URI": lab.address("server"),
             "MLFLOW_TRACKING_USERNAME": "notebook", "MLFLOW_TRACKING_PASSWORD": env["NOTEBOOK_PASSWORD"]},
    )  # fmt: skip
    return told.stdout.split()[-1]


def test_a_run_from_outside_is_recorded_and_its_file_is_in_the_bucket(lab: Lab, run_id: str) -> None:
    assert run_id in lab.runs()
    assert lab.note(run_id) == b"from a notebook"


def test_secrets_of_files_are_not_in_the_servers_variables(lab: Lab) -> None:
    given = lab.inspect("server")["Config"]["Env"]
    assert read_env(lab.env)["TRACKSIDE_ADMIN_PASSWORD"] not in str(given)


@pytest.mark.parametrize("service", ["server", "jupyter", "food11"])
def test_ours_run_as_nobody_in_particular_and_may_write_their_volumes(service: str, lab: Lab) -> None:
    (target,) = [mount.split(":")[1] for mount in load()["services"][service]["volumes"]][:1]
    words = ["run", "--rm", "--no-deps", "-T", "--entrypoint", "sh", service]
    assert lab.compose(*words, "-c", f"id -u && touch {target}/mine && rm {target}/mine") == "10001\n"


@pytest.mark.parametrize("service", ["postgres", *PORTS])
def test_what_crashes_comes_back_with_its_data(service: str, lab: Lab, run_id: str) -> None:
    lab.crash(service)
    assert run_id in lab.runs()
    assert lab.note(run_id) == b"from a notebook"


def test_down_and_up_keep_the_data(lab: Lab, run_id: str) -> None:
    lab.compose("down")
    lab.up()
    assert run_id in lab.runs()
    assert lab.note(run_id) == b"from a notebook"
