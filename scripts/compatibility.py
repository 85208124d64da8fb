"""Writes docs/compatibility.md: every endpoint of MLflow's server, and whether this server has it.

The list of MLflow's endpoints is made by scripts/mlflow_endpoints.py; ours are the routes themselves. An endpoint that
is neither served nor has a reason here stops the script, so that a new release's are looked at one by one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import generated

from trackside.server.app import routes
from trackside.server.mlflow import artifacts, proxy
from trackside.server.routing import Route

ROOT = Path(__file__).resolve().parents[1]
RELEASE = "3.17.2"
LISTED = ROOT / "tests" / "protocol" / f"mlflow-{RELEASE}-endpoints.txt"
PAGE = generated.DOCS / "compatibility.md"

SERVED, ON_S3, REFUSED, ABSENT = "served", "on S3", "refused", "not served"
ALWAYS_REFUSE = {artifacts.presigned_download, artifacts.presigned_upload}
ONLY_ON_S3 = {
    proxy.begin_multipart,
    proxy.complete_multipart,
    proxy.abort_multipart,
    proxy.presigned,
}
GENAI = "GenAI; answers as an unknown endpoint does, so that clients fall back"

# What is not served, by the beginning of its path, and why. The first that fits counts.
REASONS = [
    (r"/graphql", "the queries of MLflow's own web UI; no client asks"),
    (r"/(static-files|build)/", "files of MLflow's own web UI; this server has another"),
    (
        r"/ajax-api/3\.0/mlflow/ui-telemetry",
        "usage statistics of MLflow's own web UI; nothing is sent anywhere",
    ),
    (r"/api/2\.0mlflow/", "a misspelt route of MLflow's, which answers 'not implemented' there too"),
    (r"/signup|/api/2\.0/mlflow/users/create-ui", "MLflow's sign-up page; users are made by an admin"),
    (r"/(api|ajax-api)/3\.0/mlflow/workspaces", "workspaces are off; the header that names one is refused"),
    (r"/(api|ajax-api)/[23]\.0/mlflow/(unified-)?traces|/ajax-api/[23]\.0/mlflow/get-trace-artifact", GENAI),
    (r"/api/2\.0/mlflow/get-online-trace-details|/v1/traces", GENAI),
    (r"/(api|ajax-api)/3\.0/mlflow/(gateway|scorers?|datasets|issues|label-schemas|review-queues)\b", GENAI),
    (r"/(api|ajax-api)/3\.0/mlflow/(prompt-optimization|mcp-servers|assistant|demo|genai|jobs)\b", GENAI),
    (r"/ajax-api/3\.0/jobs/|/gateway/|/ajax-api/2\.0/mlflow/gateway-proxy", GENAI),
    (r"/ajax-api/2\.0/mlflow/runs/create-promptlab-run", GENAI),
]

HEAD = f"""# Compatibility with MLflow

Every endpoint of MLflow {RELEASE}'s server (tracking, registry, artifacts, sign-in, GenAI), and whether Trackside has
it. This page is written by `scripts/docs` from the routes of both.

- *served*: with MLflow's fields, codes and messages.
- *refused*: what MLflow refuses where files go through its server; answered in its words (400).
- *on S3*: what only an object store can. On a folder it is answered as MLflow answers on a folder (501
  NOT_IMPLEMENTED), and its client does without.
- *not served*: answers as an unknown endpoint does, 404 and no JSON, which MLflow's client takes for an older server.

A path under `/api/` is there under `/ajax-api/` too, as in MLflow, unless the line says otherwise. With
`--static-prefix` the prefix stands before every path.
"""


class Line(NamedTuple):
    method: str
    path: str
    status: str
    note: str


def shape(path: str) -> str:
    """A path with its parameters nameless: <x> and {x} alike."""
    return re.sub(r"<[^>]*>|\{[^}]*\}", "*", path)


def mlflow_endpoints() -> list[tuple[str, str]]:
    """(method, path) of each, without the twin below /ajax-api of one below /api."""
    listed = [tuple(line.split(" ", 1)) for line in LISTED.read_text().splitlines()]
    known = set(listed)
    return [
        (method, path)
        for method, path in listed
        if (method, path.replace("/ajax-api/", "/api/", 1)) not in known or not path.startswith("/ajax-api/")
    ]


def lines() -> Iterator[Line]:
    """Each endpoint of MLflow's with what this server does. Raises SystemExit for one nobody has judged."""
    listed = {tuple(line.split(" ", 1)) for line in LISTED.read_text().splitlines()}
    ours = {(route.method, shape(route.path)): route for route in routes()}
    for method, path in mlflow_endpoints():
        route = ours.get((method, shape(path)))
        if route is None:
            yield Line(method, path, ABSENT, _reason(method, path))
            continue
        twin = path.replace("/api/", "/ajax-api/", 1)
        alone = path.startswith("/api/") and (method, twin) not in listed
        note = "in MLflow without a twin under /ajax-api/" if alone else ""
        status = REFUSED if route.endpoint in ALWAYS_REFUSE else SERVED
        yield Line(method, path, ON_S3 if route.endpoint in ONLY_ON_S3 else status, note)


def older() -> list[Route]:
    """What this server has on MLflow's paths that this release has not: for clients of other releases."""
    listed = {(method, shape(path)) for method, path in mlflow_endpoints()}
    return [
        route
        for route in routes()
        if route.path.startswith("/api/")
        and "/trackside/" not in route.path
        and (route.method, shape(route.path)) not in listed
    ]


def page() -> str:
    """The whole of docs/compatibility.md."""
    found = list(lines())
    counts = {
        status: sum(line.status == status for line in found) for status in (SERVED, ON_S3, REFUSED, ABSENT)
    }
    text = [
        HEAD,
        f"Of {len(found)}: {', '.join(f'{count} {status}' for status, count in counts.items())}.",
        "",
    ]
    for title, chosen in (
        ("Served", [line for line in found if line.status != ABSENT]),
        ("Not served", [line for line in found if line.status == ABSENT]),
    ):
        text += [f"## {title}", "", "| | endpoint | | |", "|---|---|---|---|"]
        text += [f"| {line.method} | `{line.path}` | {line.status} | {line.note} |" for line in chosen]
        text.append("")
    text += [f"## For clients of other releases, not in {RELEASE}", "", "| | endpoint |", "|---|---|"]
    text += [f"| {route.method} | `{route.path}` |" for route in older()]
    return "\n".join([*text, ""])


def _reason(method: str, path: str) -> str:
    for pattern, reason in REASONS:
        if re.match(pattern, path):
            return reason
    sys.exit(
        f"{method} {path} is not served and has no reason: serve it, or say why not in scripts/compatibility.py"
    )


if __name__ == "__main__":
    sys.exit(generated.main(PAGE, page, "the routes", __doc__))
