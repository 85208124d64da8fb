"""Experiments: create, find, rename, tag, delete and restore with their runs."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from trackside import filters
from trackside.core import artifacts, grants, rankings, validate
from trackside.core.app import App
from trackside.core.names import now_ms
from trackside.core.permissions import EVERYBODY, Actor
from trackside.errors import AlreadyExists, Forbidden, InvalidParameter, InvalidState, NotFound
from trackside.model import NOTE, Activity, Experiment, Page, View, Visible
from trackside.store.database import Job, Row, Transaction

LOCATION_LENGTH = 2048  # characters, as MLflow's default


async def create(
    app: App,
    name: str,
    artifact_location: str | None = None,
    tags: dict[str, str] | None = None,
    actor: Actor = EVERYBODY,
) -> int:
    """Make an experiment, which the actor manages; its id.

    Raises AlreadyExists also for the name of a deleted one, Forbidden for a location that is another's.
    """
    validate.experiment_name(name)
    for key, value in (tags or {}).items():
        _check_tag(key, value)
    if artifact_location:
        _check_location(app.blobs.uri, artifact_location)

    async def job(tx: Transaction) -> int:
        known = await tx.one("experiment_by_name", name=name)
        if known:
            raise AlreadyExists(_taken(name, known))
        if artifact_location:
            await _check_location_is_free(tx, app.blobs.uri, artifact_location, actor)
        row = await tx.insert(
            "add_experiment", name=name, artifact_location=artifact_location or "", now_ms=now_ms()
        )
        experiment_id: int = row["id"]
        if not artifact_location:
            location = f"{app.blobs.uri}/{experiment_id}"
            await tx.run("set_experiment_location", id=experiment_id, artifact_location=location)
        for key, value in (tags or {}).items():
            await tx.run("set_experiment_tag", id=experiment_id, key=key, value=value)
        await grants.own(tx, actor.id, "experiment", str(experiment_id))
        return experiment_id

    experiment_id = await app.db.write(job)
    app.identities.forget_grants(actor.id)
    app.events.publish("experiments", kind="experiment")
    return experiment_id


async def create_default(app: App) -> None:
    """Make sure of experiment 0, "Default", which clients without an experiment use."""

    async def job(tx: Transaction) -> int:
        return await tx.run("add_default_experiment", artifact_location=f"{app.blobs.uri}/0", now_ms=now_ms())

    await app.db.write(job)


async def get(app: App, experiment_id: str) -> Experiment:
    """One experiment, deleted ones too. Raises NotFound."""

    async def job(tx: Transaction) -> Experiment:
        return (await _loaded(tx, [await row_of(tx, experiment_id)]))[0]

    return await app.db.read(job)


async def get_by_name(app: App, name: str) -> Experiment:
    """One experiment, deleted ones too. Raises NotFound."""

    async def job(tx: Transaction) -> Experiment:
        row = await tx.one("experiment_by_name", name=name)
        if row is None:
            raise NotFound(f"Could not find experiment with name '{name}'")
        return (await _loaded(tx, [row]))[0]

    return await app.db.read(job)


async def search(
    app: App,
    filter_string: str,
    order_by: list[str],
    view: View,
    page: Page,
    visible: Visible | None = None,
) -> list[Experiment]:
    """A page of the experiments that may be seen; by default the newest first."""
    statement = filters.search_experiments(
        app.db.engine,
        filter=filter_string,
        order_by=order_by,
        view=view,
        visible=visible,
        limit=page.limit,
        offset=page.offset,
    )

    async def job(tx: Transaction) -> list[Experiment]:
        return await _loaded(tx, await tx.select(statement))

    return await app.search(job)


async def activities(app: App, experiments: list[Experiment]) -> list[Activity]:
    """What goes on in each of these experiments."""
    numbers = [experiment.id for experiment in experiments]

    async def job(tx: Transaction) -> list[Activity]:
        rows = await tx.all("activity_of_experiments", **_span(numbers)) if numbers else []
        known = {
            row["experiment_id"]: Activity(row["runs"], row["running"], row["failed"], row["last_ms"])
            for row in rows
        }
        return [known.get(number, Activity()) for number in numbers]

    return await app.db.read(job)


def _span(numbers: list[int]) -> dict[str, int]:
    """The first and last of these: one walk of an index finds what they have, and little else."""
    return {"first": min(numbers), "last": max(numbers)}


async def edit(
    app: App, experiment_id: str, *, name: str | None = None, description: str | None = None
) -> None:
    """Rename, or set the note that the UI shows as description (Markdown); both or, on an error, neither."""
    if name is not None:
        validate.experiment_name(name)
    if description is not None:
        _check_tag(NOTE, description)

    async def job(tx: Transaction) -> int:
        row = await row_of(tx, experiment_id)
        if row["lifecycle"] != "active":
            raise InvalidState("Cannot rename a non-active experiment.")
        if name is not None:
            known = await tx.one("experiment_by_name", name=name)
            if known and known["id"] != row["id"]:
                raise AlreadyExists(_taken(name, known))
            await tx.run("rename_experiment", id=row["id"], name=name, now_ms=now_ms())
        if description is not None:
            await tx.run("set_experiment_tag", id=row["id"], key=NOTE, value=description)
        return int(row["id"])

    await _change(app, job)


async def delete(app: App, experiment_id: str) -> None:
    """Hide an experiment and its runs."""

    async def job(tx: Transaction) -> int:
        row = await row_of(tx, experiment_id)
        if row["lifecycle"] != "active":
            raise NotFound(f"No Experiment with id={experiment_id} exists")
        now = now_ms()
        await tx.run("set_experiment_lifecycle", id=row["id"], lifecycle="deleted", now_ms=now)
        await tx.run("delete_runs_of_experiment", id=row["id"], now_ms=now)
        await rankings.give_up(tx, row["id"])
        return int(row["id"])

    await _change(app, job)


async def restore(app: App, experiment_id: str) -> None:
    """Bring a deleted experiment back, with its runs."""

    async def job(tx: Transaction) -> int:
        row = await row_of(tx, experiment_id)
        if row["lifecycle"] != "deleted":
            raise NotFound(f"No Experiment with id={experiment_id} exists")
        await tx.run("set_experiment_lifecycle", id=row["id"], lifecycle="active", now_ms=now_ms())
        await tx.run("restore_runs_of_experiment", id=row["id"])
        await rankings.give_up(tx, row["id"])
        return int(row["id"])

    await _change(app, job)


async def set_tag(app: App, experiment_id: str, key: str, value: str) -> None:
    _check_tag(key, value)

    async def job(tx: Transaction) -> int:
        row = await active_row_of(tx, experiment_id)
        await tx.run("set_experiment_tag", id=row["id"], key=key, value=value)
        return int(row["id"])

    await _change(app, job)


async def delete_tag(app: App, experiment_id: str, key: str) -> None:
    async def job(tx: Transaction) -> int:
        row = await active_row_of(tx, experiment_id)
        if not await tx.run("delete_experiment_tag", id=row["id"], key=key):
            raise NotFound(f"No tag with name: {key} in experiment with id {experiment_id}")
        return int(row["id"])

    await _change(app, job)


async def row_of(tx: Transaction, experiment_id: str) -> Row:
    """An experiment's row by the id that clients give. Raises NotFound, or InvalidParameter when it is no number."""
    number = number_of(experiment_id)
    row = await tx.one("experiment_by_id", id=number) if 0 <= number < 2**63 else None
    if row is None:
        raise NotFound(f"No Experiment with id={experiment_id} exists")
    return row


