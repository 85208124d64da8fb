"""What `trackside up` was asked for, and the folders and files of a stack."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from msgspec import Struct, field

BUCKET = "trackside-artifacts"
DATABASE = ROLE = "trackside"
# In the order of their start; each process is a part.
PARTS = ("postgres", "s3", "s3-console", "server", "jupyter")


class CannotStart(Exception):
    """The stack, or a part of it, cannot start as things are; the message says why and what to do."""


class Ports(Struct, frozen=True):
    """The ports that people and scripts use. 0: one that is free at the first start, kept from then on."""

    server: int = 8000
    s3: int = 9000
    s3_console: int = 9001
    jupyter: int = 8888
    postgres: int = 0


class StackSettings(Struct, frozen=True):
    """One stack. Equal settings mean that a running stack is the one that was asked for."""

    data_dir: str  # absolute
    parts: tuple[str, ...] = PARTS
    host: str = "127.0.0.1"  # what server, S3 and JupyterLab listen on
    ports: Ports = field(default_factory=Ports)
    auth: bool = False  # people sign in to the server; so it is anyway beyond this machine
    direct_s3: bool = False  # clients may move large files to and from S3 themselves
    external_postgres: str = ""  # postgresql://…
    external_s3: str = ""  # s3://bucket/prefix, or http(s)://host:port/bucket/prefix
    s3_allow_http: bool = False
    food11_dir: str = ""
    notebooks: str = ""  # the folder that JupyterLab shows
    allowed_hosts: tuple[str, ...] = ()

    def __repr__(self) -> str:  # the URLs may have passwords
        return f"StackSettings({self.data_dir}, {', '.join(self.parts)})"

    @property
    def places(self) -> Places:
        return Places(Path(self.data_dir))


def check_names(settings: StackSettings) -> None:
    """Raises CannotStart for folders whose names do not reach every part as they are."""
    folders = {
        "--data-dir": settings.data_dir, "--notebooks": settings.notebooks, "--food11-dir": settings.food11_dir
    }  # fmt: skip
    for option, folder in folders.items():
        if any(unicodedata.category(each) in ("Cc", "Cs") for each in folder):
            raise CannotStart(
                f"{option} {folder!a} has control characters, or bytes that are not UTF-8, in its name: choose another."
            )
    if "jupyter" in settings.parts and "$" in settings.data_dir:
        raise CannotStart(
            f"--data-dir {settings.data_dir} has a '$' in its name, which JupyterLab takes for a variable: choose"
            " another, or --without jupyter."
        )


class Places:
    """Where a stack keeps what."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.stack = data_dir / "stack"
        self.lock = self.stack / "lock"
        self.settings = self.stack / "settings.json"
        self.secrets = self.stack / "secrets.json"
        self.ports = self.stack / "ports.json"
        self.state = self.stack / "state.json"
        self.logs = self.stack / "logs"
        self.postgres = data_dir / "postgres"
        self.s3 = data_dir / "s3"
        self.server = data_dir / "server"
        self.notebooks = data_dir / "notebooks"

    def log(self, part: str) -> Path:
        return self.logs / f"{part}.log"
