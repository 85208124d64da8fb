"""Writing to a data folder so that nothing is ever half there: locks, atomic files, clear disk errors."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trackside.data.errors import DataError
from trackside.data.progress import amount

if sys.platform != "win32":
    import fcntl

WORK = ".trackside"  # inside the data folder: lock, downloads and files being written
CHUNK = 1 << 20


def work_dir(target: Path) -> Path:
    """Where a data folder keeps what is not finished; on the same file system, so renames are atomic."""
    return target / WORK


def mark_begun(target: Path) -> None:
    """Note that images are being changed: from now on a failure leaves an unfinished data set."""
    (work_dir(target) / "begun").touch()


def mini_recipe(target: Path) -> Path:
    """What `mini` notes while its images are being made; a folder that has it is such an unfinished set."""
    return work_dir(target) / "mini.json"


@contextmanager
def alone(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a file, made if need be, for this process and thread alone; `waiting` is called before a wait for another.

    The file, and the folder it is in, may be renamed or removed while it is held.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            opened = path.open("ab")
        except FileNotFoundError:  # whoever held it has removed the folder just now
            continue
        with opened as file:
            if sys.platform != "win32":
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    waiting()
                    fcntl.flock(file, fcntl.LOCK_EX)
            try:
                current = os.path.samestat(os.fstat(file.fileno()), path.stat())
            except FileNotFoundError:
                current = False
            if current:  # else whoever held it has renamed or removed it
                yield
                return


@contextmanager
def claim(target: Path) -> Iterator[None]:
    """Hold the data folder for this process alone; the operating system frees it if we are killed.

    A block that fails leaves no trace of the claim, unless there is something to go on from.
    Raises DataError if another process holds it or the folder cannot be written.
    """

    def refuse() -> None:
        raise DataError(
            f"Another process is preparing {target}. Wait until it is done, then run this again."
        ) from None

    with explain(target):
        work = work_dir(target)
        # A folder with nothing but our own in it was made by an earlier try.
        ours = [target] if work.exists() else [p for p in (target, *target.parents) if not p.exists()]
        with alone(work / "lock", refuse):
            try:
                shutil.rmtree(work / "tmp", ignore_errors=True)  # what a killed process left
                (work / "tmp").mkdir(exist_ok=True)
                yield
            except BaseException:
                _withdraw(work, ours)
                raise


def _withdraw(work: Path, ours: list[Path]) -> None:
    """After a failure: remove what is of no use for another try, and the folders that are empty then."""
    shutil.rmtree(work / "tmp", ignore_errors=True)
    with suppress(OSError):  # not there, or not empty: a download to go on from
        (work / "download").rmdir()
    if [path.name for path in work.iterdir()] != ["lock"]:
        return
    with suppress(OSError):  # another process has come, or there is something else
        (work / "lock").unlink()
        for folder in (work, *ours):
            folder.rmdir()


def tidy(target: Path, *, keep_download: bool = False) -> None:
    """Remove all that was needed on the way, but the lock and, if told so, the downloaded archive."""
    for path in _leftovers(target, keep_download=keep_download):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def tidy_finished(target: Path, *, keep_download: bool = False) -> None:
    """Remove what a process left that was killed after its last step, unless another is at work there."""
    if _leftovers(target, keep_download=keep_download):
        # Held by another process, or read-only: then it stays.
        with suppress(DataError), claim(target):
            tidy(target, keep_download=keep_download)


def _leftovers(target: Path, *, keep_download: bool) -> list[Path]:
    kept = {"lock", "download"} if keep_download else {"lock"}
    work = work_dir(target)
    return [path for path in work.iterdir() if path.name not in kept] if work.is_dir() else []


def place(target: Path, destination: Path, content: bytes) -> None:
    """Write a file of the data set: whole or not at all. `settle_disk` makes it survive a power cut."""
    # One name per thread: the folder is ours alone while we hold the lock.
    temporary = work_dir(target) / "tmp" / str(threading.get_ident())
    temporary.write_bytes(content)
    move(temporary, destination)


def move(source: Path, destination: Path) -> None:
    """Rename within the data folder, making the folder it goes to."""
    try:
        source.replace(destination)
    except FileNotFoundError:
        destination.parent.mkdir(parents=True, exist_ok=True)
        source.replace(destination)


def write_durably(destination: Path, content: bytes, *, by_way_of: Path | None = None) -> None:
    """Replace a small file atomically and durably.

    It is written in the folder `by_way_of` first, on the same file system; beside its destination if that is None.
    """
    temporary = (by_way_of or destination.parent) / f".{destination.name}.new"
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(destination)
    if sys.platform != "win32":
        descriptor = os.open(destination.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def settle_disk() -> None:
    """Wait until all files written so far are on disk: one call is far cheaper than an fsync per image."""
    if sys.platform != "win32":
        os.sync()


def require_space(target: Path, needed: int, purpose: str) -> None:
    """Raise DataError, before any work, if `needed` bytes will not fit."""
    free = shutil.disk_usage(target).free
    if needed > free:
        raise DataError(
            f"Not enough space in {target}: {purpose} needs {amount(needed, 'B')}, {amount(free, 'B')} are free. "
            "Free some space or choose another folder."
        )


@contextmanager
def explain(target: Path) -> Iterator[None]:
    """Turn a full disk or a missing permission into a DataError that says what to do."""
    try:
        yield
    except OSError as error:
        where = error.filename or target
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(
                f"The disk is full: writing to {target} failed. Free some space and run the same command again; "
                "it goes on where it stopped."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise DataError(
                f"No permission for {where}. Choose another folder, or change its permissions."
            ) from error
        if error.errno in (errno.ENOTDIR, errno.EEXIST):
            raise DataError(f"{where} is a file where a folder is needed. Choose another folder.") from error
        raise


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_bytes(content: bytes) -> str:
    """SHA-256 of bytes, in hex."""
    return hashlib.sha256(content).hexdigest()
