"""Exit 0 when the server in this container answers `GET /health`, else 1 with the reason. Needs no curl."""

from __future__ import annotations

import http.client
import os
import sys


def main() -> str:
    """The reason why it is not healthy; empty when it is."""
    port = int(os.environ.get("TRACKSIDE_PORT", "8000"))
    # No urllib: it would go through a proxy that the container's variables name.
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", f"{os.environ.get('TRACKSIDE_STATIC_PREFIX', '')}/health")
        status = connection.getresponse().status
    except OSError as error:
        return f"no answer on port {port}: {error}"
    return "" if status == http.HTTPStatus.OK else f"/health answers {status}"


if __name__ == "__main__":
    sys.exit(main() or 0)
