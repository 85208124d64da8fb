"""Registered models: create, find, rename, tag, point aliases, delete. Their versions are in `core.versions`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from trackside import filters
from trackside.core import grants, registry_events, validate
from trackside.core.app import App
from trackside.core.names import now_ms
from trackside.core.prompts import is_granted_as_prompt, is_prompt
from trackside.errors import AlreadyExists, InvalidParameter, NotFound
from trackside.model import ModelVersion, Page, RegisteredModel, Visible, VisibleModels
from trackside.store.database import Job, Row, T, Transaction

NAME_LENGTH = 256
ALIAS_LENGTH = 255
TAG_LENGTH = 100_000
STAGES = ("None", "Staging", "Production", "Archived")

_ALIAS = re.compile(r"[\w\-]+")
_VERSION_ALIAS = re.compile(r"[vV]\d+")


async def create(
    app: App, name: str, description: str = "", tags: dict[str, str] | None = None, owner: int = 0
) -> RegisteredModel:
    """Make a registered model without versions, which its owner manages. Raises AlreadyExists."""
    tags = tags or {}
    check_name(name)
    for key, value in tags.items():
        check_tag(key, value)

    async def job(tx: Transaction) -> RegisteredModel:
        row = await add(tx, name, description, tags, owner)
        return (await loaded(tx, [row]))[0]

    model = await app.db.write(job)
    app.identities.forget_grants(owner)
    announce(app, name)
    return model


async def add(
    tx: Transaction, name: str, description: str = "", tags: dict[str, str] | None = None, owner: int = 0
) -> Row:
    """The row of a new registered model. Raises AlreadyExists."""
    known = await tx.one("registered_model_by_name", name=name)
    if known:
        raise AlreadyExists(_taken(name, is_prompt(await _tags(tx, known)), is_prompt(tags or {})))
    [row] = await tx.all("add_registered_model", name=name, description=description, now_ms=now_ms())
    rows = [{"id": row["id"], "key": key, "value": value} for key, value in (tags or {}).items()]
    await tx.many("set_registered_model_tag", rows)
    kind = grants.PROMPT if is_granted_as_prompt(tags or {}) else grants.MODEL
    await grants.own(tx, owner, kind, name)
    await registry_events.model_created(tx, name, description, tags or {})
    return row


async def get(app: App, name: str) -> RegisteredModel:
    """One registered model with the newest version of each stage. Raises NotFound."""

    async def job(tx: Transaction) -> RegisteredModel:
        return (await loaded(tx, [await row_of(tx, name)]))[0]

    return await app.db.read(job)


async def search(
    app: App,
    filter_string: str,
    order_by: list[str],
    page: Page,
    visible: VisibleModels = VisibleModels(),  # noqa: B008 - a value that never changes
) -> list[RegisteredModel]:
    """A page of the registered models that may be seen, by name when no order is given; prompts only when the filter asks for them."""
    statement = filters.search_registered_models(
        app.db.engine,
        filter=filter_string,
        order_by=order_by,
        visible=visible,
        limit=page.limit,
        offset=page.offset,
    )

    async def job(tx: Transaction) -> list[RegisteredModel]:
        return await loaded(tx, await tx.select(statement))

    return await app.search(job)


class Counted(NamedTuple):
    """A registered model with how many versions it has and the newest one's number."""

    model: RegisteredModel
    versions: int = 0
    newest: int | None = None


async def summaries(app: App, text: str, visible: Visible | None, limit: int = 1000) -> list[Counted]:
    """Registered models that may be seen and whose name contains the text, in any case; those that changed last first."""

    async def job(tx: Transaction) -> list[Counted]:
        names = None if visible is None else _json(sorted(visible.names))
        only = int(visible is not None and visible.only)
        models = await tx.all("models_named_like", text=text, limit=limit, names=names, only=only)
        counts = await tx.all("version_counts_of_models", model_ids=_json([row["id"] for row in models]))
        by_model = {row["model_id"]: (row["versions"], row["newest"]) for row in counts}
        found = await loaded(tx, models)
        return [
            Counted(model, *by_model.get(row["id"], ())) for row, model in zip(models, found, strict=True)
        ]

    return await app.db.read(job)


async def describe(app: App, name: str, description: str) -> RegisteredModel:
    """Set the description (Markdown)."""

    async def job(tx: Transaction) -> RegisteredModel:
        row = await row_of(tx, name)
        await tx.run("describe_registered_model", id=row["id"], description=description, now_ms=now_ms())
        return (await loaded(tx, [await row_of(tx, name)]))[0]

    return await _change(app, name, job)


