"""Prompts, which MLflow keeps among the registered models, marked with a tag."""

from __future__ import annotations

from collections.abc import Mapping

from trackside.store.database import Transaction

IS_PROMPT = "mlflow.prompt.is_prompt"
TEXT = "mlflow.prompt.text"
MARKS = (IS_PROMPT, "_mlflow_prompt_type")  # MLflow's own tags, not the user's


def is_prompt(tags: Mapping[str, str]) -> bool:
    return tags.get(IS_PROMPT, "false").lower() == "true"


def is_granted_as_prompt(tags: Mapping[str, str]) -> bool:
    """Whether the grants on prompts hold, not those on registered models: what the queries compare, to the letter."""
    return tags.get(IS_PROMPT) == "true"


async def is_prompt_model(tx: Transaction, model_id: int) -> bool:
    """Whether a registered model is a prompt, by its row's number."""
    tag = await tx.one("tag_of_registered_model", model_id=model_id, key=IS_PROMPT)
    return tag is not None and is_prompt({IS_PROMPT: tag["value"]})
