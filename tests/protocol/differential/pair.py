"""The same request to a real MLflow and to Trackside, and what differs between their answers.

A request names ids that the servers gave by placeholders (`{run}`), since each server gives its own. Before two
answers are compared, what may differ between any two servers is replaced: ids, the current time, invented names,
addresses and folders. What then still differs must stand in the table of intended differences.
"""

import base64
import json
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn, Self

import httpx
import intended
from asks import API, Ask, cut, post
from servers import Server
from wire import fill

JSON = {"Content-Type": "application/json"}
NEAR_MS = 3_600_000  # a time this near to now is one that the server gave

INVENTED = re.compile(r"\b[a-z]+-[a-z]+-\d{1,4}\b")
SET = re.compile(r"\{'[^{}']*'(, '[^{}']*')*\}")  # Python's way to show one, in any order
ID = re.compile(r"\b[0-9a-f]{32}\b")
# Lists whose order means nothing: a database gives them as it likes. Points of one metric keep their order.
UNORDERED = {"tags", "params", "metrics", "aliases", "model_inputs", "model_outputs", "dataset_inputs"}

Names = dict[str, str]


def changes(ask: Ask) -> bool:
    """Whether a server that takes it holds something else afterwards."""
    return ask.method != "GET" and not ask.path.endswith(("search", "get-latest-versions"))


class Seen(NamedTuple):
    """An answer, normalised."""

    status: int
    body: Any  # of JSON its value; of a page that says that something is not there only that
    heads: dict[str, str] = {}

    @property
    def text(self) -> str:
        """What an intended difference is recognised by: an error's code and message, else the body."""
        if self.status >= 400 and isinstance(self.body, dict) and "error_code" in self.body:
            return f"{self.body['error_code']}: {self.body.get('message')}"
        return self.body if isinstance(self.body, str) else json.dumps(self.body, sort_keys=True)

    @property
    def shown_heads(self) -> str:
        """Those headers that are compared."""
        return f" {self.heads}" if self.heads else ""

    def __str__(self) -> str:
        return cut(f"{self.status} {self.text}{self.shown_heads}")


class Unexplained(AssertionError):
    """The two servers differ, and no intended difference says so."""


@dataclass
class Side:
    """One of the two servers, with the values that its placeholders have."""

    server: Server
    http: httpx.Client
    names: Names = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, ask: Ask) -> httpx.Response:
        content, headers = None, {**self.headers, **ask.headers}
        if ask.body is not None:
            body = fill(ask.body, self.names)
            content = body if isinstance(body, bytes | str) else json.dumps(body)
            headers = {**JSON, **headers}
        url = self.http.build_request(
            "GET", fill(ask.url, self.names), params=fill(ask.query, self.names)
        ).url
        return self.http.request(ask.method, url, content=content, headers=headers)

    def seen(self, answer: httpx.Response, heads: Iterable[str]) -> Seen:
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if kind == "application/json":
            body = self.normal(json.loads(answer.content or b"{}"))
        elif (answer.status_code >= 400 and not answer.text.isprintable()) or answer.status_code in (
            404,
            405,
        ):
            body = "<page>"
        else:
            body = self.plain(answer.content.decode("utf-8", "backslashreplace"))
        shown = {name: self.plain(answer.headers.get(name, "")) for name in heads}
        return Seen(answer.status_code, body, shown)

    def plain(self, text: str) -> str:
        """The text without what only this server would say."""
        for name, value in self.names.items():
            if len(value) >= 16:
                text = text.replace(value, f"<{name}>")
        text = text.replace(self.server.url, "<server>").replace(str(self.server.folder), "<folder>")
        return SET.sub(_sorted_set, INVENTED.sub("<invented>", ID.sub("<id>", text)))

    def normal(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self.normal(item, name) for name, item in value.items()}
        if isinstance(value, list):
            items = [self.normal(item) for item in value]
            if key in UNORDERED and all(isinstance(item, dict) for item in items):
                items.sort(key=_place_in_list)
            return items
        if key == "next_page_token":
            return f"<offset {json.loads(base64.b64decode(value))['offset']}>"
        if type(value) is int and abs(value - time.time() * 1000) < NEAR_MS:
            return "<now>"
        if isinstance(value, str) and value[:1] in "{[":
            value = self._json_within(value)
        return self.plain(value) if isinstance(value, str) else value

    def _json_within(self, text: str) -> str:
        """JSON inside a string, spaced alike."""
        try:
            return json.dumps(json.loads(text), sort_keys=True)
        except ValueError:
            return text


