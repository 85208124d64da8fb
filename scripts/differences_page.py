"""Writes docs/differences.md from the table that the differential suite goes by."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import generated

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PAGE = generated.DOCS / "differences.md"
SUITE = ROOT / "tests" / "protocol" / "differential"

HEAD = """# Differences from MLflow

Trackside answers as MLflow 3.17.2 does: same results, same status, same error codes, same messages. Where it does
not, it means to, and this page says so. The page is written by `scripts/docs` from the table that the tests go by:
they send the same requests to a real MLflow server and to Trackside, compare status, code, message and body, and
fail on any difference that does not stand here, and on any entry here that is no longer met.

What is compared is what a client can see, once ids, times and invented names are replaced. Lists whose order MLflow
does not promise are compared without it: params, tags and metrics of a run stand as they were logged in MLflow, and
sorted by key here.
"""


def page() -> str:
    """The whole of docs/differences.md."""
    sys.path.insert(0, str(SUITE))
    import intended  # noqa: PLC0415 - found by the line above

    lines = [HEAD]
    for kind, entries in groupby(intended.TABLE, key=lambda entry: type(entry).__name__):
        lines += [f"## {TITLES[kind]}", ""]
        for entry in entries:
            lines += [f"### {entry.name[:1].upper()}{entry.name[1:]}", "", *_entry(entry), ""]
    return "\n".join(lines)


TITLES = {
    "Field": "Fields that Trackside leaves out",
    "Wording": "What Trackside adds to messages",
    "Heading": "Headers",
    "Value": "Values",
    "Answer": "Answers",
}


def _entry(entry: object) -> Iterator[str]:
    where, why = getattr(entry, "where", ""), getattr(entry, "why", "")
    yield f"Where: {where}."
    yield ""
    yield f"- MLflow {getattr(entry, 'mlflow', '')}."
    yield f"- Trackside {getattr(entry, 'trackside', '')}."
    if why:
        yield f"- Why: {why}"


if __name__ == "__main__":
    sys.exit(generated.main(PAGE, page, "the table", __doc__))
