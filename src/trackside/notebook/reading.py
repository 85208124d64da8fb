"""Reading from the server what is to be drawn."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from trackside.notebook.asked import Asked, Experiment, OneRun, Runs
from trackside.notebook.best import Best, best_by_name
from trackside.notebook.client import API, Client, Refused
from trackside.notebook.state import COLOURS, LIVE, Chart, Line, Progress, Row, RunState, SearchState, ranked
from trackside.notebook.words import cut

FINE = 4000  # for the first of these buckets alone: the most that the server makes
BUCKETS = 240  # of a line: about its pixels; the server keeps least and greatest value of each
MOST_CHARTS = 12
MOST_PARAMS = 6  # columns of a table of runs
MOST_NAMED = 3  # of the runs that are not there
SYSTEM = "system/"
Axis = Literal["step", "relative"]
Group = tuple[str, dict[str, str]]  # title of a chart, label by metric

_CURVES = re.compile(r"loss|acc|f1|auc|perplexity", re.IGNORECASE)
_SPLIT = re.compile(r"^(train|training|val|valid|validation|eval)[_/](.+)$")
_GPU = re.compile(r"^system/gpu_(\d+)_(.+)$")
_FIRST_CHOICE = ("val_accuracy", "val_acc", "test_accuracy", "accuracy", "val_loss", "eval_loss", "loss")
_TOTALS = ("epochs", "num_epochs", "max_epochs", "num_train_epochs", "max_steps", "total_steps", "num_steps")


@dataclass
class Reader:
    """Reads one view's state, again and again. Raises what `Client` raises."""

    client: Client
    asked: Asked
    metric: str | None = None
    best: Best | None = None  # else what the metric's name says
    _starts: dict[tuple[str, str, str], float] = field(default_factory=dict)  # by run, metric, axis
    _inks: dict[str, int] = field(default_factory=dict)  # by run id: of those that are drawn in colour
    _found: dict[str, Any] = field(default_factory=dict)  # by id: the runs of a list that were there at first

    def read(self) -> RunState | SearchState:
        """What the server knows now."""
        return self._run(self.asked.run_id) if isinstance(self.asked, OneRun) else self._search(self.asked)

    # --- one run -------------------------------------------------------------

    def _run(self, run_id: str) -> RunState:
        run = self.client.get(f"{API}/runs/{run_id}")
        latest = {metric["key"]: metric for metric in run["metrics"]}
        is_live = run["status"] in LIVE
        groups = list(_groups(key for key in latest if not key.startswith(SYSTEM)))
        shown = groups[:MOST_CHARTS]
        drawn = self._charts(run_id, shown, latest)
        # One point is a number, unless more may come.
        charts = [
            each for each in drawn if any(line.points > 1 or (is_live and line.points) for line in each.lines)
        ]
        charted = {line.metric for each in charts for line in each.lines}
        return RunState(
            run_id=run_id,
            name=run["name"],
            experiment_id=run["experiment_id"],
            experiment=run["experiment_name"],
            status=run["status"],
            start_ms=run["start_ms"],
            end_ms=run["end_ms"],
            params=run["params"],
            progress=_progress(run["params"], latest, drawn),
            values={
                key: float(metric["value"])
                for key, metric in latest.items()
                if key not in charted and not key.startswith(SYSTEM)
            },
            charts=charts,
            system=self._system(run_id, latest),
            left_out=len(groups) - len(shown),
        )

    def _charts(self, run_id: str, groups: list[Group], latest: dict[str, Any]) -> list[Chart]:
        """A chart of each group; by time where all was logged at one step, as MLflow does where none is given."""

        def charts(groups: list[Group], axis: Axis) -> list[Chart]:
            series = self._series([run_id], [key for _, keys in groups for key in keys], axis)
            return [
                Chart(
                    title,
                    [
                        _line(series[run_id, key], label, latest[key]["value"])
                        for key, label in keys.items()
                        if (run_id, key) in series
                    ],
                    axis,
                )
                for title, keys in groups
            ]

        by_step = charts(groups, "step")
        flat = [number for number, each in enumerate(by_step) if each.is_at_one_step]
        by_time = charts([groups[number] for number in flat], "relative")
        for number, each in zip(flat, by_time, strict=True):
            by_step[number] = each
        return by_step

    def _system(self, run_id: str, latest: dict[str, Any]) -> list[Chart]:
        """Small charts of the machine's load: the GPUs first, a line for each."""
        groups: dict[str, list[str]] = {}
        for key in sorted(latest):
            found = _GPU.match(key)
            if found:
                groups.setdefault(f"GPU {found[2]}", []).append(key)
            elif key in ("system/cpu_utilization_percentage", "system/system_memory_usage_percentage"):
                groups[key.removeprefix(SYSTEM)] = [key]
        wanted = [title for title in groups if title.endswith(("percentage", "watts"))]
        wanted.sort(key=lambda title: (not title.startswith("GPU"), "utilization" not in title, title))
        series = self._series([run_id], [key for title in wanted for key in groups[title]], "relative")
        return [
            Chart(
                title=_spoken(title),
                lines=[  # half a per cent of load says nothing
                    _line(series[run_id, key], _system_label(key), f"{float(latest[key]['value']):.0f}")
                    for key in groups[title]
                    if (run_id, key) in series
                ],
                axis="relative",
                is_percent=title.endswith("percentage"),
            )
            for title in wanted
        ]

    # --- several runs --------------------------------------------------------

    def _search(self, asked: Runs | Experiment) -> SearchState:
        title, experiments, filter_ = self._place(asked)
        params, metrics = self._columns(experiments)
        metric = self.metric or _chosen(metrics)
        best = (self.best or best_by_name(metric)) if metric else None
        columns = [f"params.`{name}`" for name in params]
        columns += [f"metrics.`{metric}`"] if metric else []
        columns += [f"{best}(metrics.`{metric}`)"] if best else []
        page = self.client.post(
            f"{API}/runs/query",
            {
                "experiment_ids": experiments,
                "filter": filter_,
                "order_by": ["attributes.start_time DESC"],
                "columns": columns,
                "limit": asked.limit if isinstance(asked, Experiment) else len(asked.run_ids),
            },
        )
        rows, names = _rows(page, params, metric, best)
        if isinstance(asked, Runs):
            place = {run_id: number for number, run_id in enumerate(asked.run_ids)}
            rows.sort(key=lambda row: place[row.run_id])
        return SearchState(
            title=title,
            experiment_id=experiments[0] if len(experiments) == 1 else None,
            total=page["total"],
            rows=rows,
            params=names,
            metric=metric,
            best=best,
            chart=self._compared(rows, metric) if metric else None,
            inks=self._coloured(rows, best),
            note=self._note(asked, rows, page["total"]),
        )

    def _place(self, asked: Runs | Experiment) -> tuple[str, list[str], str]:
        """(title, experiments to look in, filter)"""
        if isinstance(asked, Experiment):
            # MLflow's own question: it finds a name exactly.
            name = urllib.parse.urlencode({"experiment_name": asked.name})
            found = self.client.get(f"/api/2.0/mlflow/experiments/get-by-name?{name}")["experiment"]
            return asked.name, [found["experiment_id"]], asked.filter
        ids = ", ".join(f"'{run_id}'" for run_id in asked.run_ids)
        return "Comparison", self._experiments_of(asked.run_ids), f"attributes.run_id IN ({ids})"

    def _experiments_of(self, run_ids: Sequence[str]) -> list[str]:
        """Asked once: a run stays where it is. Raises Refused where not one of them exists."""
        if not self._found:
            self._found = {run_id: run for run_id in run_ids if (run := self._if_there(run_id))}
        if not self._found:
            raise Refused(_named("There is none of these runs", run_ids))
        return list(dict.fromkeys(run["experiment_id"] for run in self._found.values()))

    def _if_there(self, run_id: str) -> Any:
        """A run, or None where there is none of this id."""
        try:
            return self.client.get(f"{API}/runs/{run_id}")
        except Refused as refused:
            # Where people sign in, a run that is not there and one that may not be read answer alike.
            if refused.code not in ("RESOURCE_DOES_NOT_EXIST", "PERMISSION_DENIED"):
                raise
            return None

    def _note(self, asked: Runs | Experiment, rows: list[Row], total: int) -> str:
        """What is not shown, and why."""
        if isinstance(asked, Experiment):
            return f"the newest of {total}" if len(rows) < total else ""
        notes = [f"{asked.left_out} more are not shown"] if asked.left_out else []
        shown = {row.run_id for row in rows}
        deleted = [run["name"] for run_id, run in self._found.items() if run_id not in shown]
        unknown = [run_id for run_id in asked.run_ids if run_id not in self._found]
        notes += [_named("deleted", deleted)] if deleted else []
        notes += [_named("not found", unknown)] if unknown else []
        return "; ".join(notes)

    def _columns(self, experiments: list[str]) -> tuple[list[str], list[str]]:
        """(params, metrics) that any run of these experiments has; names that a column cannot have are left out."""
        params: dict[str, None] = {}
        metrics: dict[str, None] = {}
        for experiment in experiments:
            found = self.client.get(f"{API}/experiments/{experiment}/columns")
            params |= dict.fromkeys(name for name in found["params"] if "`" not in name)
            metrics |= dict.fromkeys(name for name in found["metrics"] if "`" not in name)
        return sorted(params, key=importance)[:200], sorted(metrics)

    def _compared(self, rows: list[Row], metric: str) -> Chart:
        def chart(axis: Axis) -> Chart:
            series = self._series([row.run_id for row in rows], [metric], axis)
            lines = [
                _line(series[row.run_id, metric], row.name, row.last)
                if (row.run_id, metric) in series
                else Line(metric, row.name, [], [], [], [], [], 0)
                for row in rows
            ]
            return Chart(metric, lines, axis)

        by_step = chart("step")
        return chart("relative") if by_step.is_at_one_step else by_step

    def _coloured(self, rows: list[Row], best: Best | None) -> dict[str, int]:
        """A colour for each of the first few runs; who had one and stays among them keeps it."""
        chosen = {row.run_id for row in ranked(rows, best)[:COLOURS]}
        kept = {run_id: ink for run_id, ink in self._inks.items() if run_id in chosen}
        free = [ink for ink in range(COLOURS) if ink not in kept.values()]
        new = [row.run_id for row in rows if row.run_id in chosen and row.run_id not in kept]
        self._inks = kept | dict(zip(new, free, strict=False))
        return self._inks

    def _series(self, run_ids: list[str], keys: list[str], axis: Axis) -> dict[tuple[str, str], Any]:
        """The lines, by run and metric; one in buckets has `start`, too: where its first bucket begins."""
        if not run_ids or not keys:
            return {}
        question = {"run_ids": run_ids, "metrics": keys, "axis": axis, "buckets": BUCKETS}
        found = self.client.post(f"{API}/series/query", question)["series"]
        lines = {(line["run_id"], line["metric"]): line for line in found}
        rough = {place: line["x"][0] for place, line in lines.items() if not line["exact"] and line["x"]}
        unknown = [place for place in rough if (*place, axis) not in self._starts]
        if unknown:  # asked once: a line seldom begins anew
            question |= {"end": max(rough[place] for place in unknown), "buckets": FINE}
            question |= {
                "run_ids": list(dict.fromkeys(run_id for run_id, _ in unknown)),
                "metrics": list(dict.fromkeys(key for _, key in unknown)),
            }
            for line in self.client.post(f"{API}/series/query", question)["series"]:
                if line["x"]:
                    self._starts[line["run_id"], line["metric"], axis] = line["x"][0]
        for place, x in rough.items():
            lines[place] = {**lines[place], "start": min(x, self._starts.get((*place, axis), x))}
        return lines


