"""Filter text to a small tree of comparisons, each with the place where it stands.

    metrics.loss < 0.3 AND (params.lr = '0.1' OR tags.team LIKE 'a%') AND NOT tags.old IS NOT NULL

What MLflow accepts means here what it means there: conditions joined by AND (a stray AND, or
none between two comparisons, is passed over), keys in backticks or any quotes, values in
single or double quotes, taken as they stand: a doubled quote or a backslash is not undone.
OR, NOT (also in NOT LIKE), parentheses, BETWEEN, `~`, `num(…)`, `min(…)` and its like, a plus sign, and `/` and `-` in bare keys
are ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple, NoReturn

from trackside.errors import InvalidParameter

MAX_CHARACTERS = 200_000  # room for some 5,000 run ids in one IN
MAX_WORDS = 20_000  # each costs some microseconds, on the thread that serves everybody
MAX_COMPARISONS = 200
MAX_DEPTH = 50  # of parentheses and NOT: the parser and the databases recurse

_QUOTED = r"""'(?:''|\\'|[^'])*' | "(?:""|\\"|[^"])*" """
_TOKEN = re.compile(
    rf"""\s+
    | (?P<name> (?:[^\W\d]\w* | `[^`]*`) (?: \. (?: `(?:``|[^`])*` | {_QUOTED} | [\w./-]+ ))? )
    | (?P<number> [+-]? (?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+) (?:[eE][+-]?[0-9]+)? (?![\w.]) )
    | (?P<string> {_QUOTED} )
    | (?P<symbol> <=|>=|!=|!~|<>|==|[<>=~(),] )""",
    re.VERBOSE,
)
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_SYMBOLS = {"<", "<=", ">", ">=", "=", "!=", "<>", "==", "~", "!~"}
FUNCTIONS = {
    "num": "num(params.KEY)",
    **{name: f"{name}(metrics.KEY)" for name in ("min", "max", "first", "last")},
}
# RLIKE is refused later, as a comparator that no field has.
_WORDS = {"LIKE", "ILIKE", "RLIKE", "IN", "BETWEEN"}


class Token(NamedTuple):
    kind: Literal["name", "number", "string", "symbol", "end"]
    text: str  # as written, with its quotes
    at: int  # from 0

    @property
    def word(self) -> str:
        """A name in capitals, to compare with keywords; empty for anything else."""
        return self.text.upper() if self.kind == "name" else ""


@dataclass(frozen=True, slots=True)
class Name:
    """`metrics.loss`, `min(metrics.loss)` or `num(params.lr)`; `entity` is empty for a bare attribute."""

    entity: str
    key: str
    function: str = ""  # of FUNCTIONS

    @property
    def numeric(self) -> bool:
        """Text as a number."""
        return self.function == "num"


@dataclass(frozen=True, slots=True)
class Comparison:
    name: Name
    operator: str  # in capitals: "<", "LIKE", "NOT IN", "IS NULL", …
    values: tuple[Token, ...]  # one; two for BETWEEN; any number for IN; none for IS NULL
    written: str  # the value's text
    at: int  # the first character, from 0
    operator_at: int  # the operator's

    @property
    def positive(self) -> str:
        """The operator without a NOT before it."""
        return self.operator.removeprefix("NOT ")


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Node


Node = Comparison | And | Or | Not


def parse(text: str) -> Node | None:
    """The tree of a filter; None when it has no condition.

    Raises InvalidParameter, whose message ends with the character (from 1) that is wrong.
    """
    if not text:
        return None
    if not text.strip():
        raise InvalidParameter(f"Invalid filter '{shortened(text)}'. Could not be parsed.")
    return _Parser(text, tokens(text)).parse()


def tokens(text: str) -> list[Token]:
    """The words of a filter or an order_by clause, with an end token."""
    if len(text) > MAX_CHARACTERS:
        raise InvalidParameter(
            f"A filter may have at most {MAX_CHARACTERS} characters; this one has {len(text)}."
        )
    check_storable(text)
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            _fail_at_character(text, at)
        if match.lastgroup:
            found.append(Token(match.lastgroup, match.group(), at))  # type: ignore[arg-type]
            if len(found) > MAX_WORDS:
                raise InvalidParameter(f"A filter may have at most {MAX_WORDS} words.{place(at)}")
        at = match.end()
    return [*found, Token("end", "", len(text))]


def check_storable(text: str) -> None:
    """Refuse what no database takes as text."""
    if _UNSTORABLE.search(text):
        raise InvalidParameter("A filter must not have NUL characters or unpaired surrogates.")


def split_name(text: str, function: str = "") -> Name:
    """`metrics."a b"` to its two parts, without quotes; a name without a dot is an attribute's."""
    entity, dot, key = text.partition(".")
    if not dot:
        entity, key = "", text
    return Name(unquoted(entity, "`"), unquoted(key, "`'\""), function)


def unquoted(text: str, quotes: str) -> str:
    """The text without the pair of quotes around it, if it has one of these."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in quotes else text


def shortened(text: str) -> str:
    """For messages: a filter can be long."""
    return text if len(text) <= 100 else f"{text[:100]}…"


def place(at: int) -> str:
    """How every message about a filter ends; `at` counts from 0, users from 1."""
    return f" (at character {at + 1})"


def _fail_at_character(text: str, at: int) -> NoReturn:
    character = text[at]
    if character == ";":
        raise InvalidParameter(
            f"Search filter contained multiple expression {shortened(text)!r}. Provide AND-ed expression list."
            + place(at)
        )
    why = ": this quote is never closed" if character in "'\"`" else ""
    raise InvalidParameter(f"Invalid clause(s) in filter string: '{character}'{why}{place(at)}")


class _Parser:
    """Recursive descent: OR binds least, then AND, then NOT."""

    def __init__(self, text: str, found: list[Token]) -> None:
        self._text = text
        self._tokens = found
        self._index = 0
        self._comparisons = 0

    def parse(self) -> Node | None:
        while self._take("AND"):
            pass
        if self._here().kind == "end":
            return None
        tree = self._either(0)
        if self._here().kind != "end":
            raise self._error(self._here(), "")
        return tree

    def _here(self) -> Token:
        return self._tokens[self._index]

    def _next(self) -> Token:
        token = self._here()
        if token.kind != "end":
            self._index += 1
        return token

    def _take(self, text: str) -> bool:
        """Step over a keyword or symbol if it is next."""
        taken = text in (self._here().word, self._here().text)
        self._index += taken
        return taken

    def _either(self, depth: int) -> Node:
        parts = [self._all(depth)]
        while self._take("OR"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self, depth: int) -> Node:
        parts = [self._one(depth)]
        while self._here().word != "OR" and self._here().text != ")" and self._here().kind != "end":
            stray = False
            while self._take("AND"):
                stray = True
            if stray and self._here().kind == "end":
                break
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self._error(self._here(), f": nested more than {MAX_DEPTH} deep")
        if self._take("NOT"):
            return Not(self._one(depth + 1))
        if self._take("("):
            tree = self._either(depth + 1)
            if not self._take(")"):
                raise self._error(self._here(), ": expected ')'")
            return tree
        return self._comparison()

    def _comparison(self) -> Comparison:
        start = self._here()
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise InvalidParameter(
                f"A filter may have at most {MAX_COMPARISONS} comparisons.{place(start.at)}"
            )
        name = self._name()
        operator_at = self._here().at
        operator = self._operator(start)
        values_at = self._here().at
        if operator in {"IS NULL", "IS NOT NULL"}:
            values: tuple[Token, ...] = ()
        elif operator in {"IN", "NOT IN"}:
            values = self._list(start)
        else:
            values = (self._value(start),)
            if operator in {"BETWEEN", "NOT BETWEEN"}:
                if not self._take("AND"):
                    why = f": BETWEEN needs two values, joined by AND{place(operator_at)}"
                    raise self._error(start, why, placed=True)
                values += (self._value(start),)
        written = self._text[values_at : self._end()]
        return Comparison(name, operator, values, written, start.at, operator_at)

    def _name(self) -> Name:
        token = self._next()
        if token.kind in {"number", "string"}:
            raise InvalidParameter(
                f"Invalid comparison clause. Expected 'Identifier' found '{shortened(token.text)}'{place(token.at)}"
            )
        if token.kind != "name" or token.word in {"AND", "OR", "IN", "IS", "BETWEEN"}:
            raise self._error(token, ": expected a comparison")
        if token.text not in FUNCTIONS or not self._take("("):
            return split_name(token.text)
        inner = self._next()
        if inner.kind != "name" or not self._take(")"):
            raise self._error(token, f": expected {FUNCTIONS[token.text]}")
        return split_name(inner.text, token.text)

    def _operator(self, start: Token) -> str:
        token = self._next()
        if token.text in _SYMBOLS:
            return token.text
        if token.word in _WORDS:
            return token.word
        if token.word == "NOT" and self._here().word in _WORDS:
            return f"NOT {self._next().word}"
        if token.word == "IS":
            negated = self._take("NOT")
            if self._take("NULL"):
                return "IS NOT NULL" if negated else "IS NULL"
        raise self._error(start, f": expected a comparison after it{place(token.at)}", placed=True)

    def _value(self, start: Token) -> Token:
        token = self._next()
        if token.kind in {"end", "symbol"} or token.word in {"AND", "OR"}:
            raise self._error(start, f": expected a value{place(token.at)}", placed=True)
        return token

    def _list(self, start: Token) -> tuple[Token, ...]:
        if not self._take("("):
            raise self._error(start, f": expected a list in parentheses{place(self._here().at)}", placed=True)
        values: list[Token] = []
        while not self._take(")"):
            token = self._next()
            if token.kind in {"end", "symbol"} or not (self._take(",") or self._here().text == ")"):
                raise InvalidParameter(
                    "While parsing a list in the query, expected a non-empty list of string values, "
                    f"but got ill-formed list.{place(token.at)}"
                )
            values.append(token)
        return tuple(values)

    def _end(self) -> int:
        last = self._tokens[self._index - 1]
        return last.at + len(last.text)

    def _error(self, token: Token, why: str, *, placed: bool = False) -> InvalidParameter:
        what = shortened(token.text) if token.kind != "end" else "end of the filter"
        tail = "" if placed else place(token.at)
        return InvalidParameter(f"Invalid clause(s) in filter string: '{what}'{why}{tail}")
