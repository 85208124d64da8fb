"""Runs every chapter with the mlflow installed beside this Python and writes what it saw as JSON lines.

Usage: python client_story OUT, with MLFLOW_TRACKING_URI in the environment. It needs nothing but mlflow and what the
chapters use of the client's world, since it runs in the virtual environment of that client, without pytest. What the
facts must be is said in test_clients.py.
"""

import json
import sys
import tempfile
import time
import traceback
from pathlib import Path

import artifacts
import errors
import inputs
import lifecycle
import lightning_autolog
import models
import registry
import search
import tracking

CHAPTERS = [
    *tracking.CHAPTERS,
    *search.CHAPTERS,
    *lifecycle.CHAPTERS,
    *artifacts.CHAPTERS,
    *inputs.CHAPTERS,
    *errors.CHAPTERS,
    *models.CHAPTERS,
    *registry.CHAPTERS,
    *lightning_autolog.CHAPTERS,
]


def main() -> None:
    out, wanted = Path(sys.argv[1]), set(sys.argv[2:])
    with out.open("a") as lines:
        for chapter in CHAPTERS:
            if wanted and chapter.__name__ not in wanted:
                continue
            start = time.monotonic()
            record: dict[str, object] = {"chapter": chapter.__name__}
            try:
                with tempfile.TemporaryDirectory() as folder:
                    record["facts"] = chapter(Path(folder))
            except Exception:  # noqa: BLE001 - the pytest side reports it, and the next chapter still runs
                record["error"] = traceback.format_exc()
            record["seconds"] = round(time.monotonic() - start, 2)
            lines.write(json.dumps(record) + "\n")
            lines.flush()


main()
