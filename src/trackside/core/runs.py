"""Life of a run: create, read, search, update, delete, restore."""

from __future__ import annotations

from typing import NamedTuple

from trackside import filters
from trackside.core import experiments, validate
from trackside.core.app import App
from trackside.core.load import run_info, whole_runs
from trackside.core.names import invented, new_uuid, now_ms
from trackside.errors import InvalidParameter, NotFound
from trackside.model import NOTE, RUN_NAME, RUN_STATUSES, Page, Run, RunInfo, RunStatus, View
from trackside.store.database import Job, Row, Transaction
from trackside.store.series.compact import ENDED

USER_LENGTH = 256
COUNT_LIMIT = 10_000  # beyond, a total is "more than"


class NewRun(NamedTuple):
    """What a client says of a run it starts."""

    experiment_id: str
    name: str = ""
    user_id: str = ""
    start_ms: int = 0
    tags: dict[str, str] = {}


async def create(app: App, new: NewRun) -> Run:
    """Start a run. Its name is also its tag mlflow.runName."""
    long_values = app.settings.long_values
    validate.key_length(new.user_id, "user_id", USER_LENGTH)
    tags = {key: validate.tag(key, value, "tags", long_values) for key, value in new.tags.items()}
    name = new.name or tags.get(RUN_NAME, "") or invented()
    if new.name and tags.get(RUN_NAME, new.name) != new.name:
        raise InvalidParameter(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values"
            f" (run_name='{new.name}', mlflow.runName='{tags[RUN_NAME]}')."
        )
    tags[RUN_NAME] = name = validate.tag(RUN_NAME, name, "run_name", long_values)
    uuid = new_uuid()

    async def job(tx: Transaction) -> Run:
        experiment = await experiments.active_row_of(tx, new.experiment_id)
        row = await tx.insert(
            "add_run",
            uuid=uuid,
            experiment_id=experiment["id"],
            name=name,
            user_id=new.user_id,
            start_ms=new.start_ms,
            artifact_uri=f"{experiment['artifact_location'].rstrip('/')}/{uuid}/artifacts",
        )
        await tx.many("set_tag", [{"run_id": row["id"], "key": k, "value": v} for k, v in tags.items()])
        return Run(run_info(row), tags=tags)

    run = await app.db.write(job, runs=(uuid,))
    app.events.soon(f"experiment:{run.info.experiment_id}", kind="runs")
    app.events.soon("experiments", kind="experiment")
    return run


async def get(app: App, uuid: str) -> Run:
    """A run with its data, deleted ones too. Raises NotFound."""

    async def job(tx: Transaction) -> Run:
        return (await whole_runs(tx, [await row_of(tx, uuid)]))[0]

    return await app.db.read(job)


async def children(app: App, uuid: str, limit: int = 1000) -> list[RunInfo]:
    """Active runs whose parent is this one, oldest first."""

    async def job(tx: Transaction) -> list[RunInfo]:
        return [run_info(row) for row in await tx.all("children_of_run", uuid=uuid, limit=limit)]

    return await app.db.read(job)


class Search(NamedTuple):
    """Which runs are wanted, in which order."""

    experiment_ids: list[str]
    filter: str = ""
    order_by: list[str] = []
    view: View = "active"


class Found(NamedTuple):
    runs: list[Run]
    more: bool


async def search(app: App, wanted: Search, page: Page) -> Found:
    """A page of runs; by default the newest first."""
    statement = filters.search_runs(
        app.db.engine,
        experiment_ids=experiment_numbers(wanted.experiment_ids),
        filter=wanted.filter,
        order_by=wanted.order_by,
        view=wanted.view,
        limit=page.limit + 1,  # one more tells whether there is a next page
        offset=page.offset,
    )

    async def job(tx: Transaction) -> Found:
        rows = await tx.select(statement)
        return Found(await whole_runs(tx, rows[: page.limit]), more=len(rows) > page.limit)

    return await app.search(job)


async def count(app: App, wanted: Search, at_most: int = COUNT_LIMIT) -> int:
    """How many runs match; counting stops at `at_most`."""
    statement = filters.count_runs(
        app.db.engine,
        experiment_ids=experiment_numbers(wanted.experiment_ids),
        filter=wanted.filter,
        view=wanted.view,
        at_most=at_most,
    )

    async def job(tx: Transaction) -> int:
        return int((await tx.select(statement))[0]["n"])

    return await app.search(job)


