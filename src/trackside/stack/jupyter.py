"""JupyterLab, with what a training notebook needs in its environment and the examples in its file browser."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import msgspec

from trackside.stack import files
from trackside.stack.addresses import ANY, public_host
from trackside.stack.parts import NotReady, Part, get, refuses
from trackside.stack.processes import Launch
from trackside.stack.settings import CannotStart
from trackside.stack.sockets import bracketed, reachable
from trackside.stack.tracking import TrackingServer, signs_in

# Its terminal: no login shell, which would forget the PATH that is given here.
_SHELL = "{'shell_command': ['bash']}"


class Jupyter(Part):
    """One JupyterLab for whoever owns the stack: it always asks for its token, since it runs what it is told."""

    name = "jupyter"
    title = "JupyterLab"

    @property
    def needs(self) -> tuple[str, ...]:  # type: ignore[override]  # of other parts it is fixed
        """The server, where its token comes from the server."""
        return ("server",) if "server" in self.settings.parts and signs_in(self.settings) else ()

    @property
    def url(self) -> str:
        return f"http://{bracketed(self.settings.host)}:{self.settings.ports.jupyter}"

    @property
    def folders(self) -> tuple[Path, ...]:
        return (self.notebooks,)

    @property
    def ports(self) -> dict[int, str]:
        return {self.settings.ports.jupyter: "--jupyter-port"}

    @property
    def notebooks(self) -> Path:
        """The folder that its file browser shows."""
        return Path(self.settings.notebooks) if self.settings.notebooks else self.places.notebooks

    def launch(self) -> Launch:
        """The examples and the command. Raises CannotStart if it is not installed."""
        if importlib.util.find_spec("jupyterlab") is None:
            raise CannotStart(
                "JupyterLab is not installed: pip install 'trackside[stack]', or --without jupyter."
            )
        self.notebooks.mkdir(mode=0o700, parents=True, exist_ok=True)
        _add_examples(self.notebooks)
        options = {
            "ServerApp.ip": self.settings.host,
            "ServerApp.port": self.settings.ports.jupyter,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": self.notebooks,
            "ServerApp.base_url": "/",
            "ServerApp.open_browser": False,
            "ServerApp.allow_remote_access": True,  # whoever has the token; by any name of this machine
            "ServerApp.terminado_settings": _SHELL,
        }
        # -P: a notebook called queue.py must not be taken for Python's own.
        arguments = [sys.executable, "-P", "-m", "jupyterlab"]
        arguments += [f"--{name}={value}" for name, value in options.items()]
        if os.getuid() == 0:
            arguments.append("--allow-root")
        # Keys of S3 only where direct access is chosen; of mlflow's nothing: a run, a registry, a store of another server.
        without = ("TRACKSIDE_", "MLFLOW_", "AWS_", "JUPYTER_")
        return Launch(arguments, self._environment() | self._configuration(), self.notebooks, without=without)

    def _configuration(self) -> dict[str, str]:
        """A configuration of its own, before all others: one of the user's or the system's could let everybody in."""
        folder = self.places.stack / "jupyter"
        folder.mkdir(mode=0o700, exist_ok=True)
        own = {
            "ServerApp": {"identity_provider_class": "jupyter_server.auth.PasswordIdentityProvider"},
            "IdentityProvider": {"token": self.keys.jupyter},
            "PasswordIdentityProvider": {"token": self.keys.jupyter, "hashed_password": ""},
        }
        files.write(folder / "jupyter_server_config.json", msgspec.json.encode(own))
        return {"JUPYTER_CONFIG_DIR": str(folder), "JUPYTER_CONFIG_PATH": str(folder)}

    def _environment(self) -> dict[str, str]:
        settings = self.settings
        # The commands of this installation first: trackside, mlflow, python.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        given = {"PATH": path, "FOOD11_DATA_DIR": settings.food11_dir or str(self.notebooks / "food11")}
        given |= {name: value for name, value in os.environ.items() if name.startswith("TRACKSIDE_LAB_")}
        if "server" in settings.parts:
            server = TrackingServer(settings, self.keys, self.inner)
            given["MLFLOW_TRACKING_URI"] = reachable(server.url)
            if settings.host in ANY:  # views in notebooks link to pages, which browsers elsewhere open
                public = bracketed(public_host(settings.host))
                given["TRACKSIDE_PUBLIC_URL"] = f"http://{public}:{settings.ports.server}"
            if signs_in(settings) and self.keys.tracking_token:
                given["MLFLOW_TRACKING_TOKEN"] = self.keys.tracking_token
        return given | (self._direct_access() if settings.direct_s3 else {})

    def _direct_access(self) -> dict[str, str]:
        """What clients need that move files to and from S3 themselves."""
        server = TrackingServer(self.settings, self.keys, self.inner)
        storage = server.storage
        if storage is None or storage.keys is None:
            return {}
        return {
            "AWS_ACCESS_KEY_ID": storage.keys.access_key,
            "AWS_SECRET_ACCESS_KEY": storage.keys.secret_key,
            "AWS_DEFAULT_REGION": storage.region,
            "MLFLOW_S3_ENDPOINT_URL": storage.endpoint,
        }

    def answers(self) -> None:
        """Its status, asked with the token; nothing without."""
        headers = {"Authorization": f"token {self.keys.jupyter}"}
        if b'"started"' not in get(f"{self.url}/api/status", headers=headers):
            raise NotReady("does not tell its status")
        if not refuses(f"{self.url}/api/contents"):
            raise NotReady("lets everybody in")


def _add_examples(notebooks: Path) -> None:
    """Put each example there once: what people changed, renamed or deleted stays as they left it.

    A file beside them lists what was put there, so that a later version adds only what it brings anew.
    """
    from trackside.stack.examples import examples_dir

    source = examples_dir()
    found = {
        path.relative_to(source).as_posix(): path
        for path in sorted(source.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    record = notebooks / ".trackside-examples"
    known = set(record.read_text("utf-8", "replace").splitlines()) if record.exists() else set()
    if not found.keys() - known:
        return
    for name in found.keys() - known:
        copy = notebooks / "examples" / name
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(found[name], copy)
    files.write(record, "".join(f"{name}\n" for name in sorted(known | found.keys())).encode())
