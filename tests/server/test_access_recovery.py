"""The way back for an admin who lost the password: `trackside user password --data-dir`, with and without a server."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
import time

import httpx
import pytest
from access_server import API, NATIVE, tokens, twice
from live_server import served

from trackside.core import identity

OLD, NEW = "purple-otter-29-lamp", "orange-otter-38-lamp"


def set_password(folder, name="admin", password=NEW):
    arguments = ["user", "password", name, "--data-dir", str(folder), "--password-file", "-"]
    return subprocess.run(
        [sys.executable, "-m", "trackside", *arguments],
        input=f"{password}\n", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def status(url, **how):
    return httpx.get(f"{url}{NATIVE}/me", timeout=30, **how).status_code


@pytest.fixture
def stopped(tmp_path):
    """The folder of a server that ran once, asking who comes, and has no admin."""
    with served("--auth", "--data-dir", tmp_path) as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    return tmp_path


def test_beside_a_running_server_it_ends_what_the_old_password_opened(tmp_path):
    file = tmp_path / "password"
    file.write_text(OLD)
    with served("--auth", "--admin-password-file", file, "--data-dir", tmp_path) as (_, url):
        with httpx.Client(base_url=url, auth=("admin", OLD)) as admin:
            token = {"Authorization": f"Bearer {tokens(admin, name='laptop').json()['text']}"}
        session = httpx.post(f"{url}/signin", data={"username": "admin", "password": OLD}).cookies
        known = [{"auth": ("admin", OLD)}, {"cookies": session}, {"headers": token}]
        assert [status(url, **how) for how in known] == [200, 200, 200]  # and remembered

        done = set_password(tmp_path)
        changed = time.monotonic()
        assert (done.returncode, done.stdout) == (0, "Changed the password of admin.\n"), done.stderr
        assert status(url, auth=("admin", NEW)) == 200
        while [status(url, **how) for how in known] != [401, 401, 200]:
            assert time.monotonic() - changed < identity.FRESH_SECONDS + 3
            time.sleep(0.1)
        entries = httpx.get(f"{url}{NATIVE}/audit", auth=("admin", NEW)).json()["entries"]
        assert "username=admin" in [e["detail"] for e in entries if "--data-dir" in e["action"]]


def test_without_a_server_it_makes_the_first_admin(stopped):
    done = set_password(stopped, "ann")
    assert (done.returncode, done.stdout) == (0, "Made the admin ann.\n"), done.stderr
    with served("--auth", "--data-dir", stopped) as (process, url):
        me = httpx.get(f"{url}{NATIVE}/me", auth=("ann", NEW)).json()
        assert (me["name"], me["is_admin"]) == ("ann", True)
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        assert "setup" not in process.stdout.read()  # no link: there is an admin


def test_the_link_for_the_first_admin_ends_when_one_was_made_beside_the_server(stopped):
    with served("--auth", "--data-dir", stopped) as (process, url):
        link = re.search(r"http://\S+", process.stdout.readline())[0]
        assert httpx.get(link).status_code == 200
        assert set_password(stopped).returncode == 0
        assert httpx.get(link).status_code == 403
        form = {"code": link.rpartition("=")[2], "username": "eve", **twice(OLD)}
        assert httpx.post(f"{url}/setup", data=form).status_code == 403
        assert status(url, auth=("admin", NEW)) == 200


def test_what_it_says_when_it_cannot(stopped, tmp_path):
    assert set_password(stopped, "ann").returncode == 0
    refusals = {
        "There is no user 'ben'. The admins are: ann.": set_password(stopped, "ben"),
        "at least 12 characters": set_password(stopped, "ann", "short"),
        f"no store of Trackside in {tmp_path / 'typo'}": set_password(tmp_path / "typo"),
    }
    for said, done in refusals.items():
        assert (done.returncode, done.stdout) == (1, "")
        assert said in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "typo").exists()


def test_a_server_of_another_release_is_left_alone(tmp_path):
    with served("--auth", "--data-dir", tmp_path) as (_, url):
        with sqlite3.connect(tmp_path / "trackside.db") as other:
            [[version]] = other.execute("PRAGMA user_version").fetchall()
            other.execute(f"PRAGMA user_version = {version + 1}")
        other.close()
        done = set_password(tmp_path)
        assert done.returncode == 1
        assert "another release" in done.stderr
        assert httpx.get(f"{url}{API}/users/current", auth=("admin", NEW)).status_code == 401
