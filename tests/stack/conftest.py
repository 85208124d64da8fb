"""Stacks for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import Lab, wait_gone


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A stack that is not started yet; whatever became of it, it is ended."""
    made = Lab(tmp_path / "lab")
    yield made
    if (made.folder / "stack/state.json").exists():
        pids = [pid for pid in made.pids().values() if pid]
        made.down()
        wait_gone(*pids)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A whole stack for all tests that leave it as they find it."""
    made = Lab(tmp_path_factory.mktemp("stack") / "lab")
    made.up()
    yield made
    made.down()
