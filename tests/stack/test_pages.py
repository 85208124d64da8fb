"""The pages about the stack, followed to the letter: their commands and their code, one after the other."""

from __future__ import annotations

import os
import re
import shlex

import pytest
from lab import Lab
from pages import DOCS, EVAL, NOT_RUN, follow, script

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_the_page_of_the_stack(lab: Lab) -> None:
    (lab.folder.parent / "train.py").write_text(
        "import mlflow\nwith mlflow.start_run():\n    mlflow.log_metric('loss', 0.5)\nprint('trained')\n"
    )
    not_run = {**NOT_RUN, "trackside down": "more comes below it"}
    said = follow(lab, script("stack.md", not_run=not_run).replace("logs server -f", "logs server"))
    assert "trained" in said
    assert "JupyterLab: http://127.0.0.1:" in said
    assert (lab.folder.parent / "monday.dump").stat().st_size > 1000


def test_the_page_of_the_lab(lab: Lab) -> None:
    """On this machine alone: how it is beyond, tests/stack/test_up.py tries."""
    # A terminal of JupyterLab has this in its environment.
    terminal = f'trackside up\n{EVAL}\nexport FOOD11_DATA_DIR="$PWD/food11"'
    not_run = {**NOT_RUN, "trackside status --secrets": "prints only"}
    text = script("lab.md", not_run=not_run, first=terminal)
    said = follow(lab, text.replace("trackside down", f"{WORKERS_OF_RUNS}\ntrackside down"))
    assert f"workers: ['0', '{min(8, os.cpu_count() or 1)}']" in said
    assert said.count("test accuracy") == 2
    assert (lab.folder.parent / "my-lab").is_dir()


WORKERS_OF_RUNS = """python -W ignore - <<'CODE'
import mlflow
runs = mlflow.search_runs(experiment_names=["food11"], order_by=["start_time"])
print("workers:", list(runs["params.num_workers"]))
CODE"""


def test_a_whole_stack_is_saved_and_upgraded_as_the_page_says(lab: Lab) -> None:
    page = (DOCS / "operations.md").read_text()
    sections = [
        page.partition(f"## {title}")[2].partition("\n## ")[0] for title in ("Backup of a whole", "Upgrade")
    ]
    blocks = [
        block
        for section in sections
        for block in re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    ]
    lines = [line for block in blocks for line in block.splitlines() if "pip install" not in line]
    assert any("db migrate" in line for line in lines)
    text = "\n".join(["set -euo pipefail", "trackside up", "mkdir elsewhere", *lines, "trackside status"])
    moved = text.replace("trackside-data", shlex.quote(str(lab.folder)))
    said = follow(lab, moved)
    assert "monday.dump" in said
    assert said.count(" ready ") == 5
