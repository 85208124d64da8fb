"""Where Food-11 may come from: a URL, a zip, a folder, or the data folder itself; and knowing a source again."""

from __future__ import annotations

import filecmp
import hashlib
import os
import urllib.parse
from pathlib import Path
from typing import Self

from trackside.data import files, manifest
from trackside.data.archive import Limits, ZipSource
from trackside.data.errors import DataError, OptionsError
from trackside.data.fetch import Patience, download, shown
from trackside.data.layout import REJECTED, split_of
from trackside.data.manifest import Manifest, Source
from trackside.data.progress import Progress


class FolderSource:
    """The files below a folder. Links to folders are followed where these are splits, else not.

    Its methods may be called from several threads.
    """

    def __init__(self, root: Path, target: Path) -> None:
        self.root = root
        self.in_place = _same_folder(root, target)
        self._target = target

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def files(self) -> list[tuple[str, int]]:
        """Paths, with forward slashes, and sizes in bytes, sorted."""
        found = []
        for folder, folders, names in os.walk(self.root, followlinks=True):
            relative = Path(folder).relative_to(self.root)
            folders[:] = [name for name in folders if not self._skipped(relative, name)]
            for name in names:
                path = Path(folder, name)
                if path.is_file():
                    found.append(((relative / name).as_posix(), path.stat().st_size))
        return sorted(found)

    def _skipped(self, relative: Path, name: str) -> bool:
        if relative == Path() and (name == files.WORK or (name == REJECTED and not self.in_place)):
            return True
        path = self.root / relative / name
        if path.is_symlink() and (not split_of(name) or any(map(split_of, relative.parts))):
            return True  # a link elsewhere, or within a split, could lead round in a circle
        return not self.in_place and _same_folder(path, self._target)

    def same(self, one: str, other: str) -> bool:
        """Whether two files have the same content."""
        return filecmp.cmp(self.root / one, self.root / other, shallow=False)

    def read(self, path: str) -> bytes:
        """A file's content."""
        return (self.root / path).read_bytes()


def describe(source: str, target: Path) -> Source:
    """A source ("" is the data folder itself) as the manifest records it, by a quick look.

    Raises OptionsError if it is an address of no known kind.
    """
    if not source or _same_folder(Path(source), target):
        return Source("in place", str(target.resolve()))
    if is_url(source):
        return Source("url", shown(source))
    path = Path(source).expanduser().resolve()
    if path.is_dir():
        return Source("folder", str(path), listing=manifest.listing(FolderSource(path, target).files()))
    if path.is_file():
        state = path.stat()
        return Source("zip", str(path), bytes=state.st_size, mtime_ns=state.st_mtime_ns)
    return Source("missing", str(path))


def is_url(source: str) -> bool:
    """Whether a source is an http or https address. Raises OptionsError for another scheme or a malformed one."""
    try:
        parts = urllib.parse.urlsplit(source)
    except ValueError as error:
        raise OptionsError(f"{source} is not a valid address: {error}.") from error
    if "://" in source and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise OptionsError(
            f"{source} can't be fetched: only http and https addresses, zip files and folders can."
        )
    return parts.scheme in ("http", "https")


def recognised(found: Source, known: Manifest, sha256: str | None) -> bool:
    """Whether a folder with the manifest `known` was prepared from the source `found`."""
    was = known.source
    if sha256 and was.sha256 != sha256:
        return False
    if found.kind == "in place":
        return True
    if found.kind == "zip":
        same_file = (was.where, was.mtime_ns) == (found.where, found.mtime_ns)
        same_size = was.bytes == found.bytes
        return same_size and (same_file or files.sha256_of(Path(found.where)) == was.sha256)
    if found.kind == "missing":  # the images are all here, so the source need not be
        return was.where == found.where
    return (found.kind, found.where, found.listing) == (was.kind, was.where, was.listing)


def open_source(
    source: str,
    found: Source,
    target: Path,
    *,
    sha256: str | None,
    refetch: bool,
    limits: Limits,
    progress: Progress,
    patience: Patience | None,
) -> ZipSource | FolderSource:
    """Get and check a source; notes in `found` the archive's SHA-256. `refetch` takes no kept download for it.

    Raises DataError if it cannot be downloaded, has another SHA-256 than `sha256`, or is unsafe.
    """
    if found.kind in ("folder", "in place"):
        return FolderSource(Path(found.where), target)
    if found.kind == "zip":
        return _checked(Path(found.where), found, sha256, limits)
    archive = files.work_dir(target) / "download" / f"{hashlib.sha256(source.encode()).hexdigest()[:16]}.zip"
    archive.parent.mkdir(parents=True, exist_ok=True)
    if refetch:
        archive.unlink(missing_ok=True)
    download(source, archive, limit=limits.total_bytes, progress=progress, patience=patience)
    try:
        return _checked(archive, found, sha256, limits)
    except DataError as error:
        archive.unlink()
        raise DataError(f"{error} The download has been removed.") from error


def _checked(archive: Path, found: Source, sha256: str | None, limits: Limits) -> ZipSource:
    found.bytes, found.sha256 = archive.stat().st_size, files.sha256_of(archive)
    if sha256 and sha256 != found.sha256:
        raise DataError(
            f"{found.where} is not the expected file: its SHA-256 is {found.sha256}, "
            f"--sha256 says {sha256}. Nothing was unpacked."
        )
    return ZipSource(archive, limits)


def _same_folder(one: Path, other: Path) -> bool:
    return one.is_dir() and other.is_dir() and one.samefile(other)
