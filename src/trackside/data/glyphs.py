"""Pictures of food to paste into made-up photos: rendered glyphs from an npm package, each in its Food-11 class."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from trackside.data import files, shapes
from trackside.data.errors import DataError
from trackside.data.progress import Progress

PACKAGE = "@lobehub/fluent-emoji-3d"  # MIT
VERSION = "1.1.0"
# The registry's own figure for this version: whatever is served under the name, these are the bytes.
INTEGRITY = "sha512-Wlq2lVStTnr8BDpIJ0pEnTKO4LuDxxqTEhTvRtD1DLRF0me7ogeRQjKoehDHXuVJ2Qaecgl5wRBv60lUAG3h7g=="
FILE = "fluent-emoji-3d-1.1.0.tgz"
MAX_GLYPH_BYTES = 1 << 20
FETCH_SECONDS = 120  # for 16 MB

# Unicode code points of the glyphs of each class.
CODE_POINTS = (
    "1f35e 1f950 1f956 1fad3 1f968 1f96f 1f95e 1f9c7",
    "1f9c0 1f95b 1f9c8 1f37c",
    "1f366 1f367 1f368 1f369 1f36a 1f382 1f370 1f9c1 1f967 1f36b 1f36c 1f36d 1f36e 1f96e",
    "1f95a 1f373",
    "1f35f 1f364 1f9c6 1f95f 1f32e",
    "1f969 1f356 1f953 1f357 1f32d",
    "1f35d 1f35c",
    "1f35a 1f359 1f358 1f35b",
    "1f990 1f99e 1f980 1f991 1f9aa 1f363 1f41f 1f419",
    "1f372 1f963 1fad5",
    (
        "1f34e 1f34f 1f350 1f34a 1f34b 1f34c 1f349 1f347 1f353 1fad0 1f348 1f352 1f351 1f96d 1f34d 1f965 "
        "1f95d 1f345 1f346 1f951 1f966 1f96c 1f952 1fad1 1f33d 1f955 1f9c4 1f9c5 1f954 1f957 1fad2"
    ),
)


@dataclass(frozen=True)
class Pictures:
    """Cut-out pictures of each class as encoded images with transparency, and where they come from."""

    kind: str  # glyphs or shapes
    where: str
    by_class: tuple[tuple[bytes, ...], ...]
    sha256: str | None = None  # of the package
    note: str | None = None  # why it is not what was hoped for


def pictures(wanted: str, cache: Path, progress: Progress) -> Pictures:
    """The glyphs of the package, fetched once into `cache`; or shapes drawn here.

    `wanted` is `glyphs` (fail without the package), `shapes`, or `auto` (glyphs if they can be had).
    """
    if wanted != "shapes":
        try:
            return _from_package(cache, progress)
        except DataError as error:
            if wanted == "glyphs":
                raise
            note = f"Drawn shapes stand in for the food glyphs: {error}"
            progress.note(note)
    else:
        note = None
    return Pictures("shapes", "drawn by trackside", shapes.all_classes(), note=note)


def _from_package(cache: Path, progress: Progress) -> Pictures:
    archive = cache / FILE
    if not _is_genuine(archive):
        _fetch(archive, progress)
    wanted = {
        f"package/assets/{point}.webp": index
        for index, points in enumerate(CODE_POINTS)
        for point in points.split()
    }
    found = dict[str, bytes]()
    # Members are picked by exact name and read into memory: nothing is unpacked to disk.
    with tarfile.open(archive) as package:
        for member in package:
            if member.name in wanted and member.isfile() and member.size <= MAX_GLYPH_BYTES:
                content = package.extractfile(member)
                if content:
                    found[member.name] = content.read()
    if missing := wanted.keys() - found.keys():
        raise DataError(f"{archive} lacks {min(missing)}. Remove the file and run this again.")
    by_class = tuple(
        tuple(found[name] for name in wanted if wanted[name] == index) for index in range(len(CODE_POINTS))
    )
    return Pictures("glyphs", f"npm {PACKAGE}@{VERSION} (MIT)", by_class, files.sha256_of(archive))


def _fetch(archive: Path, progress: Progress) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise DataError(
            "npm is not installed, so the glyph package can't be fetched. Install Node.js, or use shapes."
        )
    progress.note(f"Fetching {PACKAGE}@{VERSION} (16 MB, MIT) with npm; it is kept in {archive.parent}")
    with files.explain(archive.parent), contextlib.ExitStack() as stack:
        archive.parent.mkdir(parents=True, exist_ok=True)
        # Beside the cache, so that the rename is atomic; npm runs there, out of reach of a project's .npmrc.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=archive.parent, prefix=".npm-")))
        _run_npm([npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts"], folder)
        packed = next(folder.glob("*.tgz"), None)
        if packed is None or not _is_genuine(packed):
            raise DataError(f"npm fetched another {PACKAGE}@{VERSION} than the one known: it is not used.")
        packed.replace(archive)


def _run_npm(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(  # noqa: S603  (fixed arguments)
            command,
            cwd=folder,
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=FETCH_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise DataError(f"npm did not answer within {FETCH_SECONDS} s.") from error
    except subprocess.CalledProcessError as error:
        lines = [
            line for line in error.stderr.decode(errors="replace").splitlines() if "error" in line.lower()
        ]
        raise DataError(
            f"npm could not fetch {PACKAGE}: {lines[0] if lines else f'exit {error.returncode}'}."
        ) from error


def _is_genuine(archive: Path) -> bool:
    if not archive.is_file():
        return False
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").digest()
    return f"sha512-{base64.b64encode(digest).decode()}" == INTEGRITY
