from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trackside.store.sqlite import SqliteDatabase


@pytest.fixture
def run() -> Iterator[Callable[[Awaitable[Any]], Any]]:
    """Run coroutines in one event loop."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture
def db(tmp_path: Path, run: Callable[..., Any]) -> Iterator[SqliteDatabase]:
    made = SqliteDatabase(tmp_path / "trackside.db")
    yield made
    run(made.close())
