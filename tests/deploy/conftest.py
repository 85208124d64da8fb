"""The lab of compose.yaml, running without containers: once for all tests here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from compose_files import DEPLOY, filled, load, read_env
from outside import JUPYTER, PROGRAMS, Outside

import postgres_server

sys.path.append(str(Path(__file__).resolve().parents[1] / "blobs"))
from ports import free_ports

WEED_INSIDE = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
)


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What deploy/make-env writes."""
    file = tmp_path_factory.mktemp("env") / ".env"
    subprocess.run([DEPLOY / "make-env", file], check=True, capture_output=True)
    return read_env(file)


@pytest.fixture(scope="session")
def postgres(secrets: dict[str, str]) -> Iterator[postgres_server.PostgresServer]:
    """What the image postgres:18 makes of its variables: the user and the database."""
    with postgres_server.server("18") as made:
        made.sql(f"ALTER ROLE trackside PASSWORD '{secrets['POSTGRES_PASSWORD']}'")
        made.sql("CREATE DATABASE trackside OWNER trackside")
        yield made


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, secrets, postgres) -> Iterator[Outside]:
    """The services of compose.yaml, none of them started; `ports` has what they are published at."""
    folder = tmp_path_factory.mktemp("compose")
    server, s3, s3_grpc, admin, admin_grpc, jupyter, *inside = free_ports(6 + len(WEED_INSIDE))
    for name, variable in (
        ("admin_password", "TRACKSIDE_ADMIN_PASSWORD"),
        ("notebook_password", "NOTEBOOK_PASSWORD"),
    ):
        (folder / name).write_text(secrets[variable])
    places = {
        "/run/secrets": str(folder),
        "/opt/trackside/health.py": str(DEPLOY / "server/health.py"),
        "/opt/trackside/start": str(DEPLOY / "jupyter/start"),
        "@postgres/": f"@127.0.0.1:{postgres.port}/",
        "http://s3:9000": f"http://127.0.0.1:{s3}",
        "-master=s3:9333": f"-master=127.0.0.1:{inside[0]}.{inside[1]}",
        "-ip=s3": "-ip=127.0.0.1",
        "0.0.0.0": "127.0.0.1",
        "127.0.0.1:9000": f"127.0.0.1:{s3}",
        "-s3.port=9000": f"-s3.port={s3}",
        "127.0.0.1:9001": f"127.0.0.1:{admin}",
        "-port=9001": f"-port={admin}",
        "http://server:8000": f"http://127.0.0.1:{server}",
        "8888": str(jupyter),
    }
    more = {
        "postgres": {"PGPORT": str(postgres.port)},
        # On 0.0.0.0, as in the container, sign-in needs no word.
        "server": {"TRACKSIDE_PORT": str(server), "TRACKSIDE_AUTH": "true"},
        "jupyter": {"TRACKSIDE_EXAMPLES": str(DEPLOY.parent / "examples")},
    }
    made = Outside(folder, filled(load(), secrets)["services"], places, more)
    made.ports = {"server": server, "s3": s3, "s3-admin": admin, "jupyter": jupyter}
    ports = dict(zip(WEED_INSIDE, inside, strict=True)) | {"s3.port.grpc": s3_grpc}
    made.s3_options = [f"-{name}={port}" for name, port in ports.items()]
    made.s3_options += [f"-{name}.localSocket={folder}/{name}.sock" for name in ("s3", "filer")]
    made.admin_options = [f"-port.grpc={admin_grpc}"]
    yield made
    made.close()
    for name, port in ports.items():
        if name.endswith(".port.grpc"):  # SeaweedFS leaves its sockets there
            Path(f"/tmp/seaweedfs-{name.partition('.')[0]}-grpc-{port}.sock").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def started(lab: Outside) -> Outside:
    """Everything that `docker compose up` starts, in the order of depends_on."""
    assert lab.healthy("postgres"), "its own health check"
    lab.start("s3", str(PROGRAMS / "weed"), lab.s3_options)
    lab.start("s3-admin", str(PROGRAMS / "weed"), lab.admin_options)
    bucket = lab.run("bucket")
    assert bucket.returncode == 0, bucket.stdout + bucket.stderr
    lab.start("server")
    for _ in range(2):  # the second `up` finds the user there
        user = lab.run("notebook-user")
        assert user.returncode == 0, user.stdout + user.stderr
    if JUPYTER:
        lab.start("jupyter", more=["--ServerApp.allow_root=True"] if os.getuid() == 0 else [])
    return lab
