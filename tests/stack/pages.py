"""Pages followed to the letter: their commands and their code, one after the other, as one script for bash."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from lab import Lab

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
EVAL = 'eval "$(trackside status --secrets --shell)"'

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