async def rename(app: App, name: str, new_name: str) -> RegisteredModel:
    """Give a registered model another name; its versions follow. Raises NotFound, AlreadyExists."""
    check_name(new_name, "new_name")

    async def job(tx: Transaction) -> RegisteredModel:
        row = await row_of(tx, name)
        known = await tx.one("registered_model_by_name", name=new_name)
        if known and known["id"] != row["id"]:
            raise AlreadyExists(f"Registered Model (name={new_name}) already exists.")
        now = now_ms()
        await tx.run("rename_registered_model", id=row["id"], name=new_name, now_ms=now)
        await grants.follow_model(tx, name, new_name)
        await tx.run("touch_versions_of_model", id=row["id"], now_ms=now)
        return (await loaded(tx, [await row_of(tx, new_name)]))[0]

    model = await _change(app, name, job)
    app.identities.forget_grants()
    app.events.publish(f"model:{new_name}", kind="model")
    return model


async def delete(app: App, name: str) -> None:
    """Delete a registered model with all its versions, for good. The files stay with their runs."""

    async def job(tx: Transaction) -> None:
        await tx.run("delete_registered_model", id=(await row_of(tx, name))["id"])
        await grants.follow_model(tx, name, None)

    await _change(app, name, job)
    app.identities.forget_grants()


async def set_tag(app: App, name: str, key: str, value: str) -> None:
    check_name(name)
    check_tag(key, value)

    async def job(tx: Transaction) -> None:
        row = await row_of(tx, name)
        await tx.run("set_registered_model_tag", id=row["id"], key=key, value=value)
        await registry_events.model_tag(tx, row, key, value)

    await _change(app, name, job)


async def delete_tag(app: App, name: str, key: str) -> None:
    """Delete a tag; one that is not there is fine, as in MLflow."""
    check_name(name)
    validate.key(key, "key", "Tag")

    async def job(tx: Transaction) -> None:
        row = await row_of(tx, name)
        await tx.run("delete_registered_model_tag", id=row["id"], key=key)
        await registry_events.model_tag(tx, row, key, None)

    await _change(app, name, job)


async def set_alias(app: App, name: str, alias: str, version: str) -> None:
    """Point an alias at a version, away from the one it pointed at."""
    check_name(name)
    check_alias(alias, is_new=True)

    async def job(tx: Transaction) -> None:
        row = await version_row_of(tx, name, version)
        await tx.run("set_registered_model_alias", id=row["model_id"], alias=alias, version=row["version"])
        await registry_events.alias(tx, row["model_id"], name, alias, row["version"])

    await _change(app, name, job)


async def delete_alias(app: App, name: str, alias: str) -> None:
    """Delete an alias; one that is not there is fine, as in MLflow."""
    check_name(name)
    check_alias(alias)

    async def job(tx: Transaction) -> None:
        row = await row_of(tx, name)
        await tx.run("delete_registered_model_alias", id=row["id"], alias=alias)
        await registry_events.alias(tx, row["id"], name, alias, None)

    await _change(app, name, job)


async def version_of_alias(app: App, name: str, alias: str) -> ModelVersion:
    """The version that an alias points at; "latest" is the highest number."""

    async def job(tx: Transaction) -> ModelVersion:
        return (await loaded_versions(tx, [await alias_row_of(tx, name, alias)]))[0]

    return await app.db.read(job)


async def versions_of_run(app: App, run_uuid: str) -> list[ModelVersion]:
    """Registered versions that were made from a run, by name and number."""

    async def job(tx: Transaction) -> list[ModelVersion]:
        return await loaded_versions(tx, await tx.all("versions_of_run", run_uuid=run_uuid))

    return await app.db.read(job)


# --- rows


async def row_of(tx: Transaction, name: str) -> Row:
    """A registered model's row. Raises NotFound."""
    check_name(name)
    row = await tx.one("registered_model_by_name", name=name)
    if row is None:
        raise NotFound(f"Registered Model with name={name} not found")
    return row


async def version_row_of(tx: Transaction, name: str, version: str) -> Row:
    """A model version's row, with the model's name. Raises NotFound, InvalidParameter when it is no number."""
    check_name(name)
    try:
        number = int(version)
    except ValueError:
        raise InvalidParameter(f"Parameter 'version' must be an integer, got '{version}'.") from None
    model = await tx.one("registered_model_by_name", name=name)
    known = model is not None and 0 < number <= model["last_version"]
    row = await tx.one("model_version", model_id=model["id"], version=number) if model and known else None
    if row is None:
        raise NotFound(f"Model Version (name={name}, version={number}) not found")
    return row


async def alias_row_of(tx: Transaction, name: str, alias: str) -> Row:
    """The row of the version that an alias points at. Raises NotFound, InvalidParameter for an unknown alias."""
    check_alias(alias)
    model = await row_of(tx, name)
    if alias.lower() == "latest":
        rows = await tx.all("versions_of_model", model_id=model["id"])
        if not rows:
            raise NotFound(f"Latest version not found for model {name}.")
        return rows[0]
    pointed = await tx.one("version_of_alias", id=model["id"], alias=alias)
    if pointed is None:
        raise InvalidParameter(f"Registered model alias {alias} not found.")
    return await version_row_of(tx, name, str(pointed["version"]))