async def update(
    app: App, uuid: str, *, status: str | None = None, end_ms: int | None = None, name: str | None = None
) -> RunInfo:
    """Change status, end or name. A status that is not known is left alone, as MLflow does."""

    if name:
        name = validate.tag(RUN_NAME, name, "run_name", app.settings.long_values)

    async def job(tx: Transaction) -> tuple[int, RunInfo]:
        row = await active_row_of(tx, uuid)
        new_status: RunStatus = status if status in RUN_STATUSES else row["status"]
        values = {
            "status": new_status,
            "end_ms": row["end_ms"] if end_ms is None else end_ms,
            "name": name or row["name"],
        }
        await tx.run("update_run", id=row["id"], **values)
        if name:
            await tx.run("set_tag", run_id=row["id"], key=RUN_NAME, value=name)
        return row["id"], run_info({**dict(row), **values})

    run_id, info = await app.db.write(job, runs=(uuid,))
    if info.status in ENDED:
        app.tails.look(run_id)
    announce(app, info.uuid, info.experiment_id)
    return info


async def edit(app: App, uuid: str, *, name: str | None = None, description: str | None = None) -> None:
    """Rename, or set the note that the UI shows as description (Markdown); both or, on an error, neither."""
    long_values = app.settings.long_values
    given = {RUN_NAME: name, NOTE: description}
    tags = {
        key: validate.tag(key, value, "tags", long_values)
        for key, value in given.items()
        if value is not None
    }
    if name is not None and not name.strip():
        raise InvalidParameter("A run's name cannot be empty.")

    async def job(tx: Transaction) -> int:
        row = await active_row_of(tx, uuid)
        for key, value in tags.items():
            await tx.run("set_tag", run_id=row["id"], key=key, value=value)
        if name is not None:
            await tx.run("rename_run", id=row["id"], name=tags[RUN_NAME])
        return int(row["experiment_id"])

    announce(app, uuid, await app.db.write(job, runs=(uuid,)))


async def delete(app: App, uuid: str) -> None:
    """Hide a run; deleting a deleted one is fine."""

    async def job(tx: Transaction) -> int:
        row = await row_of(tx, uuid)
        await tx.run("set_run_lifecycle", id=row["id"], lifecycle="deleted", deleted_ms=now_ms())
        return int(row["experiment_id"])

    await _change_life(app, uuid, job)


async def restore(app: App, uuid: str) -> None:
    """Bring a deleted run back whole; restoring an active one is fine."""

    async def job(tx: Transaction) -> int:
        row = await row_of(tx, uuid)
        await tx.run("set_run_lifecycle", id=row["id"], lifecycle="active", deleted_ms=None)
        return int(row["experiment_id"])

    await _change_life(app, uuid, job)


async def _change_life(app: App, uuid: str, job: Job[int]) -> None:
    experiment_id = await app.db.write(job, runs=(uuid,))
    announce(app, uuid, experiment_id)
    app.events.soon(f"experiment:{experiment_id}", kind="runs")
    app.events.soon("experiments", kind="experiment")


async def row_of(tx: Transaction, uuid: str) -> Row:
    """A run's row by the id that clients give. Raises NotFound."""
    row = await tx.one("run_by_uuid", uuid=uuid)
    if row is None:
        raise NotFound(f"Run with id={uuid} not found")
    return row


async def active_row_of(tx: Transaction, uuid: str) -> Row:
    """The same, for writing. Raises InvalidParameter when the run is deleted."""
    row = await row_of(tx, uuid)
    if row["lifecycle"] != "active":
        raise InvalidParameter(
            f"The run {uuid} must be in the 'active' state. Current state is {row['lifecycle']}."
        )
    return row


def announce(app: App, uuid: str, experiment_id: int) -> None:
    """Tell listeners that something of this run's page and table row has changed."""
    app.events.soon(f"run:{uuid}", kind="run", run_id=uuid)
    app.events.soon(f"experiment:{experiment_id}", kind="run", run_id=uuid)


def experiment_numbers(experiment_ids: list[str]) -> list[int]:
    """Ids that can exist; other numbers name no experiment, so they match nothing. Raises InvalidParameter."""
    numbers = [experiments.number_of(experiment_id) for experiment_id in experiment_ids]
    return [number for number in numbers if 0 <= number < 2**63]
