"""Trackside records every training run, shows it live, says why it is slow, and keeps the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from trackside.notebook.view import View

__version__ = "0.1.0"


def show(
    what: Any = None,
    *,
    metric: str | None = None,
    best: Literal["max", "min"] | None = None,
    filter: str = "",  # noqa: A002
    limit: int = 20,
) -> View:
    """Show a run or several in a notebook, refreshed once a second until they have ended.

    `what` is a run (its id, or what mlflow.start_run and mlflow.get_run give), several (a list of these, or the
    table of mlflow.search_runs), or an experiment (its name, or MLflow's object), of which `filter` chooses among
    the runs and the newest `limit` (at most 50) are shown; its next run may take ten seconds to begin. Without it,
    the run that is active. `metric` is the one that several are compared by, `best` whether its greatest ("max") or
    least ("min") value is the best; without it the metric's name tells, and where it does not, no run is the best.

    Asks the server that MLflow's client talks to, with its variables. Blocks for a second at most. Outside of a
    notebook it prints a summary, once. Raises ValueError for what cannot be shown; a server that is away is said
    in the view, which goes on trying.
    """
    from trackside.notebook.view import show as shown  # noqa: PLC0415  # `import trackside` stays light

    return shown(what, metric=metric, best=best, filter_=filter, limit=limit)
