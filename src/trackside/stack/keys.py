"""The passwords and keys of a stack: made once, kept in a file that its owner alone can read."""

from __future__ import annotations

import secrets
from pathlib import Path

import msgspec
from msgspec import Struct, field

from trackside.stack import files
from trackside.stack.settings import CannotStart


def _secret() -> str:
    return secrets.token_urlsafe(24)


class Keys(Struct, kw_only=True):
    """Every secret of one stack. What was lost from the file is made anew."""

    postgres_admin: str = field(default_factory=_secret)
    postgres: str = field(default_factory=_secret)
    s3_access_key: str = field(default_factory=lambda: f"trackside-{secrets.token_hex(6)}")
    s3_secret_key: str = field(default_factory=_secret)
    s3_console: str = field(default_factory=_secret)  # the web page's password
    jupyter: str = field(default_factory=_secret)  # JupyterLab's token
    admin: str = field(default_factory=_secret)  # the server's first user, where people sign in
    # A personal token of that user for JupyterLab; the server makes it.
    tracking_token: str = ""

    def __repr__(self) -> str:
        return "Keys(...)"


def load(path: Path) -> Keys:
    """The stack's secrets; made at the first call. Raises CannotStart if the file cannot be read."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        _check_new(path)
        keys = Keys()
        save(path, keys)
        return keys
    try:
        keys = msgspec.json.decode(content, type=Keys)
    except msgspec.DecodeError:  # not its text: it may hold keys
        raise CannotStart(
            f"{path} is damaged. It holds the passwords of the data beside it: put it back from a backup."
        ) from None
    path.chmod(0o600)
    if set(msgspec.json.decode(content)) < set(Keys.__struct_fields__):
        save(path, keys)
    return keys


def _check_new(path: Path) -> None:
    """New secrets would not open what is there."""
    data = path.parent.parent
    for there in (data / "postgres/data", data / "s3/data"):
        if there.exists():
            raise CannotStart(
                f"{path} is missing, and {there} is there, which its passwords open: put it back from a backup."
            )


def save(path: Path, keys: Keys) -> None:
    """Write the secrets, mode 0600."""
    files.write(path, msgspec.json.format(msgspec.json.encode(keys)))