def _line(series: Any, label: str, latest: Any) -> Line:
    """A line as the server answers it."""
    marks = [(mark["x"], mark["kind"]) for mark in series["marks"]]
    low, high = (series["min"], series["max"]) if not series["exact"] else ([], [])
    return Line(
        metric=series["metric"],
        label=label,
        x=series["x"],
        y=series["last"],
        low=low,
        high=high,
        marks=marks,
        points=series["points"],
        latest=_value(latest),
        start=series.get("start"),
    )


def _value(told: Any) -> float | None:
    """A number of the wire, where NaN and the infinities are words."""
    return None if told is None else float(told)


def _groups(keys: Iterable[str]) -> Iterable[Group]:
    """Each chart: a metric's training and validation in one; losses, accuracies first."""
    groups: dict[str, dict[str, str]] = {}
    for key in keys:
        split = _SPLIT.match(key)
        groups.setdefault(split[2] if split else key, {})[key] = split[1] if split else key
    for title, members in sorted(groups.items(), key=lambda item: not _CURVES.search(item[0])):
        yield (title if len(members) > 1 else next(iter(members))), members


def importance(name: str) -> tuple[bool, str]:
    """Sorts what is most often asked for before the rest."""
    asked_for = re.search(
        r"(^|_)lr$|rate|batch_size|epochs|workers|optim|dropout|^weights$|^image_size", name
    )
    return (asked_for is None, name)