def number_of(experiment_id: str) -> int:
    """The number that an id says. Raises InvalidParameter."""
    try:
        return int(experiment_id)
    except ValueError:
        raise InvalidParameter(
            f"Invalid experiment ID '{experiment_id}'. Experiment ID must be a valid integer."
        ) from None


async def active_row_of(tx: Transaction, experiment_id: str) -> Row:
    """The same, for writing. Raises InvalidParameter when the experiment is deleted."""
    row = await row_of(tx, experiment_id)
    if row["lifecycle"] != "active":
        raise InvalidParameter(
            f"The experiment {experiment_id} must be in the 'active' state. Current state is {row['lifecycle']}."
        )
    return row


async def _change(app: App, job: Job[int]) -> None:
    """Run a job that gives the number of the experiment it changed, and tell the listeners."""
    number = await app.db.write(job)
    app.events.publish("experiments", kind="experiment")
    app.events.publish(f"experiment:{number}", kind="runs")


async def _loaded(tx: Transaction, rows: Sequence[Row]) -> list[Experiment]:
    """The experiments of these rows, in their order, with their tags."""
    tags: dict[int, dict[str, str]] = {row["id"]: {} for row in rows}
    found = await tx.all("tags_of_experiments", **_span(list(tags))) if tags else []
    for tag in found:
        if tag["experiment_id"] in tags:
            tags[tag["experiment_id"]][tag["key"]] = tag["value"]
    return [msgspec.convert({**dict(row), "tags": tags[row["id"]]}, Experiment) for row in rows]


