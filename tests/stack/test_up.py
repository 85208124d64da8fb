"""`trackside up`, `status`, `logs` and `down` as a person calls them."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from lab import PARTS, Lab, kill, wait_gone

pytestmark = pytest.mark.timeout(200)


def get(url: str, **headers: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return answer.read()


def test_every_part_answers_at_its_address(running: Lab) -> None:
    parts = running.parts()
    assert tuple(parts) == PARTS
    assert {row["state"] for row in parts.values()} == {"ready"}
    assert get(f"{parts['server']['url']}/health") == b"OK"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        get(parts["s3"]["url"])
    assert b"assword" in get(f"{parts['s3-console']['url']}/login")
    token = running.secrets()["JupyterLab"].partition("token=")[2]
    assert "started" in json.loads(
        get(f"{parts['jupyter']['url']}/api/status", Authorization=f"token {token}")
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        get(f"{parts['jupyter']['url']}/api/contents")
    for row in parts.values():
        assert row["pid"] > 1
        assert row["uptime_s"] > 0
        assert row["memory_bytes"] > 1e6
    assert parts["postgres"]["data_bytes"] > 1e7
    assert parts["s3-console"]["data_bytes"] is None


def test_up_again_changes_nothing(running: Lab) -> None:
    before = running.pids(), running.supervisor()
    again = running.up()
    assert (running.pids(), running.supervisor()) == before
    for name in ("server", "jupyter", "s3", "s3-console"):
        assert running.url(name) in again.stdout


def test_up_with_other_settings_says_which(running: Lab) -> None:
    before = running.pids()
    refused = running.up("--without", "jupyter", code=1)
    assert "parts" in refused.stderr
    assert "trackside down" in refused.stderr
    assert running.pids() == before


def test_secrets_are_shown_only_when_asked_for(running: Lab) -> None:
    kept = json.loads((running.folder / "stack/secrets.json").read_text())
    secrets = [value for name, value in kept.items() if value and name != "s3_access_key"]
    assert len(secrets) >= 5
    told = running.up().stdout + running.call("status").stdout + running.call("status", "--json").stdout
    told += "".join(running.call("logs", part).stdout for part in (*PARTS, "stack"))
    told += "".join(file.read_text() for file in (running.folder / "stack").glob("s*te.json"))
    commands = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    for secret in secrets:
        assert secret not in told
        assert secret not in commands
    shown = running.call("status", "--secrets").stdout
    assert all(kept[name] in shown for name in ("postgres", "s3_secret_key", "jupyter", "s3_console"))


def test_secrets_are_their_owners_alone(running: Lab) -> None:
    for path in (running.folder / "stack").rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for folder in ("stack", "s3", "server", "notebooks", "postgres/data"):
        assert stat.S_IMODE((running.folder / folder).stat().st_mode) == 0o700, folder


def test_logs_are_shown(running: Lab) -> None:
    assert "database system is ready" in running.call("logs", "postgres").stdout
    assert len(running.call("logs", "s3", "-n", "3").stdout.splitlines()) == 3
    assert "there is no part" in running.call("logs", "redis", code=2).stderr.replace("\n", " ")


def test_logs_follow(running: Lab) -> None:
    command = running.command("logs", "server", "-f", "-n", "0")
    read = threading.Event()

    def write() -> None:  # again and again, since it may not have begun to read
        with (running.folder / "stack/logs/server.log").open("a") as log:
            while not read.wait(0.1):
                log.write("a line for the reader\n")
                log.flush()

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=running.environment) as following:
        assert following.stdout is not None
        writer = threading.Thread(target=write)
        writer.start()
        line = following.stdout.readline()
        read.set()
        writer.join()
        following.terminate()
    assert line == "a line for the reader\n"


def test_a_taken_port_is_named_with_its_owner(running: Lab, lab: Lab) -> None:
    lab.ports["s3"] = running.ports["s3"]
    refused = lab.up(code=1)
    assert f"Port {lab.ports['s3']} for S3 is taken by weed (pid {running.pids()['s3']}" in refused.stderr
    assert "--s3-port" in refused.stderr
    assert all(row["pid"] is None for row in lab.parts().values())


def test_two_stacks_side_by_side_and_their_data_stay(running: Lab, lab: Lab) -> None:
    before = running.pids()
    lab.up("--without", "jupyter")
    created = post(lab, "experiments/create", {"name": "stays"})["experiment_id"]
    artifact = f"{lab.url('server')}/api/2.0/mlflow-artifacts/artifacts/{created}/x.txt"
    urllib.request.urlopen(urllib.request.Request(artifact, b"kept", method="PUT"), timeout=10).close()
    pids = lab.pids()
    assert "The data are kept" in lab.down().stdout
    wait_gone(*[pid for pid in pids.values() if pid])
    assert {row["state"] for row in lab.parts().values()} == {"stopped"}
    assert "Nothing was running" in lab.down().stdout
    (lab.folder / "stack/ports.json").unlink()  # the inner ports may change, too
    lab.up("--without", "jupyter")
    assert get(artifact) == b"kept"
    assert running.pids() == before

    assert "Aborted" in lab.call("down", "--delete-data", code=1, given="n\n").stderr
    assert {row["state"] for row in lab.parts().values()} == {"ready"}
    lab.call("down", "--delete-data", given="y\n")
    assert not lab.folder.exists()


def post(lab: Lab, path: str, fields: dict[str, object]) -> dict[str, str]:
    request = urllib.request.Request(
        f"{lab.url('server')}/api/2.0/mlflow/{path}",
        json.dumps(fields).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def test_without_postgres_and_s3_it_is_sqlite_and_a_folder(lab: Lab) -> None:
    lab.up("--with", "server")
    assert list(lab.parts()) == ["server"]
    post(lab, "experiments/create", {"name": "small"})
    assert (lab.folder / "server/trackside.db").exists()


def test_variables_of_the_shell_are_not_taken_for_the_stacks(lab: Lab) -> None:
    own = dict(lab.environment)
    lab.environment |= {
        "AWS_ACCESS_KEY_ID": "others", "AWS_SECRET_ACCESS_KEY": "others", "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "PGPORT": "9", "PGHOST": "127.0.0.9", "PGDATA": "/nowhere", "http_proxy": "http://127.0.0.1:9",
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


def test_two_calls_at_once_start_one_stack(lab: Lab) -> None:
    command = lab.command(*lab.up_arguments("--with", "server"))
    calls = [
        subprocess.Popen(command, env=lab.environment, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    said = [call.communicate(timeout=60)[1] for call in calls]
    assert [call.returncode for call in calls] == [0] * 4, said
    assert lab.parts()["server"]["restarts"] == 0


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
        (["--external-s3", "ftp://127.0.0.1/a-bucket"], "--external-s3"),
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


def test_a_part_that_does_not_start_is_named_with_its_log(lab: Lab) -> None:
    lab.up("--with", "postgres")
    lab.down()
    (lab.folder / "postgres/data/postgresql.auto.conf").write_text("no_such_setting = 1\n")
    refused = lab.up("--with", "postgres", code=1)
    assert "PostgreSQL ended with exit code 1" in refused.stderr
    assert "no_such_setting" in refused.stderr
    assert lab.parts()["postgres"]["state"] == "failed"


def test_status_where_nothing_is(lab: Lab) -> None:
    assert json.loads(lab.call("status", "--json").stdout) == {"parts": []}
    assert "`trackside up` starts one" in lab.call("status", code=1).stderr
    assert "There is no stack" in lab.call("down", code=1).stderr
    assert not lab.folder.exists()


def test_foreground_stays_until_ctrl_c(lab: Lab) -> None:
    command = lab.command(*lab.up_arguments("--with", "server", "--foreground"))
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=lab.environment) as process:
        assert process.stderr is not None
        seen = ""
        while lab.url("server") not in seen:  # among the addresses, which come last
            seen += process.stderr.readline()
        pid = lab.pids()["server"]
        process.send_signal(2)
        rest = process.stderr.read()
    assert process.returncode == 0
    assert "stopped" in rest
    wait_gone(pid)


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