def _progress(params: dict[str, str], latest: dict[str, Any], charts: list[Chart]) -> Progress | None:
    steps = [metric["step"] for key, metric in latest.items() if not key.startswith(SYSTEM)]
    by_step = [line for each in charts if each.axis == "step" for line in each.lines]
    if not steps or (charts and not by_step and not any(steps)):
        return None  # whoever gives no steps has none to count
    done = max(steps)
    # Who counts from 0 has done one more than the last step's number says.
    from_zero = min((x for line in by_step for x in line.across), default=1) == 0
    for name in _TOTALS:
        text = params.get(name, "")
        # Where steps are batches, epochs do not say how many there will be.
        if text.isdecimal() and done <= int(text):
            total = int(text)
            return Progress("epoch" if "epoch" in name else "step", min(done + from_zero, total), total)
    return Progress("step", done, None)


def _chosen(metrics: list[str]) -> str | None:
    """The metric to compare runs by, where none is named."""
    own = [name for name in metrics if not name.startswith(SYSTEM)]
    return next((name for name in _FIRST_CHOICE if name in own), own[0] if own else None)


def _rows(page: Any, params: list[str], metric: str | None, best: Best | None) -> tuple[list[Row], list[str]]:
    """The rows, and which parameters they show: those that differ, else the first few."""
    cells = page["cells"]
    filled = [name for name in params if any(value is not None for value in cells[f"params.`{name}`"])]
    differing = [name for name in filled if len(set(cells[f"params.`{name}`"])) > 1]
    shown = (differing or filled)[:MOST_PARAMS]
    blank = [None] * len(page["run_ids"])
    lasts = cells.get(f"metrics.`{metric}`", blank)
    bests = cells.get(f"{best}(metrics.`{metric}`)", blank)
    rows = [
        Row(
            run_id=run_id,
            name=page["names"][i],
            status=page["statuses"][i],
            start_ms=page["start_ms"][i],
            end_ms=page["end_ms"][i],
            params=[cells[f"params.`{name}`"][i] for name in shown],
            last=_value(lasts[i]),
            best=_value(bests[i]),
        )
        for i, run_id in enumerate(page["run_ids"])
    ]
    return rows, shown


def _named(what: str, names: Sequence[str]) -> str:
    """`deleted: a, b, c and 2 more`"""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{what}: {', '.join(cut(name, 40) for name in names[:MOST_NAMED])}{more}"


_SPOKEN = {
    "cpu utilization": "CPU",
    "system memory usage": "Memory",
    "GPU utilization": "GPU",
    "GPU memory usage": "GPU memory",
    "GPU power usage": "GPU power",
}


def _spoken(title: str) -> str:
    """`GPU utilization_percentage` as it is read."""
    text = title.removesuffix("_percentage").removesuffix("_watts").replace("_", " ")
    return f"{_SPOKEN.get(text, text)}, {'%' if title.endswith('percentage') else 'W'}"


def _system_label(key: str) -> str:
    """Which of several GPUs it is."""
    found = _GPU.match(key)
    return found[1] if found else key.removeprefix(SYSTEM)
