"""The demo after set-up: server, data, training, registered model; everything it starts it also ends."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TRACKSIDE = Path(sys.executable).with_name("trackside")
HOST = "127.0.0.1"
MODEL = "food11"
CHANCE = 1 / 11  # eleven classes, equally many images of each
WANTED = 3 * CHANCE

Process = subprocess.Popen[bytes]
Json = dict[str, Any]


class Failed(Exception):
    """A step did not do what it should; the message says which and what to do."""


class Interrupted(Exception):
    """Ctrl-C, a closed terminal, or `kill`."""


def say(text: str = "") -> None:
    print(text, flush=True)


# --- signals -----------------------------------------------------------------

received: list[int] = []


def listen() -> None:
    """Notes signals instead of raising, so that none can fall between starting a process and knowing it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: received.append(got))


def pause(seconds: float) -> None:
    """Sleeps; every wait of the demo goes through here, and so every signal is noticed."""
    time.sleep(seconds)
    if received:
        raise Interrupted


# --- processes ---------------------------------------------------------------


def start(*arguments: str, **environment: str) -> Process:
    """Starts `trackside` in a session of its own, so that only `end` sends it signals, not the terminal."""
    env = {**os.environ, **environment}
    return subprocess.Popen([TRACKSIDE, *arguments], cwd=ROOT, env=env, start_new_session=True)


def end(process: Process, number: signal.Signals, grace_s: float) -> None:
    """Asks a process to end, waits, and ends its whole group when it has not after `grace_s` seconds."""
    if process.poll() is not None:
        return
    process.send_signal(number)
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def server(data_dir: Path, port: int) -> Iterator[tuple[Process, str]]:
    """A running server and its address. SIGTERM ends it: what is in flight is finished first."""
    url = f"http://{HOST}:{port}"
    process = start("server", "--host", HOST, "--port", str(port), "--data-dir", str(data_dir))
    try:
        wait_until_healthy(process, url)
        yield process, url
    finally:
        end(process, signal.SIGTERM, grace_s=10)


def wait_until_healthy(process: Process, url: str, limit_s: float = 30) -> None:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(f"the server ended with exit code {process.returncode}; its message is above")
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(f"{url}/health", timeout=2).close()
            return
        pause(0.1)
    raise Failed(f"the server did not answer at {url}/health within {limit_s:.0f} s")


def step(name: str, running_server: Process, *arguments: str, **environment: str) -> None:
    """Runs one `trackside` command to its end. Ctrl-C reaches it as SIGINT, so that a run ends as KILLED."""
    process = start(*arguments, **environment)
    try:
        while process.poll() is None:
            if running_server.poll() is not None:
                raise Failed(f"the server ended during '{name}' with exit code {running_server.returncode}")
            pause(0.2)
    finally:
        end(process, signal.SIGINT, grace_s=20)
    if process.returncode != 0:
        raise Failed(f"'{name}' ended with exit code {process.returncode}; its message is above")


def free_port(first: int) -> int:
    """`first`, or the next port after it that nothing listens on."""
    for port in range(first, first + 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return port
    raise Failed(f"no free port from {first} to {first + 99}: name another one with --port")


# --- what the server knows ---------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """A registered version of the model and the finished run that made it."""

    version: str
    run_id: str
    accuracy: float  # on the evaluation split, 0 to 1
    seconds: float


def get(url: str, path: str, **query: str) -> Json:
    """GET of MLflow's REST API, as any client would."""
    address = f"{url}/api/2.0/mlflow/{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(address, timeout=30) as answer:
        found: Json = json.load(answer)
    return found


def newest_model(url: str) -> Trained | None:
    """The newest registered version whose run has finished, or None."""
    found = get(url, "model-versions/search", filter=f"name='{MODEL}'").get("model_versions", [])
    for version in sorted(found, key=lambda v: int(v["version"]), reverse=True):
        run = get(url, "runs/get", run_id=version["run_id"])["run"]
        info = run["info"]
        metrics = {m["key"]: m["value"] for m in run["data"].get("metrics", [])}
        if info["status"] == "FINISHED" and "test_accuracy" in metrics:
            return Trained(
                version=version["version"],
                run_id=info["run_id"],
                accuracy=metrics["test_accuracy"],
                seconds=(int(info["end_time"]) - int(info["start_time"])) / 1000,
            )
    return None


# --- the demo ----------------------------------------------------------------


def train(options: argparse.Namespace, process: Process, url: str) -> None:
    """Makes the data, once, and trains on it; the training knows the server by one variable only."""
    data = options.data_dir / "food11-mini"
    say(f"== demo: the small data set, in {data}")
    step("data mini", process, "data", "mini", "--to", str(data))
    say(f"== demo: training; watch it at {url}")
    tracking = {"MLFLOW_TRACKING_URI": url, "FOOD11_DATA_DIR": str(data)}
    step("train food11", process, "train", "food11", "--preset", "demo", "--register", MODEL, **tracking)


def report(url: str, trained: Trained) -> None:
    minutes, seconds = divmod(round(trained.seconds), 60)
    say()
    say(f"run       {url}/runs/{trained.run_id}")
    say(f"model     {url}/models/{MODEL}/versions/{trained.version}")
    say(f"accuracy  {trained.accuracy:.3f} on the evaluation images; chance is {CHANCE:.3f}")
    say(f"training  {minutes} min {seconds} s")
    if trained.accuracy < WANTED:
        raise Failed(f"the accuracy is under {WANTED:.3f}, three times chance: this training is broken")


def demo(options: argparse.Namespace) -> None:
    port = free_port(options.port)
    with server(options.data_dir / "server", port) as (process, url):
        trained = None if options.again else newest_model(url)
        if trained is None:
            train(options, process, url)
            trained = newest_model(url)
        else:
            say("== demo: trained before; `make demo ARGS=--again` trains again")
        if trained is None:
            raise Failed(f"no finished run has a registered version of {MODEL!r}")
        report(url, trained)
        if options.ci:
            return
        say()
        say(f"The server is at {url}. Ctrl-C ends it; the data stays in {options.data_dir}.")
        with contextlib.suppress(Interrupted):
            while process.poll() is None:
                pause(0.2)
            raise Failed(f"the server ended with exit code {process.returncode}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo ARGS=…", description=__doc__)
    parser.add_argument(
        "--ci", action="store_true", help="end by itself; exit code 0 if all went well, else 1"
    )
    parser.add_argument("--again", action="store_true", help="train again although there is a finished run")
    parser.add_argument("--port", type=int, default=8000, help="first port to try (default: %(default)s)")
    parser.add_argument("--data-dir", type=Path, default=ROOT / "demo-data", help="default: %(default)s")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    options.data_dir = options.data_dir.resolve()
    listen()
    started = time.monotonic()
    try:
        demo(options)
    except Failed as problem:
        print(f"== demo: failed: {problem}", file=sys.stderr)
        return 1
    except Interrupted:
        say("== demo: interrupted; everything it started has ended")
        return 128 + received[0]
    say(f"== demo: done in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
