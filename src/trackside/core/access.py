"""May this sender do that to this run, model, file? Finds what a thing belongs to, and asks the sender's grants."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from trackside.core import artifacts, model_sources
from trackside.core.app import App
from trackside.core.permissions import Actor, Need, one_spelling
from trackside.core.prompts import IS_PROMPT, is_granted_as_prompt
from trackside.errors import NotFound, TracksideError
from trackside.model import RegisteredModel, VisibleModels
from trackside.store.database import Row, Transaction

EXPERIMENT, RUN, LOGGED_MODEL = "experiment", "run", "logged_model"
MODEL, PROMPT = "registered_model", "prompt"
_VERSIONS = {MODEL: "registered_model_version", PROMPT: "prompt_version"}
_ROOT = ("", RUN, LOGGED_MODEL)  # what an experiment's own folder holds


def experiment(actor: Actor, need: Need, experiment_id: str) -> bool:
    """An experiment that does not exist is decided as any other: its absence is no secret worth a look-up."""
    allowed = actor.may(need, EXPERIMENT, one_spelling(experiment_id))
    if need == "delete":  # its runs and models go with it
        return allowed and all(
            actor.may(need, EXPERIMENT, one_spelling(experiment_id), part) for part in (RUN, LOGGED_MODEL)
        )
    return allowed


def may_add_to_experiment(actor: Actor, experiment_id: str, part: str) -> bool:
    return actor.may_make_parts(EXPERIMENT, one_spelling(experiment_id), part)


def readable_experiments(actor: Actor, experiment_ids: Iterable[str], part: str) -> list[str]:
    """Those of the experiments whose runs (or models) can be read."""
    return [each for each in experiment_ids if actor.may("read", EXPERIMENT, one_spelling(each), part)]


async def run(app: App, actor: Actor, need: Need, uuid: str) -> bool:
    """False for a run that does not exist, so that nobody learns which do."""
    return await _part(app, actor, need, RUN, uuid)


async def runs(app: App, actor: Actor, need: Need, uuids: Iterable[str]) -> bool:
    """All of these."""
    return await _parts(app, actor, need, RUN, uuids)


async def logged_model(app: App, actor: Actor, need: Need, uuid: str) -> bool:
    return await _part(app, actor, need, LOGGED_MODEL, uuid)


async def logged_models(app: App, actor: Actor, need: Need, uuids: Iterable[str]) -> bool:
    return await _parts(app, actor, need, LOGGED_MODEL, uuids)


async def _parts(app: App, actor: Actor, need: Need, part: str, uuids: Iterable[str]) -> bool:
    for uuid in dict.fromkeys(uuids):
        if not await _part(app, actor, need, part, uuid):
            return False
    return True


async def _part(app: App, actor: Actor, need: Need, part: str, uuid: str) -> bool:
    known = app.identities.experiment_of
    number = known.get(uuid)
    if number is None:
        query = "run_by_uuid" if part == RUN else "logged_model_by_uuid"

        async def job(tx: Transaction) -> Row | None:
            return await tx.one(query, uuid=uuid)

        row = await app.db.read(job)
        if row is None:
            return False
        number = int(row["experiment_id"])
        known.put(uuid, number)
    return actor.may(need, EXPERIMENT, str(number), part)


async def _kind(app: App, actor: Actor, name: str) -> str:
    """Prompts are kept among the registered models, but are granted apart."""
    if actor.is_admin:
        return MODEL  # it makes no difference

    async def job(tx: Transaction) -> bool:
        return await tx.one("prompt_by_name", name=name) is not None

    return PROMPT if await app.db.read(job) else MODEL


async def model_exists(app: App, name: str) -> bool:
    async def job(tx: Transaction) -> bool:
        return await tx.one("registered_model_by_name", name=name) is not None

    return await app.db.read(job)


async def model(app: App, actor: Actor, need: Need, name: str) -> bool:
    kind = await _kind(app, actor, name)
    # With a model its versions are deleted.
    parts = ("", _VERSIONS[kind]) if need == "delete" else ("",)
    return all(actor.may(need, kind, name, part) for part in parts)


async def model_tag(app: App, actor: Actor, name: str, key: str) -> bool:
    """Whether a tag of a registered model may be set or deleted.

    The one that makes a prompt of a model exchanges the grants that hold: only admins change it later.
    """
    return (actor.is_admin or key != IS_PROMPT) and await model(app, actor, "update", name)


async def alias(app: App, actor: Actor, need: Need, name: str) -> bool:
    """An alias is the model's, and shows one of its versions."""
    return await model(app, actor, need, name) and await versions(app, actor, "read", name)


async def versions(app: App, actor: Actor, need: Need, name: str) -> bool:
    kind = await _kind(app, actor, name)
    return actor.may(need, kind, name, _VERSIONS[kind])


