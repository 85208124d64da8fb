"""What `trackside up` refuses before anything is made."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from trackside.cli.app import app


def refused(*options: str | Path) -> str:
    """What is said, in one line."""
    done = CliRunner().invoke(app, ["up", *map(str, options)])
    assert done.exit_code in (1, 2)
    return " ".join(done.output.replace("\u2502", " ").split())


def test_two_parts_at_one_port_are_named(tmp_path: Path) -> None:
    place = tmp_path / "lab"
    said = refused("--data-dir", place, "--server-port", "18700", "--jupyter-port", "18700")
    assert "--server-port and --jupyter-port are both 18700" in said
    assert not place.exists()
