"""What webhooks are told of the registry, in MLflow's words; each called in the transaction of the change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackside.core import prompts, webhooks
from trackside.store.database import Row, Transaction


async def model_created(tx: Transaction, name: str, description: str, tags: Mapping[str, str]) -> None:
    kind = "prompt" if prompts.is_prompt(tags) else "registered_model"
    shown = {key: value for key, value in tags.items() if kind != "prompt" or key not in prompts.MARKS}
    await webhooks.tell(tx, f"{kind}.created", {"name": name, "tags": shown, "description": description})


async def version_created(
    tx: Transaction,
    name: str,
    version: int,
    *,
    source: str,
    run_uuid: str | None,
    description: str,
    tags: Mapping[str, str],
) -> None:
    what: dict[str, Any] = {"name": name, "version": str(version)}
    rest = {"tags": dict(tags), "description": description or None}
    if not prompts.is_prompt(tags):
        data = {**what, "source": source, "run_id": run_uuid or None, **rest}
        await webhooks.tell(tx, "model_version.created", data)
        return
    rest["tags"] = {k: v for k, v in tags.items() if k not in (*prompts.MARKS, prompts.TEXT)}
    data = {**what, "template": tags.get(prompts.TEXT), **rest}
    await webhooks.tell(tx, "prompt_version.created", data)


async def model_tag(tx: Transaction, model: Row, key: str, value: str | None) -> None:
    """A tag of the model itself was set, or deleted if there is no value. Told of prompts only, as in MLflow."""
    if await prompts.is_prompt_model(tx, model["id"]):
        await _tag(tx, "prompt_tag", {"name": model["name"]}, key, value)


async def version_tag(tx: Transaction, version: Row, key: str, value: str | None) -> None:
    prompt = await prompts.is_prompt_model(tx, version["model_id"])
    at = {"name": version["name"], "version": str(version["version"])}
    await _tag(tx, "prompt_version_tag" if prompt else "model_version_tag", at, key, value)


async def alias(tx: Transaction, model_id: int, name: str, alias: str, version: int | None) -> None:
    """An alias was pointed at a version, or deleted if there is none."""
    kind = "prompt_alias" if await prompts.is_prompt_model(tx, model_id) else "model_version_alias"
    data = {"name": name, "alias": alias}
    if version is None:
        await webhooks.tell(tx, f"{kind}.deleted", data)
    else:
        await webhooks.tell(tx, f"{kind}.created", {**data, "version": str(version)})


async def _tag(tx: Transaction, kind: str, at: Mapping[str, str], key: str, value: str | None) -> None:
    if value is None:
        await webhooks.tell(tx, f"{kind}.deleted", {**at, "key": key})
    else:
        await webhooks.tell(tx, f"{kind}.set", {**at, "key": key, "value": value})
