"""What `trackside.show` was given, as one of three things: a run, several runs, or an experiment's."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

RUN_ID = re.compile(r"[0-9a-f]{32}")
MOST = 50  # runs of one view

WANTED = (
    "a run (its id, or what mlflow.start_run and mlflow.get_run give), several (a list of these, or the table of "
    "mlflow.search_runs), or an experiment (its name, or MLflow's object)"
)


@dataclass(frozen=True)
class OneRun:
    """A run's whole story."""

    run_id: str


@dataclass(frozen=True)
class Runs:
    """These runs, in this order."""

    run_ids: tuple[str, ...]
    left_out: int = 0  # beyond MOST


@dataclass(frozen=True)
class Experiment:
    """The newest runs of an experiment that a filter lets through; those that begin later, too."""

    name: str
    filter: str
    limit: int


Asked = OneRun | Runs | Experiment


def understood(what: Any, filter_: str, limit: int) -> Asked:
    """Raises ValueError that says what can be shown."""
    if not 1 <= limit <= MOST:
        raise ValueError(f"limit is {limit}; it must be from 1 to {MOST}")
    asked = _thing(_current() if what is None else what, filter_, limit)
    if filter_ and not isinstance(asked, Experiment):
        raise ValueError("filter= chooses among the runs of an experiment: give its name first")
    return asked


def _thing(what: Any, filter_: str, limit: int) -> Asked:
    if isinstance(what, str):
        name = what.strip()
        if not name:
            raise ValueError(f"trackside.show was given an empty text; it shows {WANTED}")
        return OneRun(name) if RUN_ID.fullmatch(name) else Experiment(name, filter_, limit)
    if (run_id := _run_id(what)) is not None:
        return OneRun(run_id)
    if hasattr(what, "experiment_id") and hasattr(what, "name"):
        return Experiment(str(what.name), filter_, limit)
    # A pandas table has its run ids in a column; without an id in any row it has no such column.
    several = what["run_id"] if "run_id" in getattr(what, "columns", ()) else what
    if not isinstance(several, Iterable) or hasattr(several, "columns"):
        raise ValueError(f"trackside.show was given a {type(what).__name__}; it shows {WANTED}")
    return _several(list(several))


def _several(given: list[Any]) -> Runs:
    found = [one.strip() if isinstance(one, str) else _run_id(one) for one in given]
    wrong = [
        one for one, run_id in zip(given, found, strict=True) if not run_id or not RUN_ID.fullmatch(run_id)
    ]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no run; trackside.show shows {WANTED}")
    if not found:
        raise ValueError("there are no runs to show: the list is empty")
    ids = tuple(dict.fromkeys(run_id for run_id in found if run_id))
    return Runs(ids[:MOST], max(0, len(ids) - MOST))


def _run_id(what: Any) -> str | None:
    """Of mlflow's Run, ActiveRun or RunInfo."""
    found = getattr(getattr(what, "info", what), "run_id", None)
    return found if isinstance(found, str) else None


def _current() -> Any:
    """The run that is active here, or else the last that was."""
    mlflow = sys.modules.get("mlflow")
    run = mlflow and (mlflow.active_run() or mlflow.last_active_run())
    if not run:
        raise ValueError(f"there is no active run to show; trackside.show shows {WANTED}")
    return run
