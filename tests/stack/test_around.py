"""What is around a stack: databases and buckets that run already, the shell's variables, the network, other users."""

from __future__ import annotations

import json
import os
import socket
import ssl
import stat
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest
from lab import Lab, get, kill, post

pytestmark = pytest.mark.timeout(200)


def test_variables_of_the_shell_are_not_taken_for_the_stacks(lab: Lab) -> None:
    own = dict(lab.environment)
    lab.environment |= {
        "AWS_ACCESS_KEY_ID": "others", "AWS_SECRET_ACCESS_KEY": "others", "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "PGPORT": "9", "PGHOST": "127.0.0.9", "PGDATA": "/nowhere", "PGSSLMODE": "require", "PGSSLROOTCERT": "/none",
        "PGTARGETSESSIONATTRS": "standby", "PGSSLNEGOTIATION": "direct", "PGGSSLIB": "none", "http_proxy": "http://127.0.0.1:9",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_TRACKING_TOKEN": "others", "WEED_ADMIN_PASSWORD": "others",
        "TRACKSIDE_STORE": "postgresql://127.0.0.1:9/others", "TRACKSIDE_ARTIFACTS": "s3://others",
        "TRACKSIDE_PORT": "9", "TRACKSIDE_S3_ENDPOINT": "http://127.0.0.1:9",
    }  # fmt: skip
    lab.up()
    environ = Path(f"/proc/{lab.pids()['jupyter']}/environ").read_text().split("\0")
    given = dict(each.split("=", 1) for each in environ if "=" in each)
    assert given["MLFLOW_TRACKING_URI"] == lab.url("server")
    assert "127.0.0.1" in given["no_proxy"]
    assert not {"AWS_ACCESS_KEY_ID", "MLFLOW_TRACKING_TOKEN", "TRACKSIDE_STORE"} & set(given)
    created = post(lab, "experiments/create", {"name": "own"})["experiment_id"]
    artifact = f"{lab.url('server')}/api/2.0/mlflow-artifacts/artifacts/{created}/x.txt"
    urllib.request.urlopen(urllib.request.Request(artifact, b"kept", method="PUT"), timeout=10).close()
    lab.down()
    lab.environment = own
    lab.up("--without", "jupyter")
    assert get(artifact) == b"kept"


def test_external_postgres_and_s3_are_used_and_left_alone(running: Lab, lab: Lab) -> None:
    known = running.secrets()
    lab.environment |= {
        "AWS_ACCESS_KEY_ID": known["S3 access key"],
        "AWS_SECRET_ACCESS_KEY": known["S3 secret key"],
    }
    s3 = f"{running.url('s3')}/another-bucket/some/prefix"
    lab.up("--without", "jupyter", "--external-postgres", known["PostgreSQL"], "--external-s3", s3)
    parts = lab.parts()
    assert {name: row["external"] for name, row in parts.items()} == {
        "postgres": True, "s3": True, "server": False,
    }  # fmt: skip
    assert known["PostgreSQL"] not in json.dumps(parts)
    assert parts["s3"]["url"] == s3
    post(lab, "experiments/create", {"name": "in the other database"})
    found = post(
        running, "experiments/search", {"max_results": 10, "filter": "name = 'in the other database'"}
    )
    assert len(found["experiments"]) == 1
    before = running.pids()
    lab.down()
    assert running.pids() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--external-postgres", "postgresql://nobody:pass-word@127.0.0.1:9/none"], "PostgreSQL (external) does not answer"),
        (["--external-s3", "http://127.0.0.1:9/a-bucket"], "--external-s3 needs keys"),
        (["--host", "no such host"], "--host"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_said_and_nothing_stays(lab: Lab, options: list[str], said: str) -> None:
    refused = lab.up("--without", "jupyter", *options, code=1)
    assert said in refused.stderr
    assert "pass-word" not in refused.stderr
    if (lab.folder / "stack/state.json").exists():
        assert all(row["pid"] is None for row in lab.parts().values())


def test_external_s3_that_does_not_answer(lab: Lab) -> None:
    lab.environment |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "pass-word"}
    refused = lab.up(
        "--with", "server", "--with", "s3", "--external-s3", "http://127.0.0.1:9/a-bucket", code=1
    )
    assert "S3 (external)" in refused.stderr
    assert "127.0.0.1:9" in refused.stderr
    assert "pass-word" not in refused.stderr


