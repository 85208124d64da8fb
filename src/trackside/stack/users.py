"""PostgreSQL refuses to run as root: which other user it runs as, and how that user gets at its files.

A leased machine is often used as root, with everything in root's closed home folder. No folder above the stack's own
is changed for that: the programs are copied into the stack's folder where their own place is closed, and where the
stack's folder itself lies below a closed one, PostgreSQL gets one privilege of root's with it, to pass closed folders
(CAP_DAC_READ_SEARCH; in containers that lack it CAP_DAC_OVERRIDE).
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from trackside.stack.settings import CannotStart

_NAMES = ("postgres", "nobody")
_PRIVILEGES = ("dac_read_search", "dac_override")


class OtherUser(NamedTuple):
    """Another user to run a program as."""

    name: str
    uid: int
    gid: int
    privilege: str = ""  # a capability kept from root; empty for none

    def start(self, arguments: list[str]) -> tuple[list[str], dict[str, Any]]:
        """The arguments and the options of Popen that run a program as this user."""
        if not self.privilege:
            return arguments, {"user": self.uid, "group": self.gid, "extra_groups": []}
        only = f"-all,+{self.privilege}"
        drop = [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups", f"--bounding-set={only}"]
        keep = [f"--inh-caps={only}", f"--ambient-caps={only}"]
        # Without this, access(2) answers as if the privilege were not there, and PostgreSQL asks it about its programs.
        exact = "--securebits=+no_setuid_fixup"
        return ["setpriv", *drop, *keep, exact, *arguments], {}

    def owns(self, path: Path) -> None:
        """Give a file or folder to this user."""
        os.chown(path, self.uid, self.gid)

    def reaches(self, path: Path, *, mode: int = stat.S_IXOTH) -> bool:
        """Can the user, without privileges, go through every folder above a path, and use it by `mode`?"""
        path = path.resolve()
        folders = all(self._may(folder, stat.S_IXOTH) for folder in path.parents)
        return folders and self._may(path, mode)

    def _may(self, path: Path, mode: int) -> bool:
        found = path.stat()
        if found.st_uid == self.uid:
            mode <<= 6
        elif found.st_gid == self.gid:
            mode <<= 3
        return found.st_mode & mode == mode


def other_user(data_dir: Path) -> OtherUser | None:
    """As whom PostgreSQL runs with its files in `data_dir`; None: as whom we are. Raises CannotStart."""
    if os.getuid() != 0:
        return None
    user = _first_user(_NAMES)
    return user if user.reaches(data_dir) else user._replace(privilege=_privilege(user, data_dir))


def _first_user(names: Sequence[str]) -> OtherUser:
    for name in names:
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return OtherUser(name, found.pw_uid, found.pw_gid)
    raise CannotStart(
        "PostgreSQL does not run as root, and this machine has no user 'postgres' or 'nobody': add one,"
        " or use --external-postgres."
    )


def _privilege(user: OtherUser, data_dir: Path) -> str:
    """The first privilege that this system lets us hand on."""
    if shutil.which("setpriv"):
        for name in _PRIVILEGES:
            command, _ = user._replace(privilege=name).start(["sh", "-c", 'cd "$0"', str(data_dir)])
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:  # noqa: S603
                return name
    raise CannotStart(
        f"PostgreSQL does not run as root but as '{user.name}', who cannot reach {data_dir}: a folder above it is"
        " closed, and this system lets nobody pass on root's right to enter it. Choose a --data-dir that others can"
        " reach, such as /var/lib/trackside."
    )
