"""Starts the servers that the protocol suites and the benchmarks talk to: Trackside, and a real MLflow as the authority.

All keep everything below one folder (SQLite and a folder of artifacts) unless they are told of another store, listen
on loopback and write a log there.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
AUTHORITY = "3.17.2"
FASTTRACKML = "0.6.0"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def client_python(version: str) -> Path:
    """Python of the virtual environment that scripts/clients makes for that client release."""
    python = ROOT / ".venvs" / f"mlflow-{version}" / "bin" / "python"
    if not python.exists():
        subprocess.run([ROOT / "scripts" / "clients"], check=True)
    return python


def client_environment(**more: str) -> dict[str, str]:
    """The environment for mlflow's processes: quick to fail, silent, and without the caller's settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "PYTHON"))}
    return {
        **kept,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        **more,
    }


@dataclass
class Server:
    """One server process (and its children); start() returns when it answers."""

    name: str
    command: list[str]
    folder: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    ready_within_s: float = 90
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def start(self) -> float:
        """Start and wait for the first 200 of /health; gives the seconds that took."""
        self.folder.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while time.monotonic() - began < self.ready_within_s:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}: {self.tail()}")
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                    if answer.status == 200:
                        return time.monotonic() - began
            except OSError:
                time.sleep(0.01)
        self.kill()
        raise TimeoutError(f"{self.name} did not answer within {self.ready_within_s} s: {self.tail()}")

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]

    def kill(self) -> None:
        """SIGKILL, to the whole process group: nothing gets to tidy up."""
        self._end(signal.SIGKILL, 10)

    def stop(self) -> int:
        """SIGTERM; after 10 s SIGKILL. Gives the exit code."""
        return self._end(signal.SIGTERM, 10)

    def _end(self, number: signal.Signals, patience_s: float) -> int:
        if self.process is None:
            return 0
        process, self.process = self.process, None
        try:
            os.killpg(process.pid, number)
            code = process.wait(patience_s)
        except ProcessLookupError:
            code = process.wait()
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
        # Children that outlive the first process (MLflow's workers) are of the same group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return code

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def trackside(folder: Path, *options: str, port: int | None = None) -> Server:
    """A Trackside server whose data directory is FOLDER/data; on PostgreSQL if TRACKSIDE_TEST_STORE says so."""
    port = port or free_port()
    source = [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, source))}
    if environment.get("TRACKSIDE_TEST_STORE", "sqlite") != "sqlite":
        from postgres_server import store_for

        environment["TRACKSIDE_STORE"] = store_for(folder / "data")
    # Without compiled files each start would compile the package anew.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = "from trackside.cli.app import main; main()"
    where = ["--host", "127.0.0.1", "--port", str(port), "--data-dir", str(folder / "data")]
    return Server(
        "trackside", [sys.executable, "-c", start, "server", *where, *options], folder, port, environment
    )


def mlflow(
    folder: Path, port: int | None = None, *, workers: int = 1, jobs: bool = False, store: str = ""
) -> Server:
    """A real MLflow server on SQLite and a folder, or on the database at `store`; it takes about 12 s to start.

    As shipped it has 4 workers and runs jobs, in a dozen processes more; for its answers neither matters.
    """
    port = port or free_port()
    command = [
        str(client_python(AUTHORITY)),
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    # Which driver "postgresql://" means depends on SQLAlchemy's version.
    uri = store.replace("postgresql://", "postgresql+psycopg2://") or f"sqlite:///{folder}/mlflow.db"
    places = ["--backend-store-uri", uri, "--artifacts-destination", f"{folder}/artifacts"]
    environment = client_environment(MLFLOW_SERVER_ENABLE_JOB_EXECUTION=str(jobs).lower())
    if store:
        environment["PYTHONPATH"] = str(mlflow_drivers())
    return Server("mlflow", [*command, *places, "--workers", str(workers)], folder, port, environment)


def mlflow_drivers() -> Path:
    """What MLflow needs to be imported for PostgreSQL and S3: `scripts/clients peers` puts it there."""
    return _of_peers(f"mlflow-{AUTHORITY}-drivers")


def fasttrackml(folder: Path, port: int | None = None, *, store: str = "") -> Server:
    """FastTrackML on SQLite, or on the database at `store`. It has no proxy of artifacts."""
    port = port or free_port()
    program = _of_peers(f"fasttrackml-{FASTTRACKML}") / "bin" / "fml"
    where = ["--listen-address", f"127.0.0.1:{port}", "--default-artifact-root", f"{folder}/artifacts"]
    uri = store or f"sqlite://{folder}/fasttrackml.db"
    return Server(
        "fasttrackml",
        [str(program), "server", *where, "--database-uri", uri],
        folder,
        port,
        client_environment(),
    )


def _of_peers(name: str) -> Path:
    """A folder of those that `scripts/clients peers` makes."""
    folder = ROOT / ".venvs" / name
    if not folder.is_dir():
        subprocess.run([ROOT / "scripts" / "clients", "peers"], check=True)
    return folder


def basic_auth_extra() -> Path:
    """What MLflow's basic-auth app and its client need to be imported: scripts/clients puts it there."""
    extra = Path(os.environ.get("TRACKSIDE_TEST_BASIC_AUTH", ROOT / ".venvs" / "basic-auth"))
    if not extra.is_dir():
        subprocess.run([ROOT / "scripts" / "clients"], check=True)
    return extra


def mlflow_with_auth(folder: Path, admin_password: str, port: int | None = None) -> Server:
    """The same with MLflow's basic-auth app and an admin called "admin"."""
    server = mlflow(folder, port)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "basic_auth.ini"
    config.write_text(
        "[mlflow]\ndefault_permission = READ\nadmin_username = admin\n"
        f"database_uri = sqlite:///{folder}/basic_auth.db\nadmin_password = {admin_password}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    server.command += ["--app-name", "basic-auth"]
    server.environment |= {
        "MLFLOW_AUTH_CONFIG_PATH": str(config),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "of a test",
        "PYTHONPATH": str(basic_auth_extra()),
    }
    return server
