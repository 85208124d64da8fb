"""Small files that are there whole or not at all, readable by their owner alone."""

from __future__ import annotations

import os
import pwd
import tempfile
from contextlib import suppress
from pathlib import Path

from trackside.stack.settings import CannotStart

_MARK = ".trackside-stack"


def write(path: Path, content: bytes) -> None:
    """Replace a file at once; its mode is 0600. A power cut leaves the old one or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def make_own(folder: Path, mode: int = 0o700) -> None:
    """Make a folder that is the stack's alone, with a mark in it. Raises CannotStart if others' files are there."""
    mark = folder / _MARK
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    if mark.exists():
        return
    found = next((entry for entry in folder.iterdir() if _MARK not in entry.name), None)
    if found and not mark.exists():  # another call of `up` may just have begun the same
        raise CannotStart(
            f"{found} is not a stack's, and {folder} would be: nothing of yours is to be mixed with a stack's files."
            " Name another --data-dir."
        )
    write(mark, b"Made by `trackside up`; `trackside down --delete-data` deletes this folder.\n")


def check_owner(folder: Path) -> None:
    """Raises CannotStart if a stack is another user's: files of ours among theirs would lock them out of it."""
    if folder.exists() and (owner := folder.stat().st_uid) != os.getuid():
        raise CannotStart(f"{folder.parent} is the stack of the user '{_name(owner)}': call this as they do.")


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:  # of another machine, or of none
        return str(user)


def set_aside(folder: Path) -> Path | None:
    """Take a folder of the stack's from its place, to be deleted; None if it is not there, or not the stack's."""
    if not (folder / _MARK).exists():
        return None
    place = folder.resolve()  # it may lie on another disk, by a link
    aside = place.with_name(f".{place.name}-deleted-{os.getpid()}")
    place.rename(aside)
    if folder.is_symlink():
        folder.unlink()
    return aside


def size(path: Path) -> int:
    """Bytes that a folder's files take on disk, as far as we may look. Files that go meanwhile count nothing."""
    total = 0
    folders = [path]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                else:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total
