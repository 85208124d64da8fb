"""The Kubernetes manifests: what their API allows, that they fit together, and their command lines on this machine."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_files import DEPLOY, image
from outside import OURS, Outside

FOLDER = DEPLOY / "kubernetes"
MANIFESTS = sorted(path for path in FOLDER.glob("*/*.yaml") if path.name != "kustomization.yaml")
KUSTOMIZATIONS = sorted(FOLDER.glob("*/kustomization.yaml"))
README = (DEPLOY / "README.md").read_text()
VERSIONS = ("1.28", "1.37")  # the oldest that this is for, and the newest that is known here


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def base(kind: str) -> dict[str, Any]:
    """The one object of that kind in kubernetes/base."""
    (found,) = [
        each for path in MANIFESTS if path.parent.name == "base" if (each := read(path))["kind"] == kind
    ]
    return found


def pod(kind: str = "Deployment") -> dict[str, Any]:
    manifest = base("Deployment") if kind == "Deployment" else read(FOLDER / "migrate/migrate.yaml")
    return manifest["spec"]["template"]


def container(kind: str = "Deployment") -> dict[str, Any]:
    (only,) = pod(kind)["spec"]["containers"]
    return only


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_manifest_is_what_kubernetes_allows(path: Path, version: str) -> None:
    kubernetes_validate.validate(read(path), version, strict=True)


def test_a_field_that_kubernetes_has_not_is_found() -> None:
    wrong = base("Deployment")
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("path", KUSTOMIZATIONS, ids=lambda path: path.parent.name)
def test_a_kustomization_names_what_is_there(path: Path) -> None:
    told = read(path)
    named = [*told["resources"], *(patch["path"] for patch in told.get("patches", []))]
    assert all((path.parent / name).exists() for name in named), named
    # What a folder has and a kustomization does not name is left out, without a word.
    left_out = {each.name for each in path.parent.glob("*.yaml")} - set(named) - {path.name}
    assert left_out <= {"secret.example.yaml"}
    known = {"apiVersion", "kind", "labels", "resources", "namespace", "images", "replicas", "patches"}
    assert told.keys() <= known


def test_a_patch_is_for_an_object_of_the_base() -> None:
    for patch in read(FOLDER / "example/kustomization.yaml")["patches"]:
        changed = read(FOLDER / "example" / patch["path"])
        assert changed["metadata"]["name"] == base(changed["kind"])["metadata"]["name"]


@pytest.mark.skipif(not shutil.which("kubectl"), reason="needs kubectl")
def test_the_example_is_what_kustomize_makes_of_it() -> None:
    command = ["kubectl", "kustomize", FOLDER / "example"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (made.returncode, made.stderr) == (0, "")
    objects = {each["kind"]: each for each in yaml.safe_load_all(made.stdout)}
    for each in objects.values():
        kubernetes_validate.validate(each, VERSIONS[-1], strict=True)
    assert objects.keys() == {
        "Namespace", "ConfigMap", "Deployment", "Service", "Ingress", "PodDisruptionBudget", "NetworkPolicy",
    }  # fmt: skip
    assert {each["metadata"].get("namespace", "trackside") for each in objects.values()} == {"trackside"}
    deployment = objects["Deployment"]["spec"]
    assert deployment["replicas"] == 3
    (only,) = deployment["template"]["spec"]["containers"]
    assert only["image"] == "registry.example/lab/trackside-server:0.1.0"
    assert objects["ConfigMap"]["data"] == read(FOLDER / "example/settings.yaml")["data"]
    (rule,) = objects["Ingress"]["spec"]["rules"]
    assert rule["host"] == "trackside.lab.example"
    assert objects["Ingress"]["metadata"]["annotations"] == base("Ingress")["metadata"]["annotations"]


def test_everything_finds_the_pods() -> None:
    labels = pod()["metadata"]["labels"].items()
    wanted = {
        "Deployment": base("Deployment")["spec"]["selector"]["matchLabels"],
        "Service": base("Service")["spec"]["selector"],
        "PodDisruptionBudget": base("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        "NetworkPolicy": base("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        "spread": pod()["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    }
    assert [name for name, each in wanted.items() if not each or not each.items() <= labels] == []
    # The job of a migration is no server.
    assert not wanted["Service"].items() <= pod("Job")["metadata"]["labels"].items()


def test_requests_find_their_way() -> None:
    assert container()["ports"] == [{"name": "http", "containerPort": 8000}]
    (port,) = base("Service")["spec"]["ports"]
    assert (port["name"], port["targetPort"]) == ("http", "http")
    for ingress in (base("Ingress"), read(FOLDER / "example/ingress.yaml")):
        (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
        assert path["backend"]["service"] == {
            "name": base("Service")["metadata"]["name"],
            "port": {"name": "http"},
        }
    assert {
        container()[f"{kind}Probe"]["httpGet"]["port"] for kind in ("startup", "readiness", "liveness")
    } == {"http"}


def test_secrets_that_are_named_are_in_the_example() -> None:
    example = read(FOLDER / "example/secret.example.yaml")
    named = [
        each["valueFrom"]["secretKeyRef"]
        for kind in ("Deployment", "Job")
        for each in container(kind)["env"]
        if "valueFrom" in each
    ]
    (volume,) = [each["secret"] for each in pod()["spec"]["volumes"] if "secret" in each]
    keys = {reference["key"] for reference in named} | {item["key"] for item in volume["items"]}
    assert keys == example["stringData"].keys()
    assert {reference["name"] for reference in named} | {volume["secretName"]} == {
        example["metadata"]["name"]
    }
    assert set(example["stringData"].values()) == {""}, "no password that works"


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_a_pod_may_do_no_more_than_it_must(kind: str) -> None:
    """What the namespace of the example enforces (restricted), and a root filesystem that is not written to."""
    spec, own = pod(kind)["spec"], container(kind)["securityContext"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert str(spec["securityContext"]["runAsUser"]) in (DEPLOY / "server/Dockerfile").read_text()
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    # A service `trackside` would set TRACKSIDE_PORT=tcp://… in every pod beside it.
    assert spec["enableServiceLinks"] is False


def test_a_node_can_be_drained() -> None:
    assert base("Deployment")["spec"]["replicas"] > base("PodDisruptionBudget")["spec"]["maxUnavailable"]


def test_the_readme_has_the_setting_that_the_examples_controller_needs() -> None:
    """Traefik cuts uploads after 60 s, and has no annotation for it."""
    assert read(FOLDER / "example/ingress.yaml")["spec"]["ingressClassName"] == "traefik"
    setting = "--entryPoints.websecure.transport.respondingTimeouts.readTimeout=0"
    assert setting in README
    assert setting in (FOLDER / "example/ingress.yaml").read_text()


def test_the_readme_deletes_the_job_of_an_earlier_release_and_sees_a_new_one_fail() -> None:
    """A job's template cannot be changed, and one that failed never becomes complete."""
    job = read(FOLDER / "migrate/migrate.yaml")["metadata"]["name"]
    commands = [
        f"kubectl delete job {job} ",
        "kubectl apply --kustomize deploy/kubernetes/migrate\n",
        "Complete|Failed",
    ]
    places = [README.find(command) for command in commands]
    assert -1 not in places
    assert places == sorted(places)
    assert "kubectl wait" not in README


