"""The kinds of intended differences, and how each is recognised."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

# An answer to what was taken: empty, or one of those that there are.
TAKEN = r'200 ({}|{"(experiment_id|run|run_info|runs|experiments|model|models|registered_model|model_version|model_versions)": .*)'


ON_POSTGRES = os.environ.get("TRACKSIDE_TEST_STORE", "sqlite") != "sqlite"


@dataclass(frozen=True)
class Difference:
    """What a reader is told of a difference. `name` is short and unique."""

    name: str
    where: str
    mlflow: str
    trackside: str
    why: str

    @property
    def is_possible(self) -> bool:
        """Whether it can be met by this run of the suite."""
        return True


@dataclass(frozen=True)
class Field(Difference):
    """A field that one of the two gives and the other leaves out, in answers of the routes that match."""

    route: str = ".*"
    fields: tuple[str, ...] = ()
    errors: bool = False  # of errors; else of answers with 200

    def applies(self, method: str, url: str) -> bool:
        return re.fullmatch(self.route, f"{method} {url}") is not None

    def without(self, theirs: Any, ours: Any) -> tuple[Any, Any, int]:
        if self.errors != (theirs.status >= 400) or not isinstance(theirs.body, dict | list):
            return theirs, ours, 0
        body, met = _without(theirs.body, self.fields)
        return theirs._replace(body=body), ours, met


def _without(value: Any, fields: tuple[str, ...]) -> tuple[Any, int]:
    """The value without these fields, and how many were there."""
    if isinstance(value, dict):
        kept = {key: _without(item, fields) for key, item in value.items() if key not in fields}
        met = len(value) - len(kept) + sum(met for _, met in kept.values())
        return {key: item for key, (item, _) in kept.items()}, met
    if isinstance(value, list):
        kept_items = [_without(item, fields) for item in value]
        return [item for item, _ in kept_items], sum(met for _, met in kept_items)
    return value, 0


@dataclass(frozen=True)
class Wording(Difference):
    """Something that only our errors say, as a regular expression."""

    ours: str = ""

    def without(self, ours: Any) -> tuple[Any, int]:
        """Our answer without it, and how often it was there."""
        if ours.status < 400 or not isinstance(ours.body, dict) or "message" not in ours.body:
            return ours, 0
        message, met = re.subn(self.ours, "", ours.body["message"])
        return ours._replace(body={**ours.body, "message": message}), met


@dataclass(frozen=True)
class Value(Difference):
    """A field for which MLflow gives one value and we another."""

    route: str = ""
    key: str = ""
    theirs: Any = None
    ours: Any = None

    def alike(self, theirs: Any, ours: Any) -> tuple[Any, int]:
        """Our value with theirs where only that differs, and how often it did."""
        if isinstance(theirs, dict) and isinstance(ours, dict):
            pairs = {name: self._member(name, theirs.get(name), item) for name, item in ours.items()}
            return {name: item for name, (item, _) in pairs.items()}, sum(met for _, met in pairs.values())
        if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
            found = [self.alike(one, two) for one, two in zip(theirs, ours, strict=True)]
            return [item for item, _ in found], sum(met for _, met in found)
        return ours, 0

    def _member(self, name: str, theirs: Any, ours: Any) -> tuple[Any, int]:
        if name == self.key and theirs == self.theirs and ours == self.ours:
            return theirs, 1
        return self.alike(theirs, ours)


@dataclass(frozen=True)
class Heading(Difference):
    """A header that both write in their own way: the same after `same`."""

    head: str = ""
    same: Callable[[str], str] = str

    def alike(self, theirs: Any, ours: Any) -> tuple[Any, Any, int]:
        """The two answers with that header written alike, and whether it was not."""
        if self.head not in theirs.heads or theirs.heads[self.head] == ours.heads[self.head]:
            return theirs, ours, 0
        theirs, ours = (
            side._replace(heads={**side.heads, self.head: self.same(side.heads[self.head])})
            for side in (theirs, ours)
        )
        return theirs, ours, 1


def file_name(disposition: str) -> str:
    """The file name that a Content-Disposition tells."""
    encoded = re.search(r"filename\*=UTF-8''(\S+)", disposition)
    plain = re.search(r'filename=("(?P<quoted>(\\.|[^"])*)"|(?P<bare>.*))', disposition)
    name = re.sub(r"\\(.)", r"\1", plain["quoted"] or plain["bare"] or "") if plain else ""
    name = unquote(encoded[1]) if encoded else name
    return f"{disposition.partition(';')[0]} {name}"


def always(ask: Any, theirs: Any, ours: Any) -> bool:
    return True


@dataclass(frozen=True)
class Case:
    """Requests of one kind, and both answers to them, as regular expressions of the whole `STATUS text`.

    Named groups of the request and the two answers hold the same wherever two of the three have them.
    """

    route: str = ".*"
    theirs: str = ""
    ours: str = ""
    asked: str = ".*"  # the request, as text
    holds: Callable[[Any, Any, Any], bool] = always  # what no expression says: of request and both answers

    def allows(self, ask: Any, theirs: Any, ours: Any) -> bool:
        if not re.fullmatch(self.route, f"{ask.method} {ask.url}"):
            return False
        found = [
            re.fullmatch(wanted, text, re.DOTALL)
            for wanted, text in (
                (self.asked, ask.text),
                (self.theirs, f"{theirs.status} {theirs.text}{theirs.shown_heads}"),
                (self.ours, f"{ours.status} {ours.text}{ours.shown_heads}"),
            )
        ]
        groups: dict[str, str] = {}
        for match in found:
            if match is None:
                return False
            for name, value in match.groupdict().items():
                if value is not None and groups.setdefault(name, value) != value:
                    return False
        return self.holds(ask, theirs, ours)


@dataclass(frozen=True)
class Answer(Difference):
    """Other answers, in one of these cases."""

    cases: tuple[Case, ...] = ()
    of_postgres: bool = False  # only where Trackside has its store on PostgreSQL

    @property
    def is_possible(self) -> bool:
        return ON_POSTGRES or not self.of_postgres

    def allows(self, ask: Any, theirs: Any, ours: Any) -> bool:
        return self.is_possible and any(case.allows(ask, theirs, ours) for case in self.cases)
