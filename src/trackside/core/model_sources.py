"""Where a model version's files are, and whether the request may say so.

A version's source is a URI that a client gives and other clients will load code from, so it
must lie within the run or logged model that the request names. The rules and words are MLflow's.
"""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple, NoReturn
from urllib.parse import ParseResult, unquote, unquote_plus, urlparse

from trackside.core import prompts, registry, validate
from trackside.errors import InvalidParameter, NotFound
from trackside.store.database import Row, Transaction

SOURCE_LENGTH = 4096  # also bounds how often a text can be percent-decoded anew
# What MLflow's clients send for prompts, which have no files.
PROMPT_SOURCES = ("dummy-source", "prompt-template")


class Source(NamedTuple):
    """A source that was checked."""

    uri: str
    storage_location: str  # the same with models:/ references followed
    run_uuid: str | None = None
    model_uuid: str | None = None  # of the logged model


class ModelUri(NamedTuple):
    """The parts of a `models:/…` URI: a logged model's id, or a name with at most one of the others."""

    model_uuid: str = ""
    name: str = ""
    version: str = ""
    stage: str = ""
    alias: str = ""


async def checked(tx: Transaction, uri: str, run_uuid: str | None, model_uuid: str | None) -> Source:
    """The source of a new version, by what the request says; None where it says nothing.

    Raises InvalidParameter for a source outside the run or logged model named, NotFound for a
    registered model, version or logged model that does not exist.
    """
    validate.key_length(uri, "source", SOURCE_LENGTH)
    validate.artifact_uri(uri, "source")
    if uri.startswith("models:"):
        followed = await _followed(tx, uri, run_uuid, model_uuid)
        if followed:
            return followed
    model = await _model(tx, uri, model_uuid) if model_uuid else None
    if model is not None:
        _check_of_model(uri, model)
        run_uuid = run_uuid or model["source_run_uuid"]
    else:
        await _check_of_run(tx, uri, run_uuid)
    location = model["artifact_location"] if model is not None and uri.startswith("models:") else uri
    return Source(uri, location, run_uuid or None, model_uuid or None)


async def location(tx: Transaction, storage_location: str) -> str:
    """The artifact URI behind a storage location: `runs:/ID/path` is below the run's. Raises NotFound."""
    if not storage_location.startswith("runs:"):
        return storage_location
    run_uuid, path = _parts_of_runs_uri(storage_location)
    run = await tx.one("run_by_uuid", uuid=run_uuid)
    if run is None:
        raise NotFound(f"Run with id={run_uuid} not found")
    return f"{run['artifact_uri']}/{path}" if path else str(run["artifact_uri"])


def parse_models_uri(uri: str) -> ModelUri:
    """`models:/m-…`, `models:/name/1`, `models:/name/latest`, `models:/name/Production`, `models:/name@alias`."""
    path = _split(uri, fragments=False).path
    parts = path.lstrip("/").split("/")
    if not path.startswith("/") or len(parts) > 2 or not all(part.strip() for part in parts):
        _fail(uri, "model_id")
    if len(parts) == 2:
        name, suffix = parts
        if suffix.isdigit():
            return ModelUri(name=name, version=suffix)
        return ModelUri(name=name, stage="" if suffix.lower() == "latest" else suffix)
    name, at, alias = parts[0].rpartition("@")
    if not at:
        return ModelUri(model_uuid=parts[0])
    if not alias.strip():
        _fail(uri, "model_id")
    return ModelUri(name=name, alias=alias)


async def _followed(tx: Transaction, uri: str, run_uuid: str | None, model_uuid: str | None) -> Source | None:
    """The source that a version of a registered model has; None for a logged model's URI."""
    if _split(uri).netloc:
        raise InvalidParameter(
            f"Invalid model version source: '{uri}'. Registered model sources must use the active model registry."
        )
    wanted = parse_models_uri(uri)
    if wanted.model_uuid:
        return None
    [model] = await registry.loaded(tx, [await registry.row_of(tx, wanted.name)])
    if prompts.is_prompt(model.tags):
        raise InvalidParameter(
            f"Invalid model version source: '{uri}'. Prompt versions cannot be used as model version sources."
        )
    row = await _version(tx, wanted)
    for given, known in ((run_uuid, row["run_uuid"]), (model_uuid, row["logged_model_uuid"])):
        if given is not None and given != (known or ""):
            raise InvalidParameter(
                f"Invalid model version source: '{uri}'. The run_id and model_id request parameters must match"
                " the referenced model version."
            )
    followed = f"models:/{wanted.name}/{row['version']}"
    return Source(followed, row["storage_location"], row["run_uuid"], row["logged_model_uuid"])


async def _version(tx: Transaction, wanted: ModelUri) -> Row:
    if wanted.version:
        return await registry.version_row_of(tx, wanted.name, wanted.version)
    if wanted.alias:
        return await registry.alias_row_of(tx, wanted.name, wanted.alias)
    stage = registry.canonical_stage(wanted.stage) if wanted.stage else ""
    model = await registry.row_of(tx, wanted.name)
    for row in await tx.all("versions_of_model", model_id=model["id"]):
        if stage in ("", row["stage"]):
            return row
    of_stage = f" and stage '{wanted.stage}'" if stage else ""
    raise NotFound(f"No versions of model with name '{wanted.name}'{of_stage} found")


