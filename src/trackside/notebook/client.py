"""Asking the tracking server that MLflow's client talks to, with the same variables for signing in."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Any

SECONDS = 5.0  # that an answer may take
LARGEST = 32 * 1024**2  # bytes of an answer
MOST_KNOWN = 4  # answers that are kept
API = "/api/trackside/v1"


class Away(Exception):
    """The server gave no answer, or one that may be another in a second."""


class Refused(Exception):
    """The server answered that it will not: asking again is no use. `code` is its word for why."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Whoever is redirected to would be sent the password, too."""

    def redirect_request(self, *_: Any) -> None:
        return None


def tracking_uri() -> str:
    """What MLflow's client uses: what was set in this process, else the variable, else nothing."""
    mlflow = sys.modules.get("mlflow")  # not imported for this: it takes seconds
    if mlflow is not None and mlflow.is_tracking_uri_set():
        return str(mlflow.get_tracking_uri())
    return os.environ.get("MLFLOW_TRACKING_URI", "")


@dataclass
class Client:
    """One server. Raises ValueError where the address is none of a server."""

    uri: str
    address: str = field(init=False)  # no user, no password, no slash at the end
    pages: str = field(init=False)  # where a browser finds the web app

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.uri)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"trackside.show needs a tracking server, and the tracking URI is {self.uri!r}: "
                "set MLFLOW_TRACKING_URI, or call mlflow.set_tracking_uri, with an address such as http://127.0.0.1:8000"
            )
        sign, _, host = parts.netloc.rpartition("@")
        self.address = parts._replace(netloc=host, query="", fragment="").geturl().rstrip("/")
        # In a browser elsewhere, the address that a notebook on the server's machine uses leads nowhere.
        self.pages = os.environ.get("TRACKSIDE_PUBLIC_URL", "").rstrip("/") or self.address
        self.uri = self.address
        self._headers = {"Accept": "application/json", **_signed(sign)}
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if parts.scheme == "https":
            handlers.append(urllib.request.HTTPSHandler(context=_tls()))
        self._opener = urllib.request.build_opener(*handlers)
        self._known: dict[bytes, tuple[str, Any]] = {}  # by question: an answer and its ETag

    def get(self, path: str) -> Any:
        """The JSON at a path. Raises Away or Refused."""
        return self._ask(urllib.request.Request(f"{self.address}{path}", headers=self._headers))[1]  # noqa: S310

    def post(self, path: str, question: dict[str, Any]) -> Any:
        """The JSON that answers a question; while it is the one of the last time it is not sent again."""
        body = json.dumps(question).encode()
        tag, known = self._known.get(body, ("", None))
        headers = {**self._headers, "Content-Type": "application/json"} | (
            {"If-None-Match": tag} if tag else {}
        )
        request = urllib.request.Request(f"{self.address}{path}", body, headers, method="POST")  # noqa: S310
        tag, answer = self._ask(request)
        if answer is None:
            return known
        if tag:
            self._known[body] = (tag, answer)
        if len(self._known) > MOST_KNOWN:  # the oldest: with each new metric the question is another
            del self._known[next(iter(self._known))]
        return answer

    def _ask(self, request: urllib.request.Request) -> tuple[str, Any]:
        """(ETag or nothing, JSON or None where it is the one that the ETag sent along stands for)"""
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                text = answer.read(LARGEST + 1)
                if len(text) > LARGEST:
                    raise Refused(f"The answer of {self.address} is too long to be shown.")
                return answer.headers.get("ETag", ""), json.loads(text)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == http.HTTPStatus.NOT_MODIFIED:
                    return "", None
                raise self._problem(error) from None
        except urllib.error.URLError as error:
            raise Away(f"No answer from {self.address}: {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:
            raise Away(f"No answer from {self.address}: {error or type(error).__name__}") from None
        except ValueError:
            raise Refused(
                f"What answers at {self.address} is no Trackside server: it sends no JSON."
            ) from None

    def _problem(self, error: urllib.error.HTTPError) -> Away | Refused:
        try:
            told = json.loads(error.read(LARGEST))
            message, code = str(told["message"]), str(told.get("code", ""))
        except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
            message = code = ""
        if error.code == http.HTTPStatus.TOO_MANY_REQUESTS or error.code >= 500:
            return Away(f"{self.address} answers {error.code}: {message or error.reason}")
        if error.code == http.HTTPStatus.UNAUTHORIZED:
            advice = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
            return Refused(f"{self.address} wants you to sign in: {advice}, and show it again.")
        if leads_to := error.headers.get("Location"):
            return Refused(
                f"{self.address} sends to {leads_to}: give the server's own address as tracking URI."
            )
        if not message and API in (error.url or ""):
            return Refused(
                f"{self.address} answers {error.code}: it is no Trackside server. trackside.show needs one; "
                "a plain MLflow server has its own pages in the browser."
            )
        return Refused(message or f"{self.address} answers {error.code}: {error.reason}", code)


def _signed(sign: str) -> dict[str, str]:
    """The header that signs in, by MLflow's rules: user and password before a token."""
    user, _, password = (urllib.parse.unquote(part) for part in sign.partition(":"))
    user = user or os.environ.get("MLFLOW_TRACKING_USERNAME", "")
    password = password or os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
    token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
    if user and password:
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
    return {"Authorization": f"Bearer {token}"} if token else {}


def _tls() -> ssl.SSLContext:
    """As MLflow's client checks a server's certificate."""
    context = ssl.create_default_context(cafile=os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or None)
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
