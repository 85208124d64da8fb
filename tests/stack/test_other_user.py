"""As root, PostgreSQL runs as somebody else, also below a folder that only root may enter."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from lab import Lab, kill

from trackside.stack.users import OtherUser, other_user

root_only = pytest.mark.skipif(os.getuid() != 0, reason="only root is refused by PostgreSQL")
pytestmark = pytest.mark.timeout(120)


def modes(path: Path) -> dict[str, tuple[int, int]]:
    """Mode and owner of every folder above."""
    return {str(folder): (folder.stat().st_mode, folder.stat().st_uid) for folder in path.resolve().parents}


@root_only
@pytest.mark.parametrize("closed", [False, True])
def test_it_runs_as_another_user_and_changes_no_folder_above(tmp_path: Path, closed: bool) -> None:
    open_up(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o700 if closed else 0o755)
    lab = Lab(home / "work" / "lab")
    lab.folder.parent.mkdir()
    before = modes(lab.folder)
    lab.up("--with", "postgres")
    try:
        pid = lab.pids()["postgres"]
        status = dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if ":\t" in line
        )
        assert status["Uid"].split()[0] != "0"
        # Without a closed folder no privilege is left; with one, the one to pass it.
        privileges = int(status["CapEff"], 16)
        assert (privileges).bit_count() == (1 if closed else 0)
        assert int(status["CapPrm"], 16) == privileges
        assert (lab.folder / "postgres/data").stat().st_uid == int(status["Uid"].split()[0])
        kill(pid)
        lab.all_ready()
    finally:
        lab.down()
    assert modes(lab.folder) == before


@root_only
def test_closed_programs_are_copied_below_the_data(tmp_path: Path, running: Lab) -> None:
    """The interpreter of root's own home, and the wheel in it."""
    from trackside.stack import postgres

    open_up(tmp_path)
    package = tmp_path / "closed/package"
    programs = package / "pginstall/bin"
    programs.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (programs / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 99.1'\n")
        (programs / name).chmod(0o700)
    (tmp_path / "closed").chmod(0o700)
    user = OtherUser("nobody", 65534, 65534)
    place = tmp_path / "place"
    place.mkdir(0o711)
    copied = postgres._usable(programs, place, user)
    assert copied.is_relative_to(place)
    assert user.reaches(copied / "postgres")
    assert stat.S_IMODE((tmp_path / "closed").stat().st_mode) == 0o700
    assert stat.S_IMODE((programs / "postgres").stat().st_mode) == 0o700
    assert postgres._usable(programs, place, user) == copied


def open_up(tmp_path: Path) -> None:
    """pytest's own folders are closed to others."""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        if folder.stat().st_uid == os.getuid() and str(folder) not in ("/", "/tmp"):
            folder.chmod(0o755)


def test_whoever_is_not_root_stays_who_he_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert other_user(tmp_path) is None
