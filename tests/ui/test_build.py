"""How the UI gets into a package, and that its types are those of the server."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def hook() -> ModuleType:
    """`hatch_build.py` as hatchling loads it."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(hook: ModuleType, root: Path, version: str = "standard") -> None:
    """One call of the hook for a checkout at `root`."""
    build: Any = hook.UiBuildHook(str(root), {}, None, None, str(root), "wheel")
    build.initialize(version, {})


def test_a_package_without_ui_is_refused_in_clear_words(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"npm was not found.*TRACKSIDE_BUILD_WITHOUT_UI=1"):
        run(hook, tmp_path)
    monkeypatch.setenv("TRACKSIDE_BUILD_WITHOUT_UI", "1")
    run(hook, tmp_path)


def test_an_editable_install_and_a_finished_build_need_no_npm(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    run(hook, tmp_path, "editable")
    static = tmp_path / "src/trackside/server/static"
    static.mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html>")
    with pytest.raises(RuntimeError, match=r"licenses\.txt is missing"):
        run(hook, tmp_path)
    (static / "licenses.txt").write_text("MIT")
    run(hook, tmp_path)


def test_a_build_that_writes_nothing_is_no_build(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\necho "$@" >> ../called\n')
    npm.chmod(0o755)
    (tmp_path / "ui").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="without writing"):
        run(hook, tmp_path)
    assert (tmp_path / "called").read_text().splitlines() == ["ci --no-audit --no-fund", "run build"]


def test_the_ui_types_are_those_of_the_server() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/api-types", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_lock_file_names_no_registry() -> None:
    lock = (ROOT / "ui/package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "registry." not in lock


@pytest.fixture
def licenses() -> str:
    """What the build wrote, from the sources as they are now."""
    subprocess.run([ROOT / "scripts/ui"], check=True)
    return (ROOT / "src/trackside/server/static/licenses.txt").read_text("utf-8")


@pytest.mark.slow
def test_every_bundled_package_comes_with_its_licence(licenses: str) -> None:
    ui = json.loads((ROOT / "ui/package.json").read_text())
    locked = json.loads((ROOT / "ui/package-lock.json").read_text())["packages"]
    shipped = {
        path.removeprefix("node_modules/"): package
        for path, package in locked.items()
        # Of types and of what others may use beside a package (peers) nothing is bundled.
        if path and not {"dev", "devOptional", "optional", "peer"} & set(package)
    }
    assert set(ui["dependencies"]) < set(shipped)
    heads = list(re.finditer(r"^## (\S+) - (\S+) \((.+)\)$", licenses, re.MULTILINE))
    assert {head[1]: head[2] for head in heads} == {name: found["version"] for name, found in shipped.items()}
    ends = [*(head.start() for head in heads[1:]), len(licenses)]
    texts = {head[1]: licenses[head.end() : end] for head, end in zip(heads, ends, strict=True)}
    granted = re.compile(r"permission .*is hereby granted|grants to You", re.IGNORECASE)
    assert [name for name, text in texts.items() if not granted.search(" ".join(text.split()))] == []
