"""The whole surface of MlflowClient: who exercises each public method, or why it is not served."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import servers
from stories import Story

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

HERE = Path(__file__).parent
VERSIONS = ["2.20.2", servers.AUTHORITY]

TRACES = "GenAI: traces"
DATASETS = "GenAI: evaluation datasets"
MCP = "GenAI: the registry of MCP servers"
WORKSPACES = "workspaces are off"
LOCAL = "asks no server"
UNITY = "prompts' tags and searches of versions exist in Databricks' registry alone"

# Methods by the reason why no server of ours is asked.
NOT_SERVED: dict[str, str] = {
    **dict.fromkeys(["delete_trace_tag", "delete_traces", "end_span", "end_trace", "get_trace", "search_traces", "set_trace_tag"], TRACES),
    **dict.fromkeys(["start_span", "start_trace", "link_traces_to_run", "unlink_traces_from_run"], TRACES),
    **dict.fromkeys(["link_prompt_versions_to_trace", "log_trace"], TRACES),
    **dict.fromkeys(["add_dataset_to_experiments", "create_dataset", "delete_dataset", "delete_dataset_tag"], DATASETS),
    **dict.fromkeys(["get_dataset", "remove_dataset_from_experiments", "search_datasets", "set_dataset_tags"], DATASETS),
    **dict.fromkeys(["create_workspace", "delete_workspace", "get_workspace", "list_workspaces", "update_workspace"], WORKSPACES),
    "get_workspace_store_uri": WORKSPACES,
    "parse_prompt_uri": LOCAL,
    "tracking_uri": LOCAL,
    "search_prompt_versions": UNITY,
}  # fmt: skip

# Methods whose calls stand elsewhere than in client_story/ and client_scripts/: by the function that calls them.
BY_FUNCTION: dict[str, str] = {
    "log_figure": "mlflow.log_figure",
    "log_image": "mlflow.log_image",
    "log_inputs": "mlflow.log_input",
    "log_outputs": "mlflow.pytorch.log_model",
    "create_logged_model": "mlflow.pytorch.log_model",
    "get_parent_run": "mlflow.get_parent_run",
    "log_model_artifacts": "mlflow.pytorch.log_model",
    "log_model_params": "mlflow.pytorch.log_model",
    "list_logged_model_artifacts": "mlflow.pytorch.load_model",
}


def called() -> str:
    files = [*(HERE / "client_story").glob("*.py"), *(HERE / "client_scripts").glob("*.py")]
    return "\n".join(file.read_text() for file in files)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_method_is_called_or_has_its_reason(version: str) -> None:
    code = "import json, mlflow; print(json.dumps([n for n in dir(mlflow.MlflowClient) if n[0] != '_']))"
    python = [str(servers.client_python(version)), "-W", "ignore", "-c", code]
    found = subprocess.run(
        python, capture_output=True, text=True, check=True, env=servers.client_environment()
    )
    text = called()
    unexplained = [
        name
        for name in json.loads(found.stdout.splitlines()[-1])
        if not re.search(rf"\.{name}\(", text)
        and name not in NOT_SERVED
        and "mcp" not in name
        and BY_FUNCTION.get(name, "-") not in text
    ]
    assert unexplained == []


FACTS: dict[str, dict[str, Any]] = {
    "experiments": {"name": "surface renamed", "tags": {"a": "1", "b": "2"}, "by_name": True},
    "experiment_tags": {"tags": {"b": "2"}},
    "files": {
        "files": ["deep/a.txt", "deep/b.json", "deep/c.txt"],
        "table": [1, 2, 3],
        "loaded": ["a.txt", "b.json", "c.txt"],
    },
    "versions": {
        "copied": ["surface copy", "1", "2", "models:/surface/1"],
        "uri": True,
        "stages": ["None", "Staging", "Production", "Archived"],
        "file": "weights",
    },
    "asynchronous": {"points": 300, "params": 20, "tags": 20, "switched": 50},
    "eight_processes": {
        "codes": [0] * 8,
        "points": 4000,
        "whole": True,
        "params": 40,
        "tags": ["4"] * 8,
        "latest": 7.499,
    },
    "command_line": {
        "codes": [0],
        **dict.fromkeys(("made", "listed", "loaded", "runs", "described", "found", "table"), True),
        "logged": ["x/note.txt"],
        "deleted": "deleted",
    },
}


@pytest.mark.parametrize("chapter", FACTS)
def test_the_rest_of_the_client(story: Story, chapter: str) -> None:
    assert story.chapter(chapter) == FACTS[chapter]


def test_what_is_not_served_is_an_unknown_endpoint(story: Story) -> None:
    """At once and without retries: the client's fallbacks look for this code. MLflow's own server has traces."""
    seen = story.chapter("not_served")
    if story.of_trackside:
        assert set(seen.values()) <= {"ENDPOINT_NOT_FOUND"}


def test_lightning_s_own_logger(story: Story) -> None:
    assert story.chapter("lightning_logger") == {
        "status": "FINISHED",
        "name": "by logger",
        "params": {"lr": "0.01", "nested/a": "1"},
        "kind": "x",
        "steps": [3, 7],
        "files": True,
    }