def _taken(name: str, known: Row) -> str:
    where = " (a deleted one; restore it, or choose another name)" if known["lifecycle"] == "deleted" else ""
    return f"Experiment(name={name}) already exists{where}."


def _check_tag(key: str, value: str) -> None:
    validate.key(key, "key", "Tag")
    validate.key_length(key, "key")
    validate.value_length(value, "value", validate.EXPERIMENT_TAG_LENGTH)


def _check_location(store: str, location: str) -> None:
    if len(location) > LOCATION_LENGTH:
        raise InvalidParameter(
            "Invalid artifact path length. The length of the artifact path cannot be greater than"
            f" {LOCATION_LENGTH} characters."
        )
    if "#" in location:
        raise InvalidParameter("'artifact_location' URL can't include fragments or params.")
    validate.artifact_uri(location, "artifact_location")
    if ".." in location.split("/") or "?" in location:
        raise InvalidParameter(
            f"Invalid artifact location: '{location}'. The artifact location cannot contain '..' or a query."
        )
    _check_can_hold_files(store, location)


def _check_can_hold_files(store: str, location: str) -> None:
    """Refuse places in our store whose files no path could name, and what is no URI at all."""
    try:
        scheme = urlsplit(location).scheme
    except ValueError:
        raise InvalidParameter(
            f"Invalid artifact location: '{location}'. The artifact location must be a URI or a path."
        ) from None
    if f"{scheme}:" != store:
        return
    refused = InvalidParameter(
        f"Invalid artifact location: '{location}'. No file could be kept there: in this server's store it must be"
        f" '{store}/' and a path without empty parts and dots."
    )
    if not location.startswith(f"{store}/"):
        raise refused
    try:
        artifacts.safe_path(location.removeprefix(f"{store}/"), folder=True)
    except InvalidParameter:
        raise refused from None


async def _check_location_is_free(tx: Transaction, store: str, location: str, actor: Actor) -> None:
    """Refuse a place in our store whose files are another experiment's, for who does not manage that one.

    Files are granted with the experiment below whose location they lie: whoever could nest a location in
    another's would take its files over.
    """
    place = location.rstrip("/")
    if f"{place}/".startswith(f"{store}/"):
        numbers = [row["id"] for row in await tx.all("experiments_at_location", location=place)]
        numbered = artifacts.experiment_of_folder(place.removeprefix(store).lstrip("/"))
        numbers += [] if numbered is None else [numbered]
        if not all(actor.may("manage", "experiment", str(number)) for number in numbers):
            raise Forbidden(
                f"The artifact location '{location}' overlaps that of an experiment you do not manage."
                " Choose another location, or leave it out."
            )
