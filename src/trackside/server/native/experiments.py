"""Experiments for the UI."""

from __future__ import annotations

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from trackside.core import access, experiments
from trackside.model import Activity, Experiment, Page
from trackside.server.guards import actor_of, signed_in
from trackside.server.native import guards, shapes
from trackside.server.native.bodies import ROOT, choice, read
from trackside.server.routing import Route, answer, app_of

MOST = 10_000  # experiments listed


def _shape(of: Experiment, activity: Activity) -> shapes.Experiment:
    return shapes.Experiment(
        experiment_id=str(of.id),
        name=of.name,
        lifecycle=of.lifecycle,
        artifact_location=of.artifact_location,
        created_ms=of.created_ms,
        updated_ms=of.updated_ms,
        tags=of.tags,
        runs=activity.runs,
        running=activity.running,
        failed=activity.failed,
        last_activity_ms=activity.last_ms,
    )


async def _activities(request: Request, of: list[Experiment]) -> list[Activity]:
    """What goes on in each of these; nothing where the sender may not read the runs."""
    actor = actor_of(request)
    found = await experiments.activities(app_of(request), of)
    return [
        activity if access.sees_runs(actor, each.id) else Activity()
        for each, activity in zip(of, found, strict=True)
    ]


async def _one(request: Request, experiment_id: str) -> Response:
    found = await experiments.get(app_of(request), experiment_id)
    return answer(_shape(found, (await _activities(request, [found]))[0]))


async def list_experiments(request: Request) -> Response:
    view = choice(request, "view", ("active", "deleted", "all"))
    found = await experiments.search(
        app_of(request), "", [], view, Page(MOST), actor_of(request).visible(access.EXPERIMENT)
    )
    text = request.query_params.get("search", "").casefold()
    found = [each for each in found if text in each.name.casefold()]
    shown = map(_shape, found, await _activities(request, found))
    newest = sorted(shown, key=lambda each: each.last_activity_ms or each.created_ms, reverse=True)
    return answer(shapes.ExperimentList(newest))


async def create(request: Request) -> Response:
    body = await read(request, shapes.NewExperiment)
    return await _one(
        request, str(await experiments.create(app_of(request), body.name, actor=actor_of(request)))
    )


async def get(request: Request) -> Response:
    return await _one(request, request.path_params["experiment_id"])


async def patch(request: Request) -> Response:
    body = await read(request, shapes.ExperimentPatch)
    experiment_id = request.path_params["experiment_id"]
    given = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
    await experiments.edit(app_of(request), experiment_id, **given)
    return await _one(request, experiment_id)


async def delete(request: Request) -> Response:
    await experiments.delete(app_of(request), request.path_params["experiment_id"])
    return answer({})


async def restore(request: Request) -> Response:
    await experiments.restore(app_of(request), request.path_params["experiment_id"])
    return answer({})


async def columns(request: Request) -> Response:
    experiment_id = request.path_params["experiment_id"]
    names = await experiments.column_names(app_of(request), experiment_id)
    return answer(
        shapes.RunColumns(*names)
        if access.sees_runs(actor_of(request), experiment_id)
        else shapes.RunColumns([], [], [])
    )


_ONE = f"{ROOT}/experiments/{{experiment_id}}"
routes = [
    Route("GET", f"{ROOT}/experiments", list_experiments, signed_in, gives=shapes.ExperimentList),
    Route(
        "POST",
        f"{ROOT}/experiments",
        create,
        guards.creates_experiment,
        shapes.NewExperiment,
        shapes.Experiment,
    ),
    Route("GET", _ONE, get, guards.experiment("read"), gives=shapes.Experiment),
    Route("PATCH", _ONE, patch, guards.experiment("update"), shapes.ExperimentPatch, shapes.Experiment),
    Route("DELETE", _ONE, delete, guards.experiment("delete"), gives=shapes.Empty),
    Route("POST", f"{_ONE}/restore", restore, guards.experiment("delete"), gives=shapes.Empty),
    Route("GET", f"{_ONE}/columns", columns, guards.experiment("read"), gives=shapes.RunColumns),
]
