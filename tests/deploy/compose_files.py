"""The compose files as Compose reads them: anchors, variables with defaults and with `:?`, the images' own settings."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
FILES = sorted(DEPLOY.glob("compose*.yaml"))
VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?P<kind>:-|:\?|-|\?)?(?P<rest>[^}]*)\}")


class Missing(Exception):
    """A variable that must be set is not: Compose refuses to start."""


def load(file: Path = DEPLOY / "compose.yaml") -> dict[str, Any]:
    """The file, with its anchors resolved and its variables as they stand."""
    return yaml.safe_load(file.read_text())


def filled(value: Any, variables: dict[str, str]) -> Any:
    """Everything in it with `${…}` replaced, and `$$` by the `$` that it stands for. Raises Missing."""
    if isinstance(value, dict):
        return {key: filled(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, variables) for each in value]
    if not isinstance(value, str):
        return value
    return VARIABLE.sub(lambda found: _one(found, variables), value).replace("$$", "$")


def _one(found: re.Match[str], variables: dict[str, str]) -> str:
    given = variables.get(found["name"], "")
    if found["kind"] == ":?" and not given:
        raise Missing(f"{found['name']}: {found['rest']}")
    return given or (found["rest"] if found["kind"] == ":-" else "")


def read_env(file: Path) -> dict[str, str]:
    """The variables of an .env file."""
    lines = (line for line in file.read_text().splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


@dataclass
class Image:
    """What a Dockerfile of ours says about its image."""

    entrypoint: list[str]
    command: list[str]
    environment: dict[str, str]
    health: list[str]
    folder: str = ""


def image(dockerfile: Path) -> Image:
    """Its last stage."""
    stage = re.split(r"^FROM ", dockerfile.read_text(), flags=re.MULTILINE)[-1].replace("\\\n", " ")
    variables = re.findall(r"^ENV (.+)$", stage, re.MULTILINE)
    pairs = (word.split("=", 1) for line in variables for word in line.split())
    (folder,) = re.findall(r"^WORKDIR (\S+)$", stage, re.MULTILINE)
    health = _words(stage, "HEALTHCHECK .*CMD")
    return Image(_words(stage, "ENTRYPOINT"), _words(stage, "CMD"), dict(pairs), health, folder)


def _words(stage: str, instruction: str) -> list[str]:
    found = re.search(rf"^{instruction} (\[.*\])$", stage, re.MULTILINE)
    return json.loads(found[1]) if found else []


def image_of(service: dict[str, Any]) -> Image:
    """What the image of a service brings; of images that are not ours nothing is known."""
    file = built().get(service["image"])
    return image(DEPLOY.parent / file) if file else Image([], [], {}, [])


def built() -> dict[str, str]:
    """The images that compose.yaml builds, and from which Dockerfile."""
    services = (service for service in load()["services"].values() if "build" in service)
    return {service["image"]: service["build"]["dockerfile"] for service in services}


def arguments(service: dict[str, Any]) -> list[str]:
    """The command line of the container. An entrypoint of the service does away with the image's command."""
    own = image_of(service)
    entrypoint = service.get("entrypoint")
    return [*(entrypoint or own.entrypoint), *service.get("command", [] if entrypoint else own.command)]


def environment(service: dict[str, Any]) -> dict[str, str]:
    """The variables of the container."""
    return {**image_of(service).environment, **service.get("environment", {})}


def health(service: dict[str, Any]) -> list[str]:
    """The command line of its health check; empty without one."""
    own = service.get("healthcheck")
    return own["test"][1:] if own else image_of(service).health


def compose() -> list[str]:
    """How Docker Compose 2 is called here; empty where there is none. It needs no engine to read files."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            told = subprocess.run(
                [*command, "version", "--short"], capture_output=True, text=True, check=False
            )
            if told.returncode == 0 and re.match(r"v?[2-9]\.", told.stdout):
                return command
    return []
