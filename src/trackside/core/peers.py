"""What one server tells the others on the same store: what pages listen for, what was remembered and is no more.

Messages are lists that begin with their kind. All a server keeps in memory of what is in the store is
either never changed there, or forgotten when another one says so, or when it can hear nobody.
"""

from __future__ import annotations

from typing import Any

from trackside.core.app import App


class Neighbourhood:
    """This server's ears and mouth."""

    def __init__(self, app: App) -> None:
        self._app = app

    def start(self) -> None:
        """Begin to listen and to tell; nothing where there can be no other server."""
        peers = self._app.db.peers
        if peers is None:
            return
        self._app.events.relay = lambda topic, data: peers.tell(["event", topic, data])
        self._app.identities.tries.relay = lambda *tried: peers.tell(["tried", *tried])
        peers.start(self)

    def heard(self, message: list[Any]) -> None:
        kind, *about = message
        if kind == "event":
            topic, data = about
            self._app.events.heard(topic, data)
        elif kind == "tried":
            name, source, right = about
            self._app.identities.tries.heard(name, source, right)
        elif kind == "permissions":
            self._app.identities.forget_grants()
        elif kind == "credentials":
            self._app.identities.forget_credentials()
            self._app.events.close()  # listeners come back, and are asked again who they are
        elif kind == "deliveries":
            self._app.deliveries_due.set()
        elif kind == "everything":
            self.found()

    def lost(self) -> None:
        self._app.identities.is_blind = True
        self._app.identities.forget_credentials()

    def found(self) -> None:
        self._app.identities.is_blind = False
        self._app.identities.forget_credentials()
        self._app.events.start_anew()
        self._app.deliveries_due.set()

    def leading(self) -> None:
        self._app.deliveries_due.set()
