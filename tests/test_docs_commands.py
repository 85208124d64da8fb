"""The commands in the docs exist: `trackside` with its options, targets of make, scripts, extras of the package."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import command_lines

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "deploy/README.md"])
OF_EACH = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())

SHELL = re.compile(r"^```(?:sh|console|bash)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
# Named as what is to come.
PLANNED = {"run", "doctor", "probe"}


def lines(text: str) -> Iterator[list[str]]:
    """The words of each command of a page's shell blocks: continued lines are one, what a pipe joins is two."""
    for block in SHELL.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars="|;&()<>")
            lexer.whitespace_split = True
            try:
                words = list(lexer)
            except ValueError:  # a line of output, with half a pair of quotes
                continue
            yield from _commands(words)


def _commands(words: list[str]) -> Iterator[list[str]]:
    command: list[str] = []
    for word in words:
        if re.fullmatch(r"[|;&()<>]+", word):
            yield command
            command = []
        else:
            command.append(word)
    yield command


def called(words: list[str]) -> list[str] | None:
    """What stands after `trackside`, if that is the program."""
    while words and re.match(r"\w+=|sudo$|export$", words[0]):
        words = words[1:]
    return words[1:] if words and words[0].rpartition("/")[2] == "trackside" else None


def spans(text: str) -> Iterator[list[str]]:
    """What stands after `trackside` in the code within a page's sentences."""
    for span in re.findall(r"`trackside ([^`]+)`", FENCED.sub("", text)):
        words = re.sub(r"\s+", " ", span).split(" ")
        yield [word for word in words if word not in ("…", "...")]


def mistakes(text: str) -> list[str]:
    """What a page says of `trackside` that is not so."""
    calls = [words for each in lines(text) if (words := called(each)) is not None]
    found = [command_lines.wrong(words) for words in calls]
    found += [command_lines.wrong(words, whole=False) for words in spans(text) if words[0] not in PLANNED]
    return [each for each in found if each]


@OF_EACH
def test_commands_and_options_exist(page: Path) -> None:
    assert mistakes(page.read_text()) == []


def test_commands_are_found() -> None:
    texts = [page.read_text() for page in PAGES]
    assert sum(called(words) is not None for text in texts for words in lines(text)) > 40
    assert sum(1 for text in texts for _ in spans(text)) > 40


@pytest.mark.parametrize(
    "text",
    [
        "```sh\ntrackside serve\n```",
        "```\ntrackside server --prot 8000\n```",
        "```sh\nX=1 .venv/bin/trackside gc --older 30d | tail\n```",
        "```sh\ncd x && trackside token revoke\n```",
        "```sh\ntrackside server \\\n  --data-directory x\n```",
        "Say `trackside user make ann`.",
        "Say `trackside gc\n--older 3d`.",
    ],
)
def test_what_does_not_exist_is_found(text: str) -> None:
    assert mistakes(text)


@OF_EACH
def test_targets_scripts_and_extras_exist(page: Path) -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"].keys()
    text = page.read_text()
    named = {words[1] for words in lines(text) if words[:1] == ["make"] and len(words) > 1}
    assert named <= targets
    programs = [
        word for words in lines(text) for word in words[:1] if re.match(r"(scripts|deploy|examples)/", word)
    ]
    assert [program for program in programs if not (ROOT / program).is_file()] == []
    asked = {
        extra
        for list_ in re.findall(r"(?:trackside|['\"]\.)\[([a-z,]+)\]", text)
        for extra in list_.split(",")
    }
    assert asked <= extras
