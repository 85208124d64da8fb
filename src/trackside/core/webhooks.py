"""Webhooks: who is told of changes in the registry. What is to be told is written with the change itself.

`tell` adds deliveries in the transaction of the change, so neither is ever there without the
other; `core.deliveries` sends them.
"""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from trackside.core import outbound
from trackside.core.app import App
from trackside.core.names import now_ms
from trackside.errors import InvalidParameter, NotFound
from trackside.model import Page, Webhook, WebhookStatus
from trackside.store.database import Row, Transaction

log = logging.getLogger("trackside.webhooks")
WAITING = 10_000  # deliveries of one webhook; what happens beyond is not told

# What can happen to what, in MLflow's words.
ACTIONS: Mapping[str, tuple[str, ...]] = {
    "registered_model": ("created",),
    "model_version": ("created",),
    "model_version_tag": ("deleted", "set"),
    "model_version_alias": ("created", "deleted"),
    "prompt": ("created",),
    "prompt_version": ("created",),
    "prompt_tag": ("deleted", "set"),
    "prompt_version_tag": ("deleted", "set"),
    "prompt_alias": ("created", "deleted"),
    "budget_policy": ("exceeded",),  # can be asked for, never happens: there is no gateway here
}
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


async def create(
    app: App,
    name: str,
    url: str,
    events: Sequence[str],
    description: str | None = None,
    secret: str | None = None,
    status: WebhookStatus = "ACTIVE",
) -> Webhook:
    """Add a webhook; names need not be unique. Raises InvalidParameter, also for an address that is not allowed."""
    _check_name(name)
    await outbound.check(url, app.settings)
    wanted = _distinct(events)

    async def job(tx: Transaction) -> Webhook:
        row = await tx.insert(
            "add_webhook",
            uuid=str(uuid.uuid4()),
            name=name,
            description=description or None,
            url=url,
            secret=secret or None,
            status=status,
            now_ms=now_ms(),
        )
        await _subscribe(tx, row["id"], wanted)
        return await _loaded(tx, row)

    return await app.db.write(job)


async def get(app: App, webhook_id: str) -> Webhook:
    """One webhook, without its secret. Raises NotFound."""

    async def job(tx: Transaction) -> Webhook:
        return await _loaded(tx, await _row_of(tx, webhook_id))

    return await app.db.read(job)


async def listed(app: App, page: Page) -> list[Webhook]:
    """A page of webhooks, the newest first."""

    async def job(tx: Transaction) -> list[Webhook]:
        rows = await tx.all("webhooks_newest_first", limit=page.limit, offset=page.offset)
        return [await _loaded(tx, row) for row in rows]

    return await app.db.read(job)


async def update(
    app: App,
    webhook_id: str,
    *,
    name: str | None = None,
    url: str | None = None,
    events: Sequence[str] = (),
    description: str | None = None,
    secret: str | None = None,
    status: WebhookStatus | None = None,
) -> Webhook:
    """Change what is given; an empty description or secret removes it. Raises NotFound, InvalidParameter."""
    await get(app, webhook_id)  # an unknown one is said before a bad value
    if name:
        _check_name(name)
    if url:
        await outbound.check(url, app.settings)
    wanted = _distinct(events) if events else []

    async def job(tx: Transaction) -> Webhook:
        row = await _row_of(tx, webhook_id)
        await tx.run(
            "update_webhook",
            id=row["id"],
            name=name or row["name"],
            url=url or row["url"],
            description=row["description"] if description is None else description or None,
            secret=row["secret"] if secret is None else secret or None,
            status=status or row["status"],
            now_ms=now_ms(),
        )
        if wanted:
            await tx.run("delete_webhook_events", webhook_id=row["id"])
            await _subscribe(tx, row["id"], wanted)
        await _end_pause(tx, row["id"])  # what was wrong may be right now
        return await _loaded(tx, await _row_of(tx, webhook_id))

    webhook = await app.db.write(job)
    app.deliveries_due.set()
    return webhook


async def delete(app: App, webhook_id: str) -> None:
    """Delete a webhook with what it was still to be told. Raises NotFound."""

    async def job(tx: Transaction) -> None:
        if not await tx.run("delete_webhook", uuid=webhook_id):
            raise _not_found(webhook_id)

    await app.db.write(job)


async def try_out(app: App, webhook_id: str, event: str | None = None) -> outbound.Answer:
    """Send an example now, once, signed like a real delivery: of the event given, or of its first.

    What waits for this receiver is sent too when the example has arrived.
    Raises NotFound, InvalidParameter for an event that does not exist, Unreachable.
    """
    wanted = _distinct([event])[0] if event else None

    async def job(tx: Transaction) -> tuple[Row, str]:
        row = await _row_of(tx, webhook_id)
        return row, wanted or (await tx.all("events_of_webhook", webhook_id=row["id"]))[0]["event"]

    row, sample = await app.db.read(job)
    body = message(sample, EXAMPLES[sample]).encode()
    answer = await outbound.post(
        row["url"], body, outbound.headers(str(uuid.uuid4()), body, row["secret"]), app.settings
    )
    if 200 <= answer.status < 300:

        async def go_on(tx: Transaction) -> None:
            await _end_pause(tx, row["id"])

        await app.db.write(go_on)
        app.deliveries_due.set()
    return answer


