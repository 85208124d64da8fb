"""What is set in deploy/ exists: variables of the command line, in every file that sets some; the systemd units."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from compose_files import DEPLOY, arguments, built, load
from outside import PROGRAMS

import command_lines

UNITS = sorted(DEPLOY.glob("systemd/*.service"))
TEAM = DEPLOY.parent / "docs/team.md"
SETTING = re.compile(
    r"(?:^|[\s#\"{])-?\s*(?:name: )?(TRACKSIDE_[A-Z0-9_]+)(?==|:|, value|\s*$)", re.MULTILINE
)
# Of deploy/ itself, and of the build: no option of a command.
OWN = {"TRACKSIDE_ADMIN_PASSWORD", "TRACKSIDE_BUILD_WITHOUT_UI", "TRACKSIDE_EXAMPLES"}


@pytest.fixture(scope="module")
def known() -> set[str]:
    """The variables of all options of all commands."""
    sys.path.append(str(DEPLOY.parent / "scripts"))
    import cli_reference

    return {
        variable
        for _, command in cli_reference.commands()
        for option in cli_reference.options(command)
        for variable in cli_reference.variables(option)
    }


def test_every_variable_is_one_of_a_command(known: set[str]) -> None:
    texts = {path: path.read_text() for path in DEPLOY.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    used = {name: path.name for path, text in texts.items() for name in SETTING.findall(text)}
    assert len(used) >= 8
    assert {name: file for name, file in used.items() if name not in known | OWN} == {}


def test_every_command_of_the_compose_file_exists() -> None:
    services = load()["services"].items()
    calls = {name: arguments(service) for name, service in services if service["image"] in built()}
    ours = {name: words[1:] for name, words in calls.items() if words[0] == "trackside"}
    assert ours.keys() == {"bucket", "server", "migrate", "food11"}
    assert [said for words in ours.values() if (said := command_lines.wrong(words))] == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_command_of_a_unit_exists(unit: Path) -> None:
    (line,) = re.findall(r"^ExecStart=\S+ (.+)$", unit.read_text(), re.MULTILINE)
    words = line.split()
    if words[0] == "up" and "up" not in command_lines.root().commands:
        pytest.skip("trackside up is not there yet")
    assert command_lines.wrong(words) == ""


def test_the_page_for_teams_starts_the_lab_in_the_units_folder() -> None:
    """Else whoever follows both has two labs, of which the second is empty."""
    unit = (DEPLOY / "systemd/trackside-up.service").read_text()
    (name,) = re.findall(r"^ExecStart=.* --data-dir %S/(\S+)$", unit, re.MULTILINE)
    assert f"\nStateDirectory={name}\n" in unit
    told = re.findall(r"^trackside up .*--data-dir (\S+)", TEAM.read_text(), re.MULTILINE)
    assert told == [f"/var/lib/{name}"]


def test_a_unit_is_installed_with_all_that_it_names() -> None:
    readme = (DEPLOY / "README.md").read_text()
    for unit in UNITS:
        for named in re.findall(r"^EnvironmentFile=-?(\S+)$", unit.read_text(), re.MULTILINE):
            example = f"deploy/systemd/{Path(named).name}.example"
            assert (DEPLOY.parent / example).is_file()
            assert f"sudo install --mode 600 {example} {named}\n" in readme
        assert f"deploy/systemd/{unit.name} /etc/systemd/system/\n" in readme


def test_nothing_of_the_checkout_is_built_as_root() -> None:
    installed = re.findall(r"^sudo \S*pip install (\S+)", (DEPLOY / "README.md").read_text(), re.MULTILINE)
    assert len(installed) == len(UNITS)
    assert [what for what in installed if what.startswith(("'.", "."))] == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze (Debian: systemd)")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_has_nothing_to_say_of_a_unit(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text()
    (command,) = re.findall(r"^ExecStart=(\S+) ", text, re.MULTILINE)
    assert command == "/opt/trackside/bin/trackside"
    (tmp_path / unit.name).write_text(text.replace(command, str(PROGRAMS / "trackside")))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / unit.name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_notebook_that_runs_out_of_memory_does_not_end_the_lab() -> None:
    assert "\nOOMPolicy=continue\n" in (DEPLOY / "systemd/trackside-up.service").read_text()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze (Debian: systemd)")
def test_the_server_is_fenced_in() -> None:
    """systemd's own mark, of 0 (all fenced) to 10: above 2.0 a fence was lost."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20"]
    unit = DEPLOY / "systemd/trackside-server.service"
    done = subprocess.run([*command, unit], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
