"""PostgreSQL stores no NUL character: texts that hold one get U+FFFD in its place, and are counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeVar

import msgspec

from trackside.importers.records import Experiment, File, LeftOut, LoggedModel, Points, RegisteredModel, Run
from trackside.importers.source import Source

T = TypeVar("T", Experiment, Run, LoggedModel, RegisteredModel)
_NUL, _INSTEAD = "\0", "\ufffd"
_MOST_NAMED = 5


class WithoutNul:
    """Another source, with such texts replaced."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name = source.name
        self.identity = source.identity
        self.keeps_uris = source.keeps_uris
        self.repeats = source.repeats
        self.tells_changes = source.tells_changes
        self._found: list[str] = []

    async def experiments(self) -> list[Experiment]:
        return [self._cleaned(each, f"experiment {each.id}") for each in await self._source.experiments()]

    async def runs(self, experiment: Experiment) -> AsyncIterator[list[Run]]:
        async for page in self._source.runs(experiment):
            cleaned = [self._cleaned(run, f"run {run.id}") for run in page]
            for run, before in zip(cleaned, page, strict=True):
                run.latest = before.latest  # by these names the source is asked for points
            yield cleaned

    async def points(self, run: Run) -> AsyncIterator[Points]:
        async for page in self._source.points(run):
            if any(_NUL in name for name in page.names):
                self._found += [f"run {run.id}: metric {name!r}" for name in page.names if _NUL in name]
                page = page._replace(names=[name.replace(_NUL, _INSTEAD) for name in page.names])  # noqa: PLW2901
            yield page

    async def logged_models(self, experiment: Experiment) -> AsyncIterator[list[LoggedModel]]:
        async for page in self._source.logged_models(experiment):
            yield [self._cleaned(model, f"logged model {model.id}") for model in page]

    async def registered_models(self) -> AsyncIterator[RegisteredModel]:
        async for model in self._source.registered_models():
            yield self._cleaned(model, f"registered model {model.name!r}")

    def files(self, owner: Run | LoggedModel) -> AsyncIterator[File]:
        return self._source.files(owner)

    def content(self, owner: Run | LoggedModel, file: File) -> AsyncIterator[bytes]:
        return self._source.content(owner, file)

    async def left_out(self) -> list[LeftOut]:
        left = await self._source.left_out()
        if not self._found:
            return left
        named = "; ".join(self._found[:_MOST_NAMED]) + ("; …" if len(self._found) > _MOST_NAMED else "")
        why = f"PostgreSQL stores none, and these have {_INSTEAD} instead: {named}"
        return [*left, LeftOut("texts with NUL characters", len(self._found), why)]

    async def close(self) -> None:
        await self._source.close()

    def _cleaned(self, record: T, name: str) -> T:
        if b"\\u0000" not in msgspec.json.encode(record):
            return record
        plain = msgspec.to_builtins(record)
        self._found += [f"{name}: {place}" for place in _places(plain)]
        return msgspec.convert(_replaced(plain), type(record))


def _places(value: Any, at: str = "") -> Iterator[str]:
    """Where in it there are such texts: field and key."""
    if isinstance(value, str) and _NUL in value:
        yield at
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _places(each, f"{at} {number}")
    elif isinstance(value, dict):
        for key, each in value.items():
            place = f"{at} {key!r}" if at else key
            yield from [place] if _NUL in key else _places(each, place)


def _replaced(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(_NUL, _INSTEAD)
    if isinstance(value, list):
        return [_replaced(each) for each in value]
    if isinstance(value, dict):
        return {_replaced(key): _replaced(each) for key, each in value.items()}
    return value
