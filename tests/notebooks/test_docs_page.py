"""What docs/notebooks.md tells a reader to type works, and its tables are whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Server

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/notebooks.md").read_text()
BY_HAND = ("pip install", "trackside data", "jupyter lab")  # what other tests do, or what stays open


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_commands_bring_the_notebooks_and_their_variables(tmp_path: Path) -> None:
    *prepare, by_hand = blocks("sh")
    assert all(block.endswith(' --to "$FOOD11_DATA_DIR"\n') for block in prepare)
    lines = by_hand.splitlines()
    assert [line.split("  ")[0].startswith(BY_HAND) for line in lines] == [True, True, False, False, True]
    script = "\n".join(line for line in lines if not line.startswith(BY_HAND))
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
    }
    command = ["bash", "-euc", f'{script}\necho "$MLFLOW_TRACKING_URI $FOOD11_DATA_DIR"']
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout == f"http://127.0.0.1:8000 {tmp_path}/food11-mini\n"
    assert (tmp_path / "lab/06_use.ipynb").is_file()


def test_the_code_runs(server: Server) -> None:
    environment = {**os.environ, "MLFLOW_TRACKING_URI": server.url, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", *blocks("python")]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("run baseline RUNNING")


@pytest.mark.parametrize("kind", ["notebooks", "variables"])
def test_the_tables_name_all_there_is(kind: str) -> None:
    folder = ROOT / "examples/notebooks"
    if kind == "notebooks":
        assert re.findall(r"^\| `(\d\d_\w+)` \|", PAGE, re.MULTILINE) == sorted(
            p.stem for p in folder.glob("*.ipynb")
        )
    else:
        read = re.findall(r'environ\.get\("(\w+)", "([^"]*)"\)', (folder / "lab.py").read_text())
        told = dict(re.findall(r"^\| `([A-Z_0-9]+)` \| `?([\w/]+)`? \|", PAGE, re.MULTILINE))
        assert told == {name: "all" if default == "0" else default for name, default in read}
