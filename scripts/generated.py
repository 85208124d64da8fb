"""A page of docs/ that a script writes from the code: written anew, or checked for drift."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


def main(page: Path, text: Callable[[], str], source: str, description: str | None) -> int:
    """The command line of such a script; the exit code, 1 where `--check` finds that the page has drifted."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if the page has drifted")
    check = parser.parse_args().check
    wanted = text()
    if check:
        if page.is_file() and page.read_text() == wanted:
            return 0
        print(f"{page} has drifted from {source}: run scripts/docs", file=sys.stderr)
        return 1
    page.write_text(wanted)
    return 0