async def may_add_version(app: App, actor: Actor, name: str) -> bool:
    kind = await _kind(app, actor, name)
    return actor.may_make_parts(kind, name, _VERSIONS[kind])


def sees_runs(actor: Actor, experiment_id: int | str) -> bool:
    """Whether the runs of an experiment can be read, so also counts and names that come from them."""
    return actor.may("read", EXPERIMENT, one_spelling(str(experiment_id)), RUN)


def sees_versions(actor: Actor, model: RegisteredModel) -> bool:
    """The same of a registered model that was read already."""
    kind = PROMPT if is_granted_as_prompt(model.tags) else MODEL
    return actor.may("read", kind, model.name, _VERSIONS[kind])


def as_seen(actor: Actor, model: RegisteredModel) -> RegisteredModel:
    """A registered model without versions that may not be read. Its aliases stay, as in MLflow."""
    return model if sees_versions(actor, model) else structs.replace(model, latest=[])


def visible_models(actor: Actor) -> VisibleModels:
    return VisibleModels(actor.visible(MODEL), actor.visible(PROMPT))


def visible_versions(actor: Actor) -> VisibleModels:
    return VisibleModels(actor.visible(MODEL, _VERSIONS[MODEL]), actor.visible(PROMPT, _VERSIONS[PROMPT]))


async def path(app: App, actor: Actor, need: Need, asked: str) -> bool:
    """A path of the artifact store: it belongs to the experiment below whose location it lies.

    What belongs to none, such as the store's root, is for admins. Raises InvalidParameter for a bad path.
    """
    safe = artifacts.safe_path(asked, folder=True)
    reached = await _reached(app, need, safe) if safe else []
    if not reached:
        return actor.is_admin and actor.may(need, EXPERIMENT, "*")
    return all(actor.may(need, EXPERIMENT, number, part) for number, parts in reached for part in parts)


async def _reached(app: App, need: Need, safe: str) -> list[tuple[str, tuple[str, ...]]]:
    """The experiments, with the kinds of their parts, whose files a path reaches; none where it belongs to none."""
    store = app.blobs.uri
    asked = f"{store}/{safe}"

    async def job(tx: Transaction) -> list[Row]:
        return list(await tx.all("experiments_at_location", location=asked))

    located = [(row["artifact_location"].rstrip("/"), str(row["id"])) for row in await app.db.read(job)]
    numbered = artifacts.experiment_of_folder(safe)
    if numbered is not None:
        located.insert(0, (f"{store}/{safe.partition('/')[0]}", str(numbered)))
    around = [place for place in located if f"{asked}/".startswith(f"{place[0]}/")]
    if not around:
        return []
    location, owner = max(around, key=lambda place: len(place[0]))  # of equal ones the first
    inside = {number for place, number in located if (place, number) not in around}
    below = asked.removeprefix(location).strip("/")
    if not below or owner in inside:
        parts: tuple[str, ...] = _ROOT
    else:
        parts = (LOGGED_MODEL,) if below.partition("/")[0] == "models" else (RUN,)
    # A listing names what lies in a folder, no more. What changes a folder reaches all that lies in it.
    others = [] if need == "read" else sorted(inside - {owner})
    return [(owner, parts), *((number, _ROOT) for number in others)]


async def source(app: App, actor: Actor, uri: str) -> bool:
    """Whether a new version may be made of these files: through it whoever reads the version reads them."""
    if uri.startswith("models:"):
        return await _model_source(app, actor, uri)
    if uri.startswith("runs:"):
        return await run(app, actor, "read", uri.removeprefix("runs:").lstrip("/").partition("/")[0])
    try:
        inside = artifacts.inside(app, uri)
    except TracksideError:
        return True  # not in our store: the server cannot read it for anybody
    return await path(app, actor, "read", inside)


async def _model_source(app: App, actor: Actor, uri: str) -> bool:
    try:
        named = model_sources.parse_models_uri(uri)
    except (TracksideError, NotFound):
        return True  # whoever makes the version is told what is wrong with it
    if named.model_uuid:
        return await logged_model(app, actor, "read", named.model_uuid)
    return await versions(app, actor, "read", named.name)


async def topic(app: App, actor: Actor, name: str) -> bool:
    """Whether live updates on this may be heard."""
    kind, colon, of = name.partition(":")
    if not colon:
        return kind in ("experiments", "models")  # say only that something changed
    if kind == "experiment":
        return experiment(actor, "read", of)
    if kind == "run":
        return await run(app, actor, "read", of)
    return kind == "model" and await model(app, actor, "read", of)


def tells(actor: Actor, name: str) -> bool:
    """Whether a topic that may be heard has anything to say: what is told of an experiment are its runs."""
    kind, _, of = name.partition(":")
    return kind != EXPERIMENT or sees_runs(actor, of)
