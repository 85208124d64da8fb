"""`trackside up`, `status`, `logs` and `down` as a person calls them."""

from __future__ import annotations

import json
import stat
import subprocess
import threading
import urllib.error
import urllib.request

import pytest
from lab import PARTS, Lab, get, post, wait_gone

pytestmark = pytest.mark.timeout(200)


def test_every_part_answers_at_its_address(running: Lab) -> None:
    told = json.loads(running.call("status", "--json").stdout)["parts"]
    parts = {row["name"]: row for row in told}
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
        if (
            path.is_file() and path.name != "migrated"
        ):  # JupyterLab's mark that it has looked for old settings
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


def test_without_postgres_and_s3_it_is_sqlite_and_a_folder(lab: Lab) -> None:
    lab.up("--with", "server")
    assert list(lab.parts()) == ["server"]
    post(lab, "experiments/create", {"name": "small"})
    assert (lab.folder / "server/trackside.db").exists()


def test_two_calls_at_once_start_one_stack(lab: Lab) -> None:
    command = lab.command(*lab.up_arguments("--with", "server"))
    calls = [
        subprocess.Popen(command, env=lab.environment, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    said = [call.communicate(timeout=60)[1] for call in calls]
    assert [call.returncode for call in calls] == [0] * 4, said
    assert lab.parts()["server"]["restarts"] == 0


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
