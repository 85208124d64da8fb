"""The pages about the stack, followed to the letter: their commands and their code, one after the other."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from lab import Lab

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

DOCS = Path(__file__).resolve().parents[2] / "docs"
FENCED = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What is not run, and why. Everything else on the pages is.
NOT_RUN = {
    "pip install": "the tests run on what is installed",
    "trackside data food11 --from": "needs the publishers' archive",
    "TRACKSIDE_EXTERNAL_": "what runs already is not here",
    "--external-": "what runs already is not here; tests/stack/test_up.py uses some",
    "trackside up --without": "other ways to start what runs",
    "trackside up --with ": "the same",
    "trackside up --host": "the same, on the page of the stack",
    "down --delete-data": "asks",
}
# So little that a lesson takes seconds.
SMALL = {
    "TRACKSIDE_MINI_PER_CLASS": "4,2,2",
    "TRACKSIDE_MINI_SIZE": "96",
    "TRACKSIDE_MINI_PICTURES": "shapes",
    "TRACKSIDE_TRAIN_WEIGHTS": "none",
    "TRACKSIDE_TRAIN_EPOCHS": "1",
    "TRACKSIDE_TRAIN_HEAD_EPOCHS": "1",
    "TRACKSIDE_TRAIN_IMAGE_SIZE": "64",
    "OMP_NUM_THREADS": "1",
}


def script(page: str, *, not_run: dict[str, str], first: str = "") -> str:
    """A page as a script for bash that ends at the first command that fails."""
    lines = ["set -euo pipefail", first]
    for number, (language, code) in enumerate(FENCED.findall((DOCS / page).read_text())):
        if language == "python":
            lines += [f"cat > {number}.py <<'CODE'", code.rstrip(), "CODE", f"python -W ignore {number}.py"]
        else:
            lines += [line for line in code.splitlines() if not any(part in line for part in not_run)]
    return "\n".join(lines)


def follow(lab: Lab, text: str) -> str:
    """What the script prints, run with the lab's ports and data folder."""
    lab.folder.parent.mkdir(exist_ok=True)
    programs = Path(sys.executable).parent
    variables = {
        **lab.environment,
        **{f"TRACKSIDE_{name.upper().replace('-', '_')}_PORT": str(port) for name, port in lab.ports.items()},
        **SMALL,
        "TRACKSIDE_STACK_DIR": str(lab.folder),
        "PATH": f"{programs}:{lab.environment['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-c", text],
        env=variables,
        cwd=lab.folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


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
EVAL = 'eval "$(trackside status --secrets --shell)"'


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
