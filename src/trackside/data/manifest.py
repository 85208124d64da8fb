"""The record of a prepared data folder: what it holds, where it came from, and a quick check that it still does.

`manifest.json` is small and written last, so a folder that has one is finished. `SHA256SUMS` beside
it names every image; its own SHA-256 is the manifest's `digest`, the identity of the data set.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path, PurePath

import msgspec

import trackside
from trackside.data import files
from trackside.data.layout import IMAGE_SUFFIXES, SPLITS

NAME = "manifest.json"
SUMS = "SHA256SUMS"
FORMAT = 1


class Source(msgspec.Struct, omit_defaults=True):
    """Where the images came from, and enough to know it again."""

    kind: str  # url, zip, folder, in place; glyphs or shapes for images that were made
    where: str
    sha256: str | None = None  # of the archive or package
    bytes: int | None = None
    mtime_ns: int | None = None
    listing: str | None = None  # of a folder: hash of its paths and sizes
    parameters: dict[str, str] = {}  # of images that were made


class Reject(msgspec.Struct):
    """A file that is not part of the data set, and why."""

    path: str
    reason: str
    moved_to: str | None = None


class Manifest(msgspec.Struct, kw_only=True):
    """What a data folder holds."""

    format: int = FORMAT
    kind: str  # food11 or mini
    trackside: str = trackside.__version__
    prepared_at: str
    source: Source
    classes: list[str]
    counts: dict[str, list[int]]  # of each split, by class number
    bytes: int
    digest: str  # SHA-256 of SHA256SUMS
    listing: str  # hash of the names and sizes of all images
    rejected: list[Reject] = []
    unplaced: list[Reject] = []
    duplicates: int = 0
    strays: list[str] = []  # images and folders in the splits that did not come from the source


def now() -> str:
    """The time, UTC, ISO 8601, to the second."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def read(target: Path) -> Manifest | None:
    """The manifest of a data folder, or None if preparation never ended there."""
    try:
        content = (target / NAME).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError:
        return None  # not one of ours, or damaged: prepare again
    return manifest if manifest.format == FORMAT else None


def write(target: Path, manifest: Manifest, sums: Iterable[tuple[str, str]]) -> None:
    """Make a finished data folder: everything on disk first, then the manifest.

    `sums` are path and SHA-256 of every image; `manifest.digest` is set from them.
    """
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(sums)).encode()
    manifest.digest = hashlib.sha256(lines).hexdigest()
    files.settle_disk()
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    unfinished = files.work_dir(target) / "tmp"
    files.write_durably(target / SUMS, lines, by_way_of=unfinished)
    files.write_durably(target / NAME, content, by_way_of=unfinished)


def forget(target: Path) -> None:
    """Mark the folder as unfinished before anything in it changes."""
    files.mark_begun(target)
    (target / NAME).unlink(missing_ok=True)


def scan(target: Path) -> dict[str, int]:
    """Every image below the split folders and its size in bytes, by path, sorted."""
    found: dict[str, int] = {}
    for split in SPLITS:
        _scan(target / split, split, found)
    return dict(sorted(found.items()))


def _scan(folder: Path, path: str, found: dict[str, int]) -> None:
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _scan(Path(entry.path), f"{path}/{entry.name}", found)
            elif PurePath(entry.name).suffix.lower() in IMAGE_SUFFIXES:
                found[f"{path}/{entry.name}"] = entry.stat().st_size if entry.is_file() else -1  # a dead link


def listing(found: Iterable[tuple[str, int]]) -> str:
    """A hash of paths and sizes."""
    digest = hashlib.sha256()
    for path, size in found:
        digest.update(f"{size} {path}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def unfinished(target: Path) -> bool:
    """Whether preparation began here and never ended."""
    return files.work_dir(target).is_dir() and read(target) is None


def intact(target: Path, manifest: Manifest) -> bool:
    """Whether every image is there with its size and no other: the quick check, a few µs per image."""
    return listing(scan(target).items()) == manifest.listing


def verify(target: Path, manifest: Manifest) -> list[str]:
    """Read every image and compare it with SHA256SUMS; the paths that differ, of SHA256SUMS itself if that does."""
    try:
        content = (target / SUMS).read_bytes()
    except FileNotFoundError:
        content = b""
    if hashlib.sha256(content).hexdigest() != manifest.digest:
        return [SUMS]
    wrong = []
    for line in content.decode().splitlines():
        digest, _, path = line.partition("  ")
        file = target / path
        if not file.is_file() or files.sha256_of(file) != digest:
            wrong.append(path)
    return wrong