def _sorted_set(match: re.Match[str]) -> str:
    return "{" + ", ".join(sorted(match[0][1:-1].split(", "))) + "}"


def _place_in_list(item: dict[str, Any]) -> str:
    if "model_id" in item:  # a logged model's metrics have no order, either
        return f"{item.get('key', '')} {json.dumps(item, sort_keys=True)}"
    known = item.get("key") or item.get("alias") or item.get("model_id") or item.get("dataset") or ""
    return known if isinstance(known, str) else json.dumps(known, sort_keys=True)


@dataclass
class Pair:
    """Both servers. `ask` compares; `ledger` counts."""

    theirs: Side
    ours: Side
    ledger: "Ledger"
    area: str = ""
    asked: list[str] = field(default_factory=list)  # what was asked, with both answers' status

    def ask(self, ask: Ask) -> tuple[Seen, Seen]:
        """Send to both and compare. Raises Unexplained."""
        answers = self._send(ask)
        seen = self.theirs.seen(answers[0], ask.heads), self.ours.seen(answers[1], ask.heads)
        self.ledger.compared[self.area] += 1
        if ask.url == f"{API}experiments/create" and answers[0].status_code != answers[1].status_code:
            self.level_experiments()
        left = self.ledger.explained(ask, *seen)
        if left[0] != left[1] or _text(left[0].body) != _text(left[1].body):
            self._differ(ask, answers, left)
        return seen

    def _send(self, ask: Ask) -> tuple[httpx.Response, httpx.Response]:
        answers = self.theirs.send(ask), self.ours.send(ask)
        self.asked.append(f"{ask} -> {answers[0].status_code}, {answers[1].status_code}")
        self._keep(ask, answers)
        return answers

    def play(self, steps: Iterable[Ask]) -> None:
        """Ask for one after the other; every difference is told, not only the first.

        Ends where only one server took a change, which the table allows: from there on they hold other things.
        """
        found = []
        for step in steps:
            try:
                theirs, ours = self.ask(step)
            except Unexplained as error:
                found.append(str(error))
                continue
            if changes(step) and (theirs.status < 300) != (ours.status < 300):
                break
        if found:
            raise Unexplained("\n".join(found))

    def raw(self, ask: Ask) -> tuple[Any, Any]:
        """The two answers as they are, once the clock has gone on."""
        self.pause()
        return self.theirs.send(ask).json(), self.ours.send(ask).json()

    def pause(self) -> None:
        """Wait until another millisecond has come."""
        time.sleep(0.003)

    def of_both(self, ask: Ask) -> None:
        """Send what is only a preparation; both must take it."""
        for answer in self._send(ask):
            assert answer.status_code < 300, f"{ask}: {answer.text}"

    def level_experiments(self) -> None:
        """Make experiments on the side that has given fewer numbers, so that both give the same from here on."""
        sides = (self.theirs, self.ours)
        numbers = [
            int(_at(side.send(post("experiments/create", {"name": unique("level")})).json(), "experiment_id"))
            for side in sides
        ]
        for side, number in zip(sides, numbers, strict=True):
            for _ in range(max(numbers) - number):
                side.send(post("experiments/create", {"name": unique("level")}))

    def _keep(self, ask: Ask, answers: tuple[httpx.Response, httpx.Response]) -> None:
        for side, answer in zip((self.theirs, self.ours), answers, strict=True):
            for name, path in ask.keep.items():
                if answer.status_code == 200:
                    side.names[name] = _at(answer.json(), path)

    def _differ(
        self, ask: Ask, answers: tuple[httpx.Response, httpx.Response], left: tuple[Seen, Seen]
    ) -> NoReturn:
        """Raises Unexplained with the request, both answers as they came, and where they differ once normalised."""
        filled = ask._replace(path=fill(ask.path, self.ours.names), body=fill(ask.body, self.ours.names))
        lines = [
            str(filled),
            *(
                f"{name:9} answered {cut(' '.join([str(answer.status_code), *answer.text.split()]))}"
                for name, answer in zip(("MLflow", "Trackside"), answers, strict=True)
            ),
            *_unlike(left[0]._asdict(), left[1]._asdict()),
        ]
        raise Unexplained("\n  ".join(lines))

    def scene(self, **more: str) -> Self:
        """A pair with names of its own, which begin with those of this one."""
        sides = [
            Side(side.server, side.http, {**side.names, **more}, dict(side.headers))
            for side in (self.theirs, self.ours)
        ]
        return type(self)(sides[0], sides[1], self.ledger, self.area)

    def in_area(self, area: str) -> Self:
        scene = self.scene()
        scene.area = area
        return scene


