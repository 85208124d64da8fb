"""Runs every chapter with the mlflow installed beside this Python and writes what it saw as JSON lines.

Usage: python client_story OUT [--without=CHAPTER]..., with MLFLOW_TRACKING_URI in the environment. It needs nothing but mlflow and what the
chapters use of the client's world, since it runs in the virtual environment of that client, without pytest. What the
facts must be is said in test_clients.py.
"""

import contextlib
import importlib
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MODULES = ["tracking", "search", "lifecycle", "artifacts", "inputs", "errors", "models", "registry"]
MODULES += ["surface", "lightning_autolog"]


def chapters() -> Iterator[Callable[[Path], Any]]:
    """All of them; of a module that needs what is not installed here (mlflow-skinny's clients), none."""
    for name in MODULES:
        with contextlib.suppress(ModuleNotFoundError):
            yield from importlib.import_module(name).CHAPTERS


def main() -> None:
    out = Path(sys.argv[1])
    unwanted = {argument.removeprefix("--without=") for argument in sys.argv[2:]}
    with out.open("a") as lines:
        for chapter in chapters():
            if chapter.__name__ in unwanted:
                continue
            start = time.monotonic()
            record: dict[str, object] = {"chapter": chapter.__name__}
            try:
                with tempfile.TemporaryDirectory() as folder:
                    record["facts"] = chapter(Path(folder))
            except ModuleNotFoundError as error:
                record["needs"] = error.name
            except Exception:  # noqa: BLE001 - the pytest side reports it, and the next chapter still runs
                record["error"] = traceback.format_exc()
            record["seconds"] = round(time.monotonic() - start, 2)
            lines.write(json.dumps(record) + "\n")
            lines.flush()


main()
