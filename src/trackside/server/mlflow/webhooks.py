"""MLflow's webhook endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from starlette.requests import Request
from starlette.responses import Response

from trackside.core import webhooks
from trackside.core.outbound import NotAllowed, Unreachable, Unresolvable
from trackside.errors import InvalidParameter
from trackside.model import Page, Webhook, WebhookStatus
from trackside.server.guards import admins, admins_read
from trackside.server.mlflow import wire
from trackside.server.mlflow.paging import found_json, offset_of
from trackside.server.routing import Route, answer, app_of

DEFAULT, MOST = 100, 1000  # webhooks a page
# Protobuf's JSON takes an enum's name or its number.
ENTITIES = {str(number): name.upper() for number, name in enumerate(webhooks.ACTIONS, start=1)}
ACTIONS = {"1": "CREATED", "2": "UPDATED", "3": "DELETED", "4": "SET", "5": "EXCEEDED"}
STATUSES: Mapping[str, WebhookStatus] = {
    "1": "ACTIVE",
    "2": "DISABLED",
    "ACTIVE": "ACTIVE",
    "DISABLED": "DISABLED",
}


class Event(wire.Shape):
    entity: str | int = ""
    action: str | int = ""


class CreateWebhook(wire.Shape):
    name: str = ""
    url: str = ""
    events: list[Event] | None = None
    description: str = ""
    secret: str = ""
    status: str | int = ""
    required: ClassVar[tuple[str, ...]] = ("name", "url", "events")


class UpdateWebhook(wire.Shape):
    name: str = ""
    url: str = ""
    events: list[Event] = []
    description: str | None = None
    secret: str | None = None
    status: str | int = ""


class ListWebhooks(wire.Shape):
    max_results: wire.Int | None = None
    page_token: str = ""


class TestWebhook(wire.Shape):
    event: Event | None = None


def webhook_json(webhook: Webhook) -> dict[str, Any]:
    return {
        "webhook_id": webhook.uuid,
        "name": webhook.name,
        **({"description": webhook.description} if webhook.description else {}),
        "url": webhook.url,
        "events": [
            dict(zip(("entity", "action"), e.upper().split("."), strict=True)) for e in webhook.events
        ],
        "status": webhook.status,
        "creation_timestamp": webhook.created_ms,
        "last_updated_timestamp": webhook.updated_ms,
    }


def event_of(event: Event) -> str:
    """registered_model.created, … Raises InvalidParameter for a word that is not MLflow's."""
    entity, action = str(event.entity), str(event.action)
    entity, action = ENTITIES.get(entity, entity), ACTIONS.get(action, action)
    for what, word, known in (("entity", entity, ENTITIES), ("action", action, ACTIONS)):
        if word not in known.values():
            raise InvalidParameter(
                f"Invalid value '{word}' for the {what} of a webhook event. Valid values are: {sorted(known.values())}"
            )
    return f"{entity}.{action}".lower()


def status_of(status: str | int) -> WebhookStatus | None:
    """As in MLflow, a word that is no status counts as none."""
    return STATUSES.get(str(status))


async def create(request: Request) -> Response:
    body = await wire.read(request, CreateWebhook)
    webhook = await webhooks.create(
        app_of(request),
        body.name,
        body.url,
        [event_of(event) for event in cast("list[Event]", body.events)],
        description=body.description,
        secret=body.secret,
        status=status_of(body.status) or "ACTIVE",
    )
    return answer({"webhook": webhook_json(webhook)})


async def listed(request: Request) -> Response:
    body = await wire.read(request, ListWebhooks)
    limit = body.max_results or DEFAULT  # 0 counts as not given
    if not 1 <= limit <= MOST:
        raise InvalidParameter(f"max_results must be between 1 and {MOST}.")
    page = Page(limit, offset_of(body.page_token))
    found = await webhooks.listed(app_of(request), page._replace(limit=limit + 1))
    return answer(found_json("webhooks", [webhook_json(webhook) for webhook in found], page))


async def get(request: Request) -> Response:
    return answer({"webhook": webhook_json(await webhooks.get(app_of(request), _id(request)))})


async def update(request: Request) -> Response:
    body = await wire.read(request, UpdateWebhook)
    webhook = await webhooks.update(
        app_of(request),
        _id(request),
        name=body.name,
        url=body.url,
        events=[event_of(event) for event in body.events],
        description=body.description,
        secret=body.secret,
        status=status_of(body.status),
    )
    return answer({"webhook": webhook_json(webhook)})


async def delete(request: Request) -> Response:
    await webhooks.delete(app_of(request), _id(request))
    return answer({})


async def try_out(request: Request) -> Response:
    body = await wire.read(request, TestWebhook)
    event = event_of(body.event) if body.event else None
    try:
        found = await webhooks.try_out(app_of(request), _id(request), event)
    except (Unreachable, Unresolvable, NotAllowed) as error:
        return answer(
            {"result": {"success": False, "error_message": f"Failed to test webhook: {error.message}"}}
        )
    result: dict[str, Any] = {"success": 200 <= found.status < 300, "response_status": found.status}
    if found.body:
        result["response_body"] = found.body
    if 300 <= found.status < 400:
        result["error_message"] = "The receiver answered with a redirect, which is not followed."
    return answer({"result": result})


def _id(request: Request) -> str:
    webhook_id: str = request.path_params["webhook_id"]
    return webhook_id


_AT = "/api/2.0/mlflow/webhooks"
routes = [
    Route("POST", _AT, create, admins),
    Route("GET", _AT, listed, admins_read),
    Route("GET", f"{_AT}/{{webhook_id}}", get, admins_read),
    Route("PATCH", f"{_AT}/{{webhook_id}}", update, admins),
    Route("DELETE", f"{_AT}/{{webhook_id}}", delete, admins),
    Route("POST", f"{_AT}/{{webhook_id}}/test", try_out, admins),
]
