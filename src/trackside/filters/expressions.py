"""Regular expressions in RE2's syntax, which the search language has, as PostgreSQL's.

Both find the same texts, so that a filter means the same on both engines: classes are of ASCII, `.` is
not a line's end, `(?i)` may stand anywhere. A few things PostgreSQL cannot say: they are refused in words.
"""

from __future__ import annotations

import re
from functools import cache

from trackside.errors import InvalidParameter

MOST_REPEATS = 255  # PostgreSQL's
LAST_WITH_CASES = 0x1E943
_SETS = {
    "d": "0-9",
    "w": "0-9A-Za-z_",
    "s": "\\t\\n\\f\\r ",
    "D": "\\x01-/:-\\U0010FFFF",
    "W": "\\x01-/:-@\\[-\\^`{-\\U0010FFFF",
    "S": "\\x01-\\x08\\x0b\\x0e-\\x1f!-\\U0010FFFF",
}
_NAMED = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": "\\x01-\\x7f",
    "blank": "\\t ",
    "cntrl": "\\x01-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\t\\n\\x0b\\f\\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
# With (?i) what has k and s has the long s and the Kelvin sign too; what is not a word has them not.
_LETTERS = {"w", "alnum", "alpha", "ascii", "graph", "lower", "print", "upper", "word"}
_FOLDED = "\\u017f\\u212a"
_NO_WORD_FOLDED = "\\x01-/:-@\\[-\\^`{-\\u017e\\u0180-\\u2129\\u212b-\\U0010FFFF"
_ANCHORS = {"b": "(?:\\y)", "B": "(?:\\Y)", "A": "(?:\\A)", "z": "(?:\\Z)"}
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_GROUP = re.compile(r"\?(?:P?<\w+>|(?P<on>[imsU]*)(?:-(?P<off>[imsU]*))?(?P<end>[:)]))")
_REPEAT = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_CODE = re.compile(r"x\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|([0-7]{1,3})")


def as_postgres(pattern: str) -> str:
    """The same as PostgreSQL's `~` takes it. The pattern must be one that RE2 takes.

    Raises InvalidParameter for what PostgreSQL has no word for.
    """
    return _Translator(pattern).translated()


