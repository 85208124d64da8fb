"""Reading a zip from anywhere: refused as a whole if any member could do harm, before anything is written."""

from __future__ import annotations

import errno
import re
import stat
import struct
import unicodedata
import urllib.parse
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from trackside.data.errors import DataError
from trackside.data.progress import amount

UNICODE_PATH = 0x7075  # extra field with a second name that some programs unpack to
_OVERLONG = re.compile(rb"\xc0[\xae\xaf]|\xe0\x80[\xae\xaf]")  # "." and "/" in more bytes than UTF-8 allows


@dataclass(frozen=True)
class Limits:
    """What an archive may hold. Food-11 has 16,643 images in 1.2 GB, so these leave ample room."""

    members: int = 100_000
    file_bytes: int = 32 * 1024**2  # one image; each is held in memory
    total_bytes: int = 8 * 1024**3
    ratio: int = 100  # unpacked to packed; photos have 1, a zip bomb has 1,000 and more


class DamagedError(Exception):
    """One member cannot be read; the message says why."""


class ZipSource:
    """The files of a zip. Its methods may be called from several threads."""

    in_place = False  # as `sources.FolderSource` may be

    def __init__(self, path: Path, limits: Limits) -> None:
        """Open and examine the archive.

        Raises DataError if it is no zip, is truncated, or has a member that points outside,
        is a link, is encrypted, has the name of another, or is beyond the limits.
        """
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, struct.error, NotImplementedError, UnicodeDecodeError) as error:
            raise DataError(_not_a_zip(path, error)) from error
        try:
            self._members = self._examine(limits)
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def files(self) -> list[tuple[str, int]]:
        """Paths, with forward slashes, and sizes in bytes."""
        return [(path, info.file_size) for path, info in self._members.items()]

    def same(self, one: str, other: str) -> bool:
        """Whether two members have the same content, by what the archive says of them."""
        a, b = self._members[one], self._members[other]
        return (a.CRC, a.file_size) == (b.CRC, b.file_size)

    def read(self, path: str) -> bytes:
        """A member's content. Raises DamagedError if it cannot be unpacked or does not match its checksum."""
        try:
            return self._zip.read(self._members[path])
        except OSError as error:
            if error.errno != errno.EINVAL:  # that is a damaged offset; all else is the disk's fault
                raise
            raise DamagedError(f"damaged in the archive: {error}") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, RuntimeError, ValueError) as error:
            raise DamagedError(f"damaged in the archive: {error}") from error

    def _examine(self, limits: Limits) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > limits.members:
            raise self._refused(f"it has {len(infos):,} members, more than {limits.members:,}")
        total, members = 0, dict[str, zipfile.ZipInfo]()
        for info in infos:
            if reason := _harm(info, limits):
                raise self._refused(f"member {info.orig_filename!r} {reason}")
            total += info.file_size
            path = info.filename.replace("\\", "/")
            if not path.endswith("/"):
                if path in members:
                    raise self._refused(f"it has two members of the name {path!r}")
                members[path] = info
        if total > limits.total_bytes:
            raise self._refused(
                f"it unpacks to {amount(total, 'B')}, more than {amount(limits.total_bytes, 'B')}"
            )
        # Against the file's own size: also finds members that share the same packed bytes.
        packed = self.path.stat().st_size
        if total > packed * limits.ratio:
            raise self._refused(f"it unpacks to {total // packed:,} times its size, as a zip bomb does")
        return members

    def _refused(self, reason: str) -> DataError:
        return DataError(
            f"{self.path} is refused and nothing was unpacked: {reason}. Get the archive from a source you trust."
        )


def _harm(info: zipfile.ZipInfo, limits: Limits) -> str | None:  # noqa: PLR0911  (one per kind of harm)
    """Why a member must not be unpacked, or None."""
    for name in (info.filename, info.orig_filename, *_second_names(info.extra)):
        if reason := escapes(name):
            return reason
    raw = info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
    if _OVERLONG.search(urllib.parse.unquote_to_bytes(raw)):
        return "hides a dot or a slash in its name"
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "is a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is neither a file nor a folder"
    if info.flag_bits & 0x41:
        return "is encrypted"
    if info.flag_bits & 0x20:
        return "is a patch to another file"
    # Others cannot be unpacked within a fixed amount of memory, and photos have no need of them.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"is packed with method {info.compress_type}; only stored and deflated are read"
    if info.file_size > limits.file_bytes:
        return f"has {amount(info.file_size, 'B')}, more than {amount(limits.file_bytes, 'B')}"
    return None


def escapes(name: str) -> str | None:
    """Why a member's name could lead outside the folder it is unpacked to, or None.

    Looked at as it is and as careless programs may read it: with percent-escapes resolved
    (repeatedly), compatibility characters (such as a full-width full stop) made plain, and
    backslashes as separators.
    """
    seen = set[str]()
    while name not in seen:
        seen.add(name)
        path = unicodedata.normalize("NFKC", name).replace("\\", "/")
        if any(ord(character) < 32 or ord(character) == 127 for character in path):
            return "has a control character in its name"
        if path.startswith("/") or re.match(r"[A-Za-z]:", path):
            return "has an absolute path"
        if any(part.strip(" ") == ".." for part in path.split("/")):
            return "points outside the folder"
        name = urllib.parse.unquote(name, errors="replace")
    return None


def _second_names(extra: bytes) -> list[str]:
    names = []
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == UNICODE_PATH:
            # After version and checksum.
            names.append(extra[9 : 4 + length].decode("utf-8", errors="replace"))
        extra = extra[4 + length :]
    return names


def _not_a_zip(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"PK"):
        return f"{path} is not a whole zip ({error}): it is truncated or damaged. Get it again."
    if head.lstrip().startswith((b"<", b"{")):
        return (
            f"{path} is not a zip but a page or message of a web server. "
            "The link leads to a page about the file, not to the file: use the direct link, or download it yourself."
        )
    return f"{path} is not a zip archive ({error})."