async def tell(tx: Transaction, event: str, data: Mapping[str, Any]) -> None:
    """Queue a delivery for each webhook that asked for this event, in the transaction of the change."""
    hooks = await tx.all("webhooks_to_tell", event=event, most=WAITING)
    if not hooks:
        return
    body, now = message(event, data), now_ms()
    for hook in hooks:
        if hook["waiting"] >= WAITING:
            log.warning(
                "webhook %s (%s) has %d deliveries waiting: it is not told of %s",
                hook["name"],
                hook["uuid"],
                WAITING,
                event,
            )
            continue
        await tx.run(
            "add_delivery", uuid=str(uuid.uuid4()), webhook_id=hook["id"], event=event, body=body, now_ms=now
        )


def message(event: str, data: Mapping[str, Any]) -> str:
    """A delivery's body, as MLflow writes it."""
    entity, _, action = event.partition(".")
    timestamp = datetime.now(UTC).isoformat()
    return json.dumps({"entity": entity, "action": action, "timestamp": timestamp, "data": data})


async def _subscribe(tx: Transaction, row_id: int, events: Sequence[str]) -> None:
    await tx.many("add_webhook_event", [{"webhook_id": row_id, "event": event} for event in events])


async def _end_pause(tx: Transaction, row_id: int) -> None:
    await tx.run("set_pause", webhook_id=row_id, attempts=0, due_ms=now_ms())


async def _row_of(tx: Transaction, webhook_id: str) -> Row:
    row = await tx.one("webhook_by_uuid", uuid=webhook_id)
    if row is None:
        raise _not_found(webhook_id)
    return row


async def _loaded(tx: Transaction, row: Row) -> Webhook:
    events = await tx.all("events_of_webhook", webhook_id=row["id"])
    return Webhook(
        uuid=row["uuid"],
        name=row["name"],
        url=row["url"],
        events=[each["event"] for each in events],
        description=row["description"],
        status=row["status"],
        created_ms=row["created_ms"],
        updated_ms=row["updated_ms"],
    )


def _not_found(webhook_id: str) -> NotFound:
    return NotFound(f"Webhook with ID {webhook_id} not found.")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidParameter(
            f"Webhook name {name!r} is invalid. It must start and end with a letter or digit, be less than 63"
            " characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-)."
        )


def _distinct(events: Sequence[str]) -> list[str]:
    """The events, each once. Raises InvalidParameter for none, and for one that does not exist."""
    if not events:
        raise InvalidParameter("Webhook events must be a non-empty list of WebhookEvent objects: [].")
    for event in events:
        entity, _, action = event.partition(".")
        if entity not in ACTIONS:
            raise InvalidParameter(
                f"Invalid webhook entity '{entity}'. Valid entities are: {sorted(ACTIONS)}"
            )
        if action not in ACTIONS[entity]:
            raise InvalidParameter(
                f"Invalid action '{action}' for entity '{entity}'. Valid actions are: {list(ACTIONS[entity])}"
            )
    return list(dict.fromkeys(events))


_MODEL = {"name": "example_model"}
_PROMPT = {"name": "example_prompt"}
_TAG = {"key": "example_key", "value": "example_value"}
_TAGS = {"tags": {"example_key": "example_value"}}
_FIRST = {"version": "1"}
_ALIAS = {"alias": "example_alias"}

# What `try_out` sends: MLflow's examples.
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "registered_model.created": {**_MODEL, **_TAGS, "description": "An example registered model"},
    "model_version.created": {
        **_MODEL,
        **_FIRST,
        "source": "models:/123",
        "run_id": "abcd1234abcd5678",
        **_TAGS,
        "description": "An example model version",
    },
    "model_version_tag.set": {**_MODEL, **_FIRST, **_TAG},
    "model_version_tag.deleted": {**_MODEL, **_FIRST, "key": _TAG["key"]},
    "model_version_alias.created": {**_MODEL, **_ALIAS, **_FIRST},
    "model_version_alias.deleted": {**_MODEL, **_ALIAS},
    "prompt.created": {**_PROMPT, **_TAGS, "description": "An example prompt"},
    "prompt_version.created": {
        **_PROMPT,
        **_FIRST,
        "template": "Hello {{name}}!",
        **_TAGS,
        "description": "An example prompt version",
    },
    "prompt_tag.set": {**_PROMPT, **_TAG},
    "prompt_tag.deleted": {**_PROMPT, "key": _TAG["key"]},
    "prompt_version_tag.set": {**_PROMPT, **_FIRST, **_TAG},
    "prompt_version_tag.deleted": {**_PROMPT, **_FIRST, "key": _TAG["key"]},
    "prompt_alias.created": {**_PROMPT, **_ALIAS, **_FIRST},
    "prompt_alias.deleted": {**_PROMPT, **_ALIAS},
    "budget_policy.exceeded": {
        "budget_policy_id": "bp-abc123",
        "budget_unit": "USD",
        "budget_amount": 100.0,
        "current_spend": 105.5,
        "duration_unit": "MONTHS",
        "duration_value": 1,
        "target_scope": "ENDPOINT",
        "workspace": "default",
        "target_value": "ep-abc123",
        "window_start": 1704067200000,
    },
}