def _text(body: Any) -> str:
    """JSON as text: 1, 1.0 and true are different."""
    return json.dumps(body, sort_keys=True)


def _unlike(theirs: Any, ours: Any, where: str = "") -> Iterator[str]:
    """Each place where two JSON values differ."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted({*theirs, *ours}):
            yield from _unlike(theirs.get(key, "(absent)"), ours.get(key, "(absent)"), f"{where}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (one, two) in enumerate(zip(theirs, ours, strict=True)):
            yield from _unlike(one, two, f"{where}[{index}]")
    elif _text(theirs) != _text(ours):
        yield f"{where}: MLflow {cut(_text(theirs))}, Trackside {cut(_text(ours))}"


def _at(value: Any, path: str) -> str:
    for part in path.split("."):
        value = value[int(part)] if part.isdigit() else value[part]
    return str(value)


def unique(prefix: str) -> str:
    """A name that nothing else has; without digits, which would look like an id."""
    letters = str.maketrans("0123456789", "ghijklmnop")
    return f"{prefix} {uuid.uuid4().hex[:12].translate(letters)}"


class Ledger:
    """What was compared, and which intended differences were met."""

    def __init__(self, tell: Callable[[str], None] = print) -> None:
        self.tell = tell  # says something at once, whatever becomes of the suite
        self.compared: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        self.excused: list[tuple[Ask, Seen, Seen]] = []
        self.modules: set[str] = set()

    def explained(self, ask: Ask, theirs: Seen, ours: Seen) -> tuple[Seen, Seen]:
        """The two answers without what the table explains."""
        for entry in intended.FIELDS:
            if entry.applies(ask.method, ask.url):
                theirs, ours, met = entry.without(theirs, ours)
                self.met[entry.name] += met
        for wording in intended.WORDINGS:
            ours, met = wording.without(ours)
            self.met[wording.name] += met
        for value in intended.VALUES:
            if not re.fullmatch(value.route, ask.url):
                continue
            body, met = value.alike(theirs.body, ours.body)
            self.met[value.name] += met
            ours = ours._replace(body=body)
        for heading in intended.HEADINGS:
            theirs, ours, met = heading.alike(theirs, ours)
            self.met[heading.name] += met
        if theirs == ours and _text(theirs.body) == _text(ours.body):
            return theirs, ours
        for answer in intended.ANSWERS:
            if answer.allows(ask, theirs, ours):
                self.met[answer.name] += 1
                self.excused.append((ask, theirs, ours))
                return ours, ours
        return theirs, ours

    def lines(self) -> Iterator[str]:
        """The report at the end of the suite."""
        total = sum(self.compared.values())
        areas = ", ".join(f"{area} {count}" for area, count in sorted(self.compared.items()))
        yield f"{total} requests compared with MLflow: {areas}"
        yield f"{len(self.met)} of {len(intended.TABLE)} intended differences met"
