"""The OpenAPI document of the native API, made from its routes and shapes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from trackside import __version__
from trackside.server.guards import open_to_all
from trackside.server.native import shapes
from trackside.server.native.bodies import ROOT
from trackside.server.routing import Route, answer


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """OpenAPI 3.1 of these routes."""
    bodies = {body for route in routes for body in (route.takes, route.gives) if body is not None}
    listed = sorted(bodies | {shapes.Problem}, key=lambda body: str(body.__name__))
    _, schemas = msgspec.json.schema_components(listed, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for route in routes:
        path = re.sub(r":path}", "}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, re.findall(r"{(\w+)}", path))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Trackside", "version": __version__},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _operation(route: Route, names: list[str]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.endpoint.__module__.rpartition('.')[2]}_{route.endpoint.__name__}",
        "responses": {
            "200": _body("The answer", route.gives) if route.gives else {"description": "Bytes"},
            "default": _body("An error", shapes.Problem),
        },
    }
    if names:
        string = {"type": "string"}
        operation["parameters"] = [
            {"name": n, "in": "path", "required": True, "schema": string} for n in names
        ]
    if route.takes:
        operation["requestBody"] = {"required": True, **_body("", route.takes)}
    return operation


def _body(description: str, shape: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape.__name__}"}}}
    return {**({"description": description} if description else {}), "content": content}


def routes(documented: Sequence[Route]) -> list[Route]:
    """The route that serves the document of the others."""
    made = document(documented)

    async def openapi(request: Request) -> Response:
        return answer(made)

    return [Route("GET", f"{ROOT}/openapi.json", openapi, open_to_all)]
