"""Questions to a tracking server by MLflow's REST API, with the credentials of MLflow's variables."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from trackside.importers.source import FileError, SourceError

CONNECTIONS = 8
TRIES = 4  # of a request that finds the server away or busy
PAUSE_SECONDS = 0.5  # before the second; doubled before each further one
_AGAIN = {429, 500, 502, 503, 504}


class RefusedError(FileError):
    """The server answered, but not with what was asked for."""


class DroppedError(FileError):
    """The server took the question, and broke off: some do at names they cannot serve."""


class Http:
    """One server. Raises SourceError with what was asked and what was answered."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.name = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")
        auth: Any = None
        if parts.username:
            auth = httpx.BasicAuth(parts.username, parts.password or "")
        elif name := os.environ.get("MLFLOW_TRACKING_USERNAME"):
            auth = httpx.BasicAuth(name, os.environ.get("MLFLOW_TRACKING_PASSWORD", ""))
        token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
        self._client = httpx.AsyncClient(
            base_url=self.name,
            auth=auth,
            headers={"Authorization": f"Bearer {token}"} if token and auth is None else {},
            verify=os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() != "true",
            timeout=httpx.Timeout(120, connect=10),
            limits=httpx.Limits(max_connections=CONNECTIONS * 2, max_keepalive_connections=CONNECTIONS * 2),
        )

    async def ask(self, path: str, /, *, json: dict[str, Any] | None = None, **query: Any) -> Any:
        """The JSON that a GET, or with `json` a POST, answers."""
        async with self._answered(path, query, json) as response:
            await response.aread()
            try:
                return response.json()
            except ValueError:
                raise SourceError(
                    f"{self.name}{path} answered no JSON: is it the address of an MLflow server?"
                ) from None

    async def download(self, path: str, /, **query: Any) -> AsyncIterator[bytes]:
        """A file as it comes. Raises FileError when the server refuses it."""
        try:
            async with self._answered(path, query, None) as response:
                try:
                    async for chunk in response.aiter_bytes(1 << 20):
                        yield chunk
                except httpx.HTTPError as error:
                    raise DroppedError(f"{self.name}{path} broke off: {error!r}.") from error
        except httpx.InvalidURL as error:
            raise FileError(f"{self.name}{path} is no address: {error}.") from error

    @asynccontextmanager
    async def _answered(
        self, path: str, query: dict[str, Any], body: dict[str, Any] | None
    ) -> AsyncIterator[httpx.Response]:
        method = "GET" if body is None else "POST"
        for attempt in range(TRIES):
            request = self._client.build_request(method, path, params=query, json=body)
            try:
                response = await self._client.send(request, stream=True)
            except httpx.HTTPError as error:
                if attempt + 1 == TRIES:
                    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
                        raise SourceError(f"No answer from {self.name}: {error!r}.") from error
                    raise DroppedError(f"No answer from {self.name}{path}: {error!r}.") from error
            else:
                try:
                    if response.is_success:
                        yield response
                        return
                    await response.aread()
                    if response.status_code not in _AGAIN or attempt + 1 == TRIES:
                        raise RefusedError(self._refusal(path, response))
                finally:
                    await response.aclose()
            await asyncio.sleep(PAUSE_SECONDS * 2**attempt)

    def _refusal(self, path: str, response: httpx.Response) -> str:
        try:
            said = str(response.json()["message"])
        except (ValueError, KeyError, TypeError):
            said = response.text[:200].strip()
        more = ""
        if response.status_code in (401, 403):
            more = " Set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
        return f"{self.name}{path} answered {response.status_code}: {said}{more}"

    async def close(self) -> None:
        await self._client.aclose()