class _Translator:
    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._flags = ""

    def translated(self) -> str:
        out: list[str] = []
        outer: list[str] = []  # flags of the groups around
        while self._at < len(self._text):
            character = self._next()
            if character == "(":
                out.append(self._group(outer))
            elif character == ")":
                self._flags = outer.pop()
                out.append(")")
            elif character == "[":
                out.append(self._class())
            elif character == "\\":
                out.append(self._escape())
            else:
                out.append(self._plain(character))
        return "".join(out)

    def _next(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _taken(self, what: re.Pattern[str]) -> re.Match[str] | None:
        found = what.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found

    def _plain(self, character: str) -> str:
        if character == ".":
            return "(?:.)" if "s" in self._flags else "[^\\n]"
        if character in "^$":
            line = "|(?<=\\n)" if character == "^" else "|(?=\\n)"
            return f"(?:{character}{line if 'm' in self._flags else ''})"
        if character in "*+?":
            return self._repeated(character)
        if character == "{":
            self._at -= 1
            if count := self._taken(_REPEAT):
                if max(int(number or 0) for number in (count[1], count[3])) > MOST_REPEATS:
                    raise _unknown(f"more than {MOST_REPEATS} repetitions")
                return self._repeated(count[0])
            self._at += 1
        return character if character == "|" else self._literal(character)

    def _repeated(self, how: str) -> str:
        if self._text[self._at : self._at + 1] == "?":  # as few as can be: no other texts are found
            self._at += 1
        return how

    def _group(self, outer: list[str]) -> str:
        before = self._flags
        if found := self._taken(_GROUP):
            if found["end"]:
                kept = set(before) - set(found["off"] or "")
                self._flags = "".join(sorted(kept | set(found["on"])))
            if found["end"] == ")":
                if self._text[self._at : self._at + 1] in set("*+?{"):
                    raise _unknown("a repetition of flags")
                return ""
        outer.append(before)
        return "(?:"

    def _escape(self) -> str:
        if anchor := _ANCHORS.get(self._text[self._at]):
            self._at += 1
            return anchor
        if known := self._set(self._text[self._at], _SETS):
            self._at += 1
            return f"[{known}]"
        if self._text[self._at] == "Q":
            quoted, _, _ = self._text[self._at + 1 :].partition("\\E")
            self._at += 1 + len(quoted) + len("\\E")
            return "".join(self._literal(character) for character in quoted)
        return self._literal(self._escaped())

    def _set(self, name: str, known: dict[str, str]) -> str:
        """The characters of a named set; empty for none of these names."""
        if "i" in self._flags and name == "W":
            return _NO_WORD_FOLDED
        return known.get(name, "") + (
            _FOLDED if "i" in self._flags and name in _LETTERS & known.keys() else ""
        )

    def _escaped(self) -> str:
        """The character after a backslash."""
        if code := self._taken(_CODE):
            number = int(code[1] or code[2], 16) if code[1] or code[2] else int(code[3], 8)
            return chr(number)
        character = self._next()
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character.isascii() and character.isalnum():
            raise _unknown(f"\\{character}")
        return character

    def _literal(self, character: str) -> str:
        if "i" in self._flags and (both := _cases(character)) != {character}:
            return f"[{''.join(_quoted(each) for each in sorted(both))}]"
        return _quoted(character)

    # --- classes

    def _class(self) -> str:
        negated = self._text[self._at] == "^"
        self._at += negated
        parts: list[str] = []
        first = True
        while first or self._text[self._at] != "]":
            parts.append(self._member())
            first = False
        self._at += 1
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def _member(self) -> str:
        if self._text.startswith("[:", self._at):
            name, _, _ = self._text[self._at + 2 :].partition(":]")
            if name in _NAMED:
                self._at += len(name) + 4
                return self._set(
                    "alpha" if "i" in self._flags and name in ("lower", "upper") else name, _NAMED
                )
            if name.removeprefix("^") in _NAMED:
                raise _unknown(f"[:{name}:]")
        if self._text[self._at] == "\\" and (known := self._set(self._text[self._at + 1], _SETS)):
            self._at += 2
            return known
        low = self._one()
        if self._text[self._at] != "-" or self._text[self._at + 1] == "]":
            return "".join(_quoted(each) for each in sorted(self._both(low)))
        self._at += 1
        return self._range(low, self._one())

    def _one(self) -> str:
        character = self._next()
        return self._escaped() if character == "\\" else character

    def _both(self, character: str) -> set[str]:
        return _cases(character) if "i" in self._flags else {character}

    def _range(self, low: str, high: str) -> str:
        written = f"{_quoted(low)}-{_quoted(high)}"
        if "i" not in self._flags:
            return written
        # Few characters have another case; those of a range are added one by one.
        codes = range(ord(low), min(ord(high), LAST_WITH_CASES) + 1)
        others = {case for code in codes for case in _cases(chr(code))}
        return written + "".join(_quoted(each) for each in sorted(others) if not low <= each <= high)


@cache
def _same() -> dict[str, set[str]]:
    """All characters that have other cases, each with all of its own: k, K and the Kelvin sign are one."""
    groups: dict[str, set[str]] = {}
    for code in range(LAST_WITH_CASES + 1):
        character = chr(code)
        if character in "\u0130\u0131":  # Turkish: their other case depends on the language
            continue
        lower = character.lower() if len(character.lower()) == 1 else character
        upper = lower.upper() if len(lower.upper()) == 1 else lower
        groups.setdefault(upper.lower(), set()).add(character)
    return {character: group for group in groups.values() if len(group) > 1 for character in group}


def _cases(character: str) -> set[str]:
    return _same().get(character, {character})


def _quoted(character: str) -> str:
    code = ord(character)
    if code == 0:
        raise _unknown("a NUL character, which no text has")
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return (
        f"\\{character}"
        if character.isascii() and not character.isalnum() and character not in " _"
        else character
    )


def _unknown(what: str) -> InvalidParameter:
    return InvalidParameter(
        f"On PostgreSQL a regular expression cannot have {what}: write it otherwise, or use LIKE."
    )