async def loaded(tx: Transaction, rows: Sequence[Row]) -> list[RegisteredModel]:
    """The registered models of these rows, in their order; a fixed number of queries for any number of them."""
    model_ids = _json([row["id"] for row in rows])
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    for tag in await tx.all("tags_of_models", model_ids=model_ids):
        tags[tag["model_id"]][tag["key"]] = tag["value"]
    aliases: dict[int, dict[str, int]] = defaultdict(dict)
    for alias in await tx.all("aliases_of_models", model_ids=model_ids):
        aliases[alias["model_id"]][alias["alias"]] = alias["version"]
    newest = await tx.all("latest_versions_of_models", model_ids=model_ids)
    latest: dict[int, list[ModelVersion]] = defaultdict(list)
    for row, version in zip(newest, await loaded_versions(tx, newest), strict=True):
        latest[row["model_id"]].append(version)
    return [
        msgspec.convert(
            {
                **dict(row),
                "tags": tags[row["id"]],
                "aliases": aliases[row["id"]],
                "latest": latest[row["id"]],
            },
            RegisteredModel,
        )
        for row in rows
    ]


async def loaded_versions(tx: Transaction, rows: Sequence[Row]) -> list[ModelVersion]:
    """The versions of these rows (which bring the model's name), in their order, with tags and aliases."""
    if not rows:
        return []
    versions = _json([(row["model_id"], row["version"]) for row in rows])
    tags: dict[tuple[int, int], dict[str, str]] = defaultdict(dict)
    for tag in await tx.all("tags_of_versions", versions=versions):
        tags[tag["model_id"], tag["version"]][tag["key"]] = tag["value"]
    aliases: dict[tuple[int, int], list[str]] = defaultdict(list)
    for alias in await tx.all("aliases_of_versions", versions=versions):
        aliases[alias["model_id"], alias["version"]].append(alias["alias"])
    return [
        msgspec.convert(
            {
                **dict(row),
                "tags": tags[row["model_id"], row["version"]],
                "aliases": aliases[row["model_id"], row["version"]],
            },
            ModelVersion,
        )
        for row in rows
    ]


def announce(app: App, name: str) -> None:
    """Tell listeners that a registered model has changed, and whoever sends to webhooks."""
    app.deliveries_due.set()
    app.events.publish("models", kind="model")
    app.events.publish(f"model:{name}", kind="model")


# --- checks


def canonical_stage(stage: str) -> str:
    """The stage as it is written; any case is taken. Raises InvalidParameter."""
    for known in STAGES:
        if known.lower() == stage.lower():
            return known
    raise InvalidParameter(f"Invalid Model Version stage: {stage}. Value must be one of {', '.join(STAGES)}.")


def check_name(name: str, path: str = "name") -> None:
    if not name.strip():
        raise InvalidParameter(f"Missing value for required parameter '{path}'.")
    if "/" in name or ":" in name:
        raise InvalidParameter(f"Invalid model name '{name}'. Names cannot contain '/' or ':'.")
    validate.own_path(name, "name")
    if len(name) > NAME_LENGTH:
        raise InvalidParameter(f"'{path}' exceeds the maximum length of {NAME_LENGTH} characters")


def check_tag(key: str, value: str) -> None:
    validate.key(key, "key", "Tag")
    validate.key_length(key, "key")
    validate.value_length(value, "value", TAG_LENGTH)


def check_alias(alias: str, *, is_new: bool = False) -> None:
    """`is_new`: names that stand for versions are refused."""
    if not alias:
        raise InvalidParameter("Registered model alias name cannot be empty.")
    if not _ALIAS.fullmatch(alias):
        raise InvalidParameter(
            f"Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-)."
        )
    validate.key_length(alias, "Registered model alias name", ALIAS_LENGTH)
    if is_new and alias.lower() == "latest":
        raise InvalidParameter("'latest' alias name (case insensitive) is reserved.")
    if is_new and _VERSION_ALIAS.fullmatch(alias):
        raise InvalidParameter(f"Version alias name '{alias}' is reserved.")


def _taken(name: str, was_prompt: bool, is_now_prompt: bool) -> str:
    old, new = ("Prompt" if each else "Registered Model" for each in (was_prompt, is_now_prompt))
    if old == new:
        return f"{new} (name={name}) already exists."
    return (
        f"Tried to create a {new.lower()} with name {name!r}, but the name is already taken by a {old.lower()}."
        " MLflow does not allow creating a model and a prompt with the same name."
    )


async def _tags(tx: Transaction, row: Row) -> dict[str, str]:
    rows = await tx.all("tags_of_models", model_ids=_json([row["id"]]))
    return {tag["key"]: tag["value"] for tag in rows}


async def _change(app: App, name: str, job: Job[T]) -> T:
    result = await app.db.write(job)
    announce(app, name)
    return result


def _json(values: Sequence[object]) -> str:
    return msgspec.json.encode(values).decode()
