"""The docs as tests: the reference matches the commands, links lead somewhere, the README's code runs."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "deploy/README.md"])

LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    import cli_reference

    return cli_reference


def test_the_command_reference_matches_the_commands(reference) -> None:
    assert (DOCS / "cli.md").read_text() == reference.page(), "run scripts/docs"


def test_the_page_of_differences_matches_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    import differences_page

    assert (DOCS / "differences.md").read_text() == differences_page.page(), "run scripts/docs"


def test_every_option_has_an_environment_variable(reference) -> None:
    without = [
        f"{name} {option.opts[0]}"
        for name, command in reference.commands()
        for option in reference.options(command)
        if not any(variable.startswith("TRACKSIDE_") for variable in reference.variables(option))
    ]
    assert not without


def test_a_default_of_zero_is_shown(reference) -> None:
    assert "| `--seed` | `TRACKSIDE_MINI_SEED` | `0` |" in reference.page()


def anchors(page: Path) -> set[str]:
    """The fragments that a page's headings can be linked by."""
    text = FENCED.sub("", page.read_text())
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def dead_links(page: Path) -> Iterator[str]:
    for target in LINK.findall(FENCED.sub("", page.read_text())):
        if re.match(r"\w+:", target):
            continue
        path, _, fragment = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (fragment and fragment not in anchors(file)):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    assert list(dead_links(page)) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One two\n[a](#one-two) [b](none.md) [c](page.md#three) [d](https://example.org)\n")
    assert list(dead_links(page)) == ["none.md", "page.md#three"]


def test_the_index_names_every_page() -> None:
    named = LINK.findall((DOCS / "index.md").read_text())
    pages = {p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md")} - {"index.md"}
    assert pages <= {target.partition("#")[0] for target in named}


def test_the_readme_names_only_targets_that_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake (\w+)", "".join(code for _, code in FENCED.findall(readme()))))
    assert {"demo", "test"} <= named <= targets


def readme() -> str:
    return (ROOT / "README.md").read_text()


@contextmanager
def running_server(folder: Path) -> Iterator[str]:
    """Address of a `trackside server` on a free port, as a user starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("trackside"), "server", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([*command, "--data-dir", folder]) as process:
        try:
            for _ in range(100):
                try:
                    urllib.request.urlopen(f"{url}/health", timeout=1).close()
                    break
                except urllib.error.URLError:
                    time.sleep(0.1)
            yield url
        finally:
            process.terminate()


FIRST_RUNS = pytest.mark.parametrize(
    "page", [ROOT / "README.md", DOCS / "quickstart.md"], ids=lambda p: p.stem
)


def shell_words(page: Path, *command: str) -> set[str]:
    """The arguments that a page's shell blocks give a command such as `pip install`."""
    lines = "".join(
        code for language, code in FENCED.findall(page.read_text()) if language == "sh"
    ).splitlines()
    calls = (shlex.split(line, comments=True) for line in lines)
    return {w for call in calls if call[: len(command)] == [*command] for w in call[len(command) :]}


def first_run(page: Path) -> str:
    """The code of the page's first run."""
    return next(c for language, c in FENCED.findall(page.read_text()) if language == "python")


@FIRST_RUNS
def test_a_page_installs_what_its_first_run_imports(page: Path) -> None:
    code = first_run(page)
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import)]
    needed = {alias.name for node in nodes for alias in node.names} - sys.stdlib_module_names
    if "log_system_metrics" in code:
        needed.add("psutil")  # MLflow raises without it, but does not depend on it
    assert needed == {"mlflow", "psutil"}
    assert needed <= shell_words(page, "pip", "install")


@pytest.mark.slow
@FIRST_RUNS
def test_a_first_run_shows_metrics_and_the_load_of_the_machine(page: Path, tmp_path: Path) -> None:
    variables = dict(word.split("=", 1) for word in shell_words(page, "export") if word.startswith("MLFLOW_"))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    with running_server(tmp_path / "data") as url:
        environment = {**clean, **variables, "MLFLOW_TRACKING_URI": url}
        command = [sys.executable, "-c", first_run(page)]
        subprocess.run(command, env=environment, cwd=tmp_path, check=True, timeout=100)
        found = urllib.request.Request(
            f"{url}/api/2.0/mlflow/runs/search",
            data=b'{"experiment_ids": ["1"]}',
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(found) as answer:
            (run,) = json.load(answer)["runs"]
    last = {metric["key"]: metric for metric in run["data"]["metrics"]}
    assert run["info"]["status"] == "FINISHED"
    assert last["loss"]["step"] == 99
    assert last["system/cpu_utilization_percentage"]["step"] >= 2, "too few samples for a chart"
    assert variables["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:8000"