def test_a_url_of_another_database_is_refused(lab: Lab) -> None:
    assert "--external-postgres" in lab.up("--external-postgres", "mysql://me:pass-word@here", code=2).stderr


@pytest.mark.skipif(os.getuid() != 0, reason="makes a file of another user's")
def test_another_users_socket_is_named(lab: Lab) -> None:
    lab.up("--with", "s3")
    lab.down()
    port = json.loads((lab.folder / "stack/ports.json").read_text())["master_grpc"]
    path = Path(f"/tmp/seaweedfs-master-grpc-{port}.sock")
    path.touch()
    os.chown(path, 65534, 65534)
    try:
        assert f"{path} belongs to 'nobody'" in lab.up("--with", "s3", code=1).stderr
    finally:
        path.unlink()


def test_beyond_this_machine_everything_asks_who_one_is(lab: Lab) -> None:
    told = lab.up("--host", "0.0.0.0").stdout
    own = next(address for address in addresses() if not address.startswith("127."))
    assert f"http://{own}:{lab.ports['server']}" in told
    assert "unencrypted" in told
    with pytest.raises(urllib.error.HTTPError, match="401"):
        get(f"http://{own}:{lab.ports['server']}/api/2.0/mlflow/experiments/get?experiment_id=0")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        get(f"http://{own}:{lab.ports['s3']}/trackside-artifacts")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        get(f"http://{own}:{lab.ports['jupyter']}/api/contents")
    # What has no sign-in of its own is not to be reached from elsewhere.
    inner = json.loads((lab.folder / "stack/ports.json").read_text())
    for port in inner.values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((own, port), timeout=5).close()
    environ = Path(f"/proc/{lab.pids()['jupyter']}/environ").read_bytes().split(b"\0")
    token = next(each for each in environ if each.startswith(b"MLFLOW_TRACKING_TOKEN=")).partition(b"=")[2]
    url = f"{lab.url('server')}/api/2.0/mlflow/experiments/get?experiment_id=0"
    assert b"Default" in get(url, Authorization=f"Bearer {token.decode()}")
    assert not any(each.startswith(b"AWS_SECRET") for each in environ)

    kill(lab.pids()["s3"])  # the process that passes connections on: what it started ends too
    lab.until(lambda parts: parts["s3"]["state"] == "ready" and parts["s3"]["restarts"])


def test_inner_ports_of_s3_let_in_its_own_parts_alone(running: Lab) -> None:
    made = running.folder / "s3/.seaweedfs"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in made.iterdir()}
    assert modes == dict.fromkeys(("inner.pem", "security.toml"), 0o600)
    own, anyone = (ssl.create_default_context(cafile=made / "inner.pem") for _ in range(2))
    own.load_cert_chain(made / "inner.pem")
    inner = json.loads((running.folder / "stack/ports.json").read_text())
    for port in (inner[name] for name in inner if name not in ("postgres", "s3", "s3_console")):
        assert answer(port, own)[3:4] == b"\4"  # settings, as HTTP/2 begins
        with pytest.raises((ssl.SSLError, ConnectionError)):
            answer(port, anyone)
        assert answer(port, None)[3:4] != b"\4"


def answer(port: int, context: ssl.SSLContext | None) -> bytes:
    """What a port says first to whoever begins to speak HTTP/2, as gRPC and Go's web servers do."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, ExitStack() as stack:
        connection = plain
        if context is not None:
            context.set_alpn_protocols(["h2"])
            connection = stack.enter_context(context.wrap_socket(plain, server_hostname="127.0.0.1"))
        connection.sendall(preface)
        return connection.recv(100)


def addresses() -> list[str]:
    import psutil

    entries = [entry for each in psutil.net_if_addrs().values() for entry in each]
    return [entry.address for entry in entries if entry.family == socket.AF_INET]


def test_the_environment_of_notebooks(running: Lab) -> None:
    environ = Path(f"/proc/{running.pids()['jupyter']}/environ").read_text().split("\0")
    given = dict(each.split("=", 1) for each in environ if "=" in each)
    assert given["MLFLOW_TRACKING_URI"] == running.url("server")
    assert not any(name.startswith("AWS_SECRET") for name in given)
    assert list((running.folder / "notebooks/examples").iterdir())