# --- the command lines


def variables(kind: str, secret: dict[str, str], lab: Outside) -> dict[str, str]:
    """The variables of the container, with the storage of the lab."""
    storage = {"TRACKSIDE_S3_ENDPOINT": f"http://127.0.0.1:{lab.ports['s3']}"}
    settings = read(FOLDER / "base/settings.yaml")["data"] | storage
    found = image(DEPLOY / "server/Dockerfile").environment | (settings if kind == "Deployment" else {})
    for each in container(kind)["env"]:
        found[each["name"]] = each.get("value") or secret[each["valueFrom"]["secretKeyRef"]["key"]]
    return found | {"PATH": os.environ["PATH"], "PYTHONPATH": str(OURS), "HOME": "/nonexistent"}


@pytest.fixture(scope="module")
def secret(lab: Outside, postgres, secrets) -> dict[str, str]:
    """What `kubectl create secret` is given."""
    return {
        "store": f"postgresql://trackside:{secrets['POSTGRES_PASSWORD']}@127.0.0.1:{postgres.port}/trackside",
        "s3-access-key": "trackside",
        "s3-secret-key": secrets["S3_SECRET_KEY"],
        "admin-password": secrets["TRACKSIDE_ADMIN_PASSWORD"],
    }


@contextmanager
def replica(lab: Outside, secret: dict[str, str], folder: Path) -> Iterator[str]:
    """A pod's process, whose only places to write are its volumes; its address."""
    folder.mkdir()
    (folder / "admin-password").write_text(secret["admin-password"])
    given = variables("Deployment", secret, lab)
    assert given["TRACKSIDE_ADMIN_PASSWORD_FILE"] == "/secrets/admin-password"
    given |= {
        "TRACKSIDE_ADMIN_PASSWORD_FILE": str(folder / "admin-password"), "TRACKSIDE_DATA_DIR": str(folder / "data"),
        "TRACKSIDE_HOST": "127.0.0.1", "TRACKSIDE_PORT": "0", "TRACKSIDE_AUTH": "true", "TMPDIR": str(folder),
    }  # fmt: skip
    command = [sys.executable, "-m", "trackside", *container()["args"]]
    with subprocess.Popen(command, env=given, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield re.search(r"http://\S+", process.stdout.readline())[0]
        finally:
            process.terminate()
        assert process.wait(20) == 0


def ask(url: str, secret: dict[str, str], body: dict[str, Any] | None = None) -> dict[str, Any]:
    """A request to MLflow's protocol, under the name by which pods call the service."""
    word = base64.b64encode(f"admin:{secret['admin-password']}".encode()).decode()
    headers = {"Authorization": f"Basic {word}", "Host": "trackside", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20) as answer:
        return json.load(answer)


def test_two_replicas_are_as_one(started: Outside, secret, tmp_path: Path) -> None:
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(replica(started, secret, tmp_path / name)) for name in ("one", "two")
        )
        probe = container()["readinessProbe"]["httpGet"]["path"]
        with urllib.request.urlopen(f"{first}{probe}", timeout=5) as answer:
            assert answer.read() == b"OK"
        made = ask(f"{first}/api/2.0/mlflow/experiments/create", secret, {"name": "from one replica"})
        url = f"{second}/api/2.0/mlflow/experiments/get?experiment_id={made['experiment_id']}"
        assert ask(url, secret)["experiment"]["name"] == "from one replica"
    written = {
        path.name for name in ("one", "two") for path in (tmp_path / name).rglob("*") if path.is_file()
    }
    assert written == {"admin-password"}, "nothing that has to last is in the pod"


def test_the_job_of_a_migration_ends_well(started: Outside, secret) -> None:
    command = [sys.executable, "-m", "trackside", *container("Job")["args"]]
    given = variables("Job", secret, started)
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert "has this release's schema" in done.stdout
