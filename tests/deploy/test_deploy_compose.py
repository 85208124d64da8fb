"""The compose files are right as far as reading them can tell. Their command lines run in test_deploy_run.py."""

from __future__ import annotations

import importlib.resources
import json
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import compose_files
import jsonschema
import pytest
from compose_files import DEPLOY, FILES, VARIABLE, Missing, compose, filled, load, read_env

from trackside.notebook.client import Client

EXAMPLE = DEPLOY / ".env.example"
SECRETS = ["POSTGRES_PASSWORD", "S3_SECRET_KEY", "S3_ADMIN_PASSWORD", "TRACKSIDE_ADMIN_PASSWORD"]
SECRETS += ["NOTEBOOK_PASSWORD", "JUPYTER_TOKEN"]


@pytest.fixture(scope="module")
def schema() -> jsonschema.protocols.Validator:
    """The compose-spec's own schema, which the package check-jsonschema carries."""
    folder = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    text = json.loads((folder / "compose-spec.json").read_text())
    return jsonschema.validators.validator_for(text)(text)


@pytest.fixture
def services() -> dict[str, Any]:
    return load()["services"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_compose_file_is_what_the_specification_allows(file: Path, schema) -> None:
    assert [error.message for error in schema.iter_errors(load(file))] == []


def test_a_key_that_the_specification_has_not_is_found(schema) -> None:
    wrong = load()
    wrong["services"]["server"]["depend_on"] = ["postgres"]
    assert [error.message for error in schema.iter_errors(wrong)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_variable_has_its_line_in_the_example(file: Path) -> None:
    text = re.sub(r"^\s*#.*$", "", file.read_text(), flags=re.MULTILINE)
    assert {found["name"] for found in VARIABLE.finditer(text)} <= read_env(EXAMPLE).keys()


def test_every_line_of_the_example_is_used() -> None:
    used = {found["name"] for file in FILES for found in VARIABLE.finditer(file.read_text())}
    assert read_env(EXAMPLE).keys() == used
    assert {secret["environment"] for secret in load()["secrets"].values()} <= used


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_starts_without_its_secrets(secret: str) -> None:
    given = {**dict.fromkeys(SECRETS, "a secret"), secret: ""}
    with pytest.raises(Missing, match=f"{secret}: run deploy/make-env"):
        filled(load(), given)


def composed(folder: Path, *files: str, env: Path) -> subprocess.CompletedProcess[str]:
    named = [word for file in files for word in ("--file", str(DEPLOY / file))]
    command = [*compose(), "--env-file", str(env), *named, "--profile", "*", "config", "--format", "json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not compose(), reason="needs Docker Compose 2")
@pytest.mark.parametrize("variant", ["", "nvidia", "amd"])
def test_compose_itself_reads_the_files(variant: str, tmp_path: Path) -> None:
    env = tmp_path / "env"
    make_env(env)
    groups = {"VIDEO_GID": "44", "RENDER_GID": "108"}  # which this machine may not have
    env.write_text("".join(f"{name}={value}\n" for name, value in (read_env(env) | groups).items()))
    files = ["compose.yaml", *([f"compose.{variant}.yaml"] if variant else [])]
    told = composed(tmp_path, *files, env=env)
    assert (told.returncode, told.stderr) == (0, "")
    read = json.loads(told.stdout.replace("$$", "$"))["services"]  # what it prints is a compose file again
    ours = filled(load(), read_env(env))["services"]
    assert read.keys() == ours.keys()
    for name, service in ours.items():
        assert read[name].get("environment", {}).items() >= service.get("environment", {}).items()
        assert read[name]["command"] == service.get("command"), name
    assert read["jupyter"]["image"] == f"trackside-jupyter:{variant or 'cpu'}"
    assert "no-new-privileges:true" in read["jupyter"]["security_opt"]


@pytest.mark.skipif(not compose(), reason="needs Docker Compose 2")
def test_compose_itself_refuses_to_go_without_secrets(tmp_path: Path) -> None:
    told = composed(tmp_path, "compose.yaml", env=EXAMPLE)
    assert told.returncode != 0
    assert "run deploy/make-env" in told.stderr


def make_env(file: Path) -> subprocess.CompletedProcess[str]:
    command = [str(DEPLOY / "make-env"), str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_make_env_makes_up_every_secret_and_nothing_else(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert (make_env(first).returncode, make_env(second).returncode) == (0, 0)
    made, example = read_env(first), read_env(EXAMPLE)
    assert [
        name for name in example if made[name] != example[name] and name.endswith(("_KEY", "_TOKEN", "WORD"))
    ]
    assert {name for name, value in made.items() if re.fullmatch("[0-9a-f]{48}", value)} == set(SECRETS)
    assert len({made[name] for name in SECRETS} | {read_env(second)[name] for name in SECRETS}) == 2 * len(
        SECRETS
    )
    changed = {name for name in example if made[name] != example[name]}
    assert changed - set(SECRETS) <= {"VIDEO_GID", "RENDER_GID"}
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    filled(load(), made)


def test_make_env_leaves_a_file_alone(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("JUPYTER_TOKEN=mine\n")
    again = make_env(file)
    assert (again.returncode, file.read_text()) == (1, "JUPYTER_TOKEN=mine\n")
    assert "stays as it is" in again.stderr
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_only_these_ports_are_published_and_on_this_machine_alone(services) -> None:
    ports = [
        port
        for service in filled(services, dict.fromkeys(SECRETS, "x")).values()
        for port in service.get("ports", [])
    ]
    assert sorted(ports) == [f"127.0.0.1:{port}:{port}" for port in (8000, 8888, 9000, 9001)]


def test_what_is_waited_for_can_come(services) -> None:
    for name, service in services.items():
        for other, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert compose_files.health(services[other]), (
                    f"{name} waits for {other}, which has no health check"
                )
            else:
                assert services[other].get("restart", "no") != "unless-stopped", f"{other} never ends"


def test_notebooks_reach_neither_the_database_nor_the_storage(services) -> None:
    assert services["jupyter"]["networks"] == ["lab"]
    inside = {name for name, service in services.items() if "storage" in service["networks"]}
    assert inside == {"postgres", "s3", "s3-admin", "bucket", "server", "migrate"}
    environment = str(services["jupyter"]["environment"]) + str(services["jupyter"].get("secrets"))
    assert not [secret for secret in ("S3", "POSTGRES", "ADMIN") if secret in environment]


def test_links_in_notebooks_lead_where_browsers_find_the_server(services, monkeypatch) -> None:
    given = dict.fromkeys(SECRETS, "x")
    for public, expected in (("", "http://127.0.0.1:8000"), ("https://lab.example", "https://lab.example")):
        environment = filled(services["jupyter"], {**given, "PUBLIC_URL": public})["environment"]
        monkeypatch.setenv("TRACKSIDE_PUBLIC_URL", environment.get("TRACKSIDE_PUBLIC_URL", ""))
        client = Client(environment["MLFLOW_TRACKING_URI"])
        assert (client.address, client.pages) == ("http://server:8000", expected)


def test_what_lasts_is_on_a_volume(services) -> None:
    mounts = {name: service.get("volumes", []) for name, service in services.items()}
    named = {mount.split(":")[0] for each in mounts.values() for mount in each}
    assert named == set(load()["volumes"])
    # PostgreSQL 18's image refuses to start on the folder of earlier ones.
    assert services["postgres"]["image"].startswith("postgres:18")
    assert mounts["postgres"] == ["postgres:/var/lib/postgresql"]


def test_an_image_is_built_once(services) -> None:
    """By `up --build`, and by a job that may come first; whatever else runs it takes it as it is."""
    images = [each["image"] for each in services.values() if "build" in each and "profiles" not in each]
    assert sorted(images) == ["trackside-jupyter:cpu", "trackside-server"]
    assert "build" in services["food11"]


def test_images_of_others_are_pinned(services) -> None:
    images = {service["image"] for service in services.values()} - compose_files.built().keys()
    for file in FILES:
        images |= set(re.findall(r"BASE: \"?([^\s\"]+)", file.read_text()))
    assert len(images) == 4
    assert all(re.search(r":[^:/]*\d", each) for each in images), images


@pytest.mark.parametrize("variant", ["nvidia", "amd"])
def test_a_variant_changes_what_is_there(variant: str, services) -> None:
    changed = load(DEPLOY / f"compose.{variant}.yaml")["services"]
    assert changed.keys() == {"jupyter", "food11"}
    assert changed["jupyter"]["image"] == changed["food11"]["image"] == f"trackside-jupyter:{variant}"
    names = set(re.findall(r"^ARG (\w+)", (DEPLOY / "jupyter/Dockerfile").read_text(), re.MULTILINE))
    assert changed["jupyter"]["build"]["args"].keys() <= names


def test_the_gpu_is_handed_over() -> None:
    nvidia = load(DEPLOY / "compose.nvidia.yaml")["services"]["jupyter"]
    (device,) = nvidia["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    amd = load(DEPLOY / "compose.amd.yaml")["services"]["jupyter"]
    assert amd["devices"] == ["/dev/kfd", "/dev/dri"]
    assert filled(amd, {"VIDEO_GID": "44", "RENDER_GID": "108"})["group_add"] == ["44", "108"]
    with pytest.raises(Missing):
        filled(amd, {})


def test_data_are_prepared_and_migrated_only_when_asked_for(services) -> None:
    profiles = {name: service["profiles"] for name, service in services.items() if "profiles" in service}
    assert profiles == {"food11": ["data"], "migrate": ["upgrade"]}
    assert "food11:/data/food11:ro" in services["jupyter"]["volumes"]
