"""Real MLflow releases that fill stores, serve them, and look through their unmodified clients at what was imported."""

from __future__ import annotations

import filecmp
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "protocol"), str(TESTS / "blobs")]

import servers  # noqa: E402
from servers import Server, client_environment, client_python, free_port  # noqa: E402

HERE = Path(__file__).resolve().parent
ROOT = TESTS.parent
RUNS = 500  # of each server
SOURCE_RUNS = 50  # of the database that several tests share


def environment(version: str) -> dict[str, str]:
    """For MLflow's own programs of that release."""
    more = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    if version.startswith("2."):
        folder = ROOT / ".venvs" / "mlflow-stores"
        if not folder.is_dir():
            subprocess.run([ROOT / "scripts" / "clients"], check=True)
        more["PYTHONPATH"] = str(folder)
    return client_environment(**more)


def script(version: str, name: str, *arguments: object) -> None:
    """Run a script of this folder with a release of MLflow."""
    done = subprocess.run(
        [client_python(version), "-W", "ignore", HERE / name, *map(str, arguments)],
        env=environment(version),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def fill(version: str, uri: object, artifacts: object, runs: int) -> None:
    """Fill a store of that release; `artifacts`: "-" for the store's own place, or proxied:FOLDER."""
    script(version, "fill.py", uri, artifacts, runs)


def dump(version: str, uri: object, out: Path) -> dict[str, Any]:
    """All that the client of that release sees there."""
    script(version, "dump.py", uri, uri, out)
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def command(*arguments: object, **more: str) -> list[str]:
    return [sys.executable, "-m", "trackside", *map(str, arguments)]


def trackside(*arguments: object, code: int = 0, **more: str) -> str:
    """What a command prints; on stderr where it fails."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "TRACKSIDE_"))}
    done = subprocess.run(
        command(*arguments), env={**kept, **more}, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, f"{done.returncode}: {done.stdout[-2000:]} {done.stderr[-3000:]}"
    return done.stdout if code == 0 or done.stdout else done.stderr


def imported(source: object, *options: object, code: int = 0, **more: str) -> dict[str, Any]:
    """The report of `trackside import mlflow`."""
    found: dict[str, Any] = json.loads(
        trackside("import", "mlflow", source, "--json", *options, code=code, **more)
    )
    return found


def mlflow_server(version: str, folder: Path) -> Server:
    """A server of that release on FOLDER/mlflow.db and FOLDER/kept."""
    port = free_port()
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    places = [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        f"{folder}/kept",
    ]
    return Server(
        "mlflow",
        [str(client_python(version)), "-m", "mlflow", "server", *where, *places],
        folder,
        port,
        environment(version),
    )


class Moved(NamedTuple):
    """An import from a server, and what the client sees on both sides."""

    report: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]
    folder: Path  # with mlflow.db, kept and data


def moved(version: str, folder: Path) -> Moved:
    """Fill a server of that release, import it, and look."""
    folder.mkdir()
    fill(version, f"sqlite:///{folder}/mlflow.db", f"proxied:{folder}/kept", RUNS)
    with mlflow_server(version, folder) as source:
        report = imported(source.url, "--data-dir", folder / "data")
        before = dump(version, source.url, folder / "before.json")
    with servers.trackside(folder) as target:
        after = dump(version, target.url, folder / "after.json")
    return Moved(report, before, after, folder)


def differences(before: Any, after: Any, at: str = "") -> list[str]:
    """Where two dumps differ, and how."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            line
            for key in sorted(before.keys() | after.keys())
            for line in differences(before.get(key, "nothing"), after.get(key, "nothing"), f"{at}/{key}")
        ]
    return [] if before == after else [f"{at}: {str(before)[:300]} became {str(after)[:300]}"]


def assert_same(one: Path, other: Path) -> None:
    """The same files with the same bytes."""
    names = sorted(path.relative_to(one).as_posix() for path in one.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(other).as_posix() for path in other.rglob("*") if path.is_file())
    assert filecmp.cmpfiles(one, other, names, shallow=False) == (names, [], [])
