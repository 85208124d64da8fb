"""Small images, archives of every kind, and a web server that can misbehave."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
from PIL import Image

from trackside.data import food11
from trackside.data.fetch import Patience
from trackside.data.layout import CLASSES, SPLITS
from trackside.data.progress import SILENT
from trackside.data.report import Report

HASTY = Patience(attempts=2, timeout=5.0, first_wait=0.0)


def jpeg(number: int, side: int = 16) -> bytes:
    """A small photo, another for each number."""
    pixels = np.random.default_rng(number).integers(0, 255, (side, side, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG")
    return content.getvalue()


def flat(per_class: int = 1, top: str = "") -> dict[str, bytes]:
    """Food-11 as published, with few images: path -> content."""
    return {
        f"{top}{split}/{label}_{index}.jpg": jpeg(1000 * s + 10 * label + index)
        for s, split in enumerate(SPLITS)
        for label in range(len(CLASSES))
        for index in range(per_class)
    }


def write_zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return path


def write_folder(path: Path, members: dict[str, bytes]) -> Path:
    for name, content in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def tree(root: Path) -> dict[str, bytes]:
    """All that is prepared below a folder; not the manifest (it has the time) nor our working files."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "manifest.json" and ".trackside" not in path.parts
    }


def prepare(source: Path | str | None, target: Path, **options: object) -> Report:
    return food11.prepare(source, target, progress=SILENT, patience=HASTY, **options)  # type: ignore[arg-type]


AS_NOBODY = """
import os, sys
import PIL.Image, PIL.JpegImagePlugin
from trackside.data import food11
from trackside.data.errors import DataError
from trackside.data.progress import SILENT
if os.geteuid() == 0:  # root may write everywhere
    os.setuid(65534)
try:
    report = food11.prepare(sys.argv[1], sys.argv[2], progress=SILENT)
    print("prepared" if report.changed else "nothing to do")
except DataError as error:
    print(error)
"""


def prepare_as_nobody(source: Path, target: Path) -> str:
    """What comes of it for a user who must heed permissions: the outcome or the error, printed."""
    command = [sys.executable, "-c", AS_NOBODY, str(source), str(target)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def organised(per_class: int = 1) -> dict[str, bytes]:
    """What the flat set must become."""
    result = {}
    for path, content in flat(per_class).items():
        split, name = path.split("/")
        result[f"{split}/class_{int(name.split('_')[0]):02}/{name}"] = content
    return result


def images_of(target: Path) -> dict[str, bytes]:
    return {path: content for path, content in tree(target).items() if path != "SHA256SUMS"}


@dataclass
class Site:
    """What the server has and how it behaves; `requests` is what it was asked."""

    url: str = ""
    content: bytes = b""
    etag: str | None = '"one"'
    ranges: bool = True
    length: bool = True
    send_at_most: list[int] = field(default_factory=list)  # bytes of the body, for each request in turn
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)  # refusals, given first
    shift: int = 0  # a server that answers another range than asked for
    chunk_pause: Callable[[], None] | None = None
    requests: list[dict[str, str]] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    site: Site

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        site = self.site
        site.requests.append(dict(self.headers))
        if site.answers:
            status, headers = site.answers.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            return
        start = self._start()
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(site.content) - 1}/{len(site.content)}")
        if site.length:
            self.send_header("Content-Length", str(len(site.content) - start))
        if site.etag:
            self.send_header("ETag", site.etag)
        self.end_headers()
        most = site.send_at_most.pop(0) if site.send_at_most else len(site.content)
        self._send(site.content[start : start + most])

    def _start(self) -> int:
        asked = self.headers.get("Range")
        same = self.headers.get("If-Range") == self.site.etag
        if not asked or not self.site.ranges or not same:
            return 0
        return int(asked.removeprefix("bytes=").rstrip("-")) + self.site.shift

    def _send(self, body: bytes) -> None:
        try:
            for at in range(0, len(body), 16_384):
                self.wfile.write(body[at : at + 16_384])
                if self.site.chunk_pause:
                    self.site.chunk_pause()
        except OSError:
            pass  # the client was killed, as some tests do
