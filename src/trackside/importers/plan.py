"""Where in the target everything goes: experiments' numbers, and the places of files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from trackside.errors import TracksideError
from trackside.importers.records import Experiment, LoggedModel, Run
from trackside.importers.source import is_in_store, root_of
from trackside.importers.state import Went

Files = Literal["copy", "reference", "none"]
GREATEST_ID = 2**63 - 1
_DIGITS = re.compile("[0-9]{1,19}")


class Conflict(TracksideError):
    """What is in the target does not let this be imported; nothing was written."""


class There(NamedTuple):
    """An experiment of the target."""

    id: int
    name: str
    lifecycle: str
    location: str
    is_empty: bool = False
    created_ms: int = 0


class Planned(NamedTuple):
    """An experiment of the source and its counterpart: an id of None is a new one."""

    source: Experiment
    id: int | None
    is_new: bool
    is_empty: bool
    note: str
    is_renamed: bool = False  # in the source since an earlier import, and here, too

    @property
    def keeps_id(self) -> bool:
        return str(self.id) == self.source.id


def plan(
    experiments: Sequence[Experiment], there: Sequence[There], went: Mapping[str, Went] = MappingProxyType({})
) -> list[Planned]:
    """The counterpart of each experiment: the one that an earlier import put it into, else the one of its name, else
    one of its id if that is free, else a new one.

    Raises Conflict when runs that can be seen would go into an experiment that is deleted.
    """
    by_id = {each.id: each for each in there}
    by_name = {each.name: each for each in there}
    again = {}
    for experiment in experiments:
        before = went.get(experiment.id)
        known = by_id.get(before.target) if before else None
        if (
            not before
            or not known
            or known.name == experiment.name
            or not _are_these(before, experiment, known)
        ):
            continue
        again[experiment.id] = _again(known, experiment, before, by_name)
        if again[experiment.id].is_renamed:
            by_name[experiment.name] = by_name.pop(known.name)
    taken = set(by_id)
    found = []
    for experiment in experiments:
        if experiment.id in again:
            found.append(again[experiment.id])
        elif experiment.name in by_name:
            found.append(_into(by_name[experiment.name], experiment))
        else:
            found.append(_new(experiment, taken))
    return found


def _are_these(before: Went, experiment: Experiment, known: There) -> bool:
    """Neither the source nor the target is another store by now, at the same address."""
    return bool(before.born_ms) and (before.born_ms, before.made_ms) == (
        experiment.created_ms,
        known.created_ms,
    )


def _again(known: There, experiment: Experiment, before: Went, by_name: Mapping[str, There]) -> Planned:
    """Into the same as before, though names differ now; it is renamed, too, if it had its name from the source and
    nobody has given it another. Raises Conflict."""
    planned = _into(known, experiment)
    if known.name == before.name and experiment.name not in by_name:
        return planned._replace(is_renamed=True, note=f"was '{known.name}' before, and is renamed here, too")
    return planned._replace(note=f"goes into experiment {known.id}, '{known.name}', as it did before")


def _new(experiment: Experiment, taken: set[int]) -> Planned:
    number = _number(experiment.id)
    if number is None or number in taken:
        why = "is no number" if number is None else "is another experiment's"
        note = f"gets a new id: {experiment.id[:40]} {why}"
        return Planned(experiment, None, is_new=True, is_empty=True, note=note)
    taken.add(number)
    return Planned(experiment, number, is_new=True, is_empty=True, note="")


def _into(known: There, experiment: Experiment) -> Planned:
    """Runs go into the experiment of that name. Raises Conflict."""
    if known.lifecycle == "deleted" and experiment.lifecycle == "active":
        raise Conflict(
            f"The target's experiment '{known.name}' is deleted: its runs would not be seen. Restore it, or rename"
            " the source's."
        )
    same = str(known.id) == experiment.id
    note = "" if same else f"goes into experiment {known.id}, which has its name"
    return Planned(experiment, known.id, is_new=False, is_empty=known.is_empty, note=note)


def _number(experiment_id: str) -> int | None:
    number = int(experiment_id) if _DIGITS.fullmatch(experiment_id) else -1
    return number if 0 <= number <= GREATEST_ID else None


class Uris:
    """Artifact URIs of the source and what they become."""

    def __init__(
        self,
        store: str,
        files: Files,
        *,
        keeps: bool,
        references: bool = False,
        server: str = "",
        beside: Path = Path(),
    ) -> None:
        self._store = store  # mlflow-artifacts:
        self._files = files
        self._keeps = keeps  # an export of our own, whose places in the store are this store's, too
        self._references = references  # places of an export that are not in its store stay as they are
        self._server = server  # http://… that mlflow-artifacts:/ of the source leads to
        self._beside = beside
        self._roots: dict[str, str] = {}

    def copies(self, owner: Run | LoggedModel) -> bool:
        """Whether its files go into the target's store; else they stay where they are."""
        return self._files == "copy" and (self.is_inside(root_of(owner)) or not self._keeps)

    def is_inside(self, uri: str) -> bool:
        """Whether a place is in the store."""
        return is_in_store(uri, self._store)

    def keeps_reference(self, uri: str) -> bool:
        """Whether this is a place of an export that is outside of its store and stays one."""
        return self._keeps and self._references and not self.is_inside(uri)

    def target(self, owner: Run | LoggedModel, number: int, location: str) -> str:
        """The artifact URI that a run or logged model gets, in the experiment of that number and location.

        In the store it is the owner's own place there, whatever an export says: another one is another run's.
        """
        uri = root_of(owner)
        if self.keeps_reference(uri):
            return uri
        if self._files == "reference":
            return self.reference(uri)
        place = location if f"{location}/".startswith(f"{self._store}/") else f"{self._store}/{number}"
        below = owner.id if isinstance(owner, Run) else f"models/{owner.id}"
        return f"{place.rstrip('/')}/{below}/artifacts"

    def reference(self, uri: str) -> str:
        """A URI by which clients find the source's files themselves. Raises Conflict."""
        parts = urlsplit(uri)
        if parts.scheme == "mlflow-artifacts" and not parts.netloc:
            if not self._server.startswith(("http://", "https://")):
                raise Conflict(
                    f"'{uri}' leads through MLflow's server, and clients would look for it on Trackside's. Name that"
                    " server with --files-from http://…, or copy the files."
                )
            return f"mlflow-artifacts://{urlsplit(self._server).netloc.rpartition('@')[2]}{parts.path}"
        if parts.scheme in ("", "file"):
            path = unquote(parts.path) if parts.scheme else uri
            return f"file://{quote(str((self._beside / path).resolve()))}"
        return uri

    def is_refused(self, uri: str) -> bool:
        """Whether an export says this of a place outside of its store, and such places are not kept."""
        return self._keeps and not self._references and not self.is_inside(uri)

    def is_refused_source(self, source: str) -> bool:
        """The same for the source of a model version that lies among nobody's artifacts: other stores' are kept, not
        paths of this machine, nor places in this store, which may be somebody else's."""
        is_local = urlsplit(source).scheme in ("", "file") and "/" in source
        is_ours = source.startswith(f"{self._store}/")
        return self._keeps and not self._references and (is_local or is_ours)

    def learn(self, owner: Run | LoggedModel, uri: str) -> None:
        """Its files are, or will be, there."""
        self._roots[plain(root_of(owner))] = uri
        if isinstance(owner, LoggedModel):
            self._roots[f"models:/{owner.id}"] = uri

    def moved(self, uri: str) -> str | None:
        """Where files are now that were at a URI of the source; None when it is below no root that was moved."""
        at, below = plain(uri), ""
        while at:
            if at in self._roots:
                return f"{self._roots[at]}{below}"
            at, slash, last = at.rpartition("/")
            below = f"/{last}{below}" if slash else below
        return None


def plain(uri: str) -> str:
    """A URI in one spelling: a local path as a path, without slashes at its end."""
    parts = urlsplit(uri)
    return (unquote(parts.path) if parts.scheme == "file" else uri).rstrip("/")