async def _model(tx: Transaction, uri: str, model_uuid: str) -> Row:
    row = await tx.one("logged_model_by_uuid", uuid=model_uuid)
    if row is None or row["lifecycle"] != "active":
        if _is_local(uri) or _is_proxied(uri):
            _fail(uri, "model_id")
        raise NotFound(f"Logged model with ID '{model_uuid}' not found.")
    return row


def _check_of_model(uri: str, model: Row) -> None:
    if _is_local(uri):
        if not _within(uri, model["artifact_location"]):
            _fail_local(uri, "model_id")
        return
    _check_absolute(uri)
    parsed = _split(uri)
    if parsed.scheme == "models" and (parsed.netloc or parse_models_uri(uri).model_uuid != model["uuid"]):
        _fail(uri, "model_id")
    if parsed.scheme == "runs" or (_is_proxied(uri) and not _within(uri, model["artifact_location"])):
        _fail(uri, "model_id")


async def _check_of_run(tx: Transaction, uri: str, run_uuid: str | None) -> None:
    if _is_local(uri):
        if not _within(uri, await _root_of(tx, uri, run_uuid)):
            _fail_local(uri, "run_id")
        return
    _check_absolute(uri)
    scheme = _split(uri).scheme
    if scheme == "models":
        _fail(uri, "model_id")
    if scheme == "runs" and (not run_uuid or _parts_of_runs_uri(uri)[0] != run_uuid):
        _fail(uri, "run_id")
    if _is_proxied(uri) and not _within(uri, await _root_of(tx, uri, run_uuid)):
        _fail(uri, "run_id")


async def _root_of(tx: Transaction, uri: str, run_uuid: str | None) -> str:
    """The artifact URI of the run named; nothing lies within "" when none is named."""
    if not run_uuid:
        return ""
    run = await tx.one("run_by_uuid", uuid=run_uuid)
    if run is None:
        _fail(uri, "run_id")
    return str(run["artifact_uri"])


def _parts_of_runs_uri(uri: str) -> tuple[str, str]:
    """Run and path of `runs:/ID/path`."""
    parsed = _split(uri)
    run_uuid, _, path = parsed.path.removeprefix("/").partition("/")
    if parsed.netloc:
        _fail(uri, "run_id")
    if not parsed.path.startswith("/") or not run_uuid:
        raise InvalidParameter(
            f"Not a proper runs:/ URI: {uri}. Runs URIs must be of the form"
            " 'runs:/<run_id>/run-relative/path/to/artifact'"
        )
    return run_uuid, path


def _is_local(uri: str) -> bool:
    return _split(uri).scheme in ("", "file")


def _is_proxied(uri: str) -> bool:
    """Whether a client would fetch it through a tracking server."""
    scheme, _, parts = _parts(uri)
    return scheme == "mlflow-artifacts" or (
        scheme in ("http", "https") and "/api/2.0/mlflow-artifacts/artifacts/" in f"/{'/'.join(parts)}/"
    )


def _within(uri: str, root: str) -> bool:
    scheme, host, parts = _parts(uri)
    root_scheme, root_host, root_parts = _parts(root)
    if ".." in parts:
        return False
    same_place = (scheme or "file", host) == (root_scheme or "file", root_host)
    return same_place and bool(root_parts) and parts[: len(root_parts)] == root_parts


def _parts(uri: str) -> tuple[str, str, list[str]]:
    """Scheme, host and decoded path segments."""
    parsed = _split(uri)
    return (
        parsed.scheme.lower(),
        parsed.netloc.lower(),
        [_decoded(part) for part in parsed.path.split("/") if part],
    )


def _decoded(text: str) -> str:
    while (once := unquote(text)) != text:
        text = once
    return text


def _check_absolute(uri: str) -> None:
    """Refuse what another reading, percent-decoded any number of times, would lead elsewhere."""
    decoded = uri
    while (once := unquote_plus(decoded)) != decoded:
        decoded = once
    path = re.sub(r"/+", "/", _split(decoded).path.rstrip("/"))
    relative = not path.startswith("/") or posixpath.normpath(path) != path
    if relative or "\0" in path or ".." in decoded.split("/"):
        raise InvalidParameter(
            f"Invalid model version source: '{uri}'. If supplying a source as an http, https, local file path, ftp,"
            " objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path"
            " references present. Please provide an absolute path."
        )


def _fail_local(uri: str, parameter: str) -> NoReturn:
    raise InvalidParameter(
        f"Invalid model version source: '{uri}'. To use a local path as a model version source, the {parameter}"
        " request parameter has to be specified and the local path has to be contained within the artifact"
        f" directory of the run specified by the {parameter}."
    )


def _fail(uri: str, parameter: str) -> NoReturn:
    raise InvalidParameter(
        f"Invalid model version source: '{uri}'. The {parameter} request parameter must identify the resource that"
        " contains the source."
    )


def _split(uri: str, *, fragments: bool = True) -> ParseResult:
    try:
        return urlparse(uri, allow_fragments=fragments)
    except ValueError:  # brackets that are no address
        raise InvalidParameter(f"Invalid model version source: '{uri}'. It is not a URI.") from None
