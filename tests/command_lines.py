"""Command lines of `trackside` held against the commands themselves: what a page or a unit file says has to exist."""

from __future__ import annotations

from functools import cache
from typing import Any

import typer.main


@cache
def root() -> Any:
    from trackside.cli.app import app

    return typer.main.get_command(app)


def wrong(words: list[str], *, whole: bool = True) -> str:
    """What is wrong with the words after `trackside`; empty when nothing is. Not whole: a name alone is enough."""
    command, words = root(), list(words)
    path = "trackside"
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return f"there is no command '{path} {words[0]}'"
        path += f" {words[0]}"
        command = command.commands[words.pop(0)]
    taken: dict[str, Any] = {
        name: parameter
        for parameter in command.params
        if parameter.param_type_name == "option"
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    values, unknown = _sorted(words, taken)
    if unknown:
        return f"'{path}' has no option {unknown[0]}"
    if not whole or hasattr(command, "commands"):
        return ""
    return _arguments(path, command, values)


def _sorted(words: list[str], taken: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Arguments, and options that do not exist."""
    values, unknown, rest = [], [], iter(words)
    for word in rest:
        name, equals, _ = word.partition("=")
        if word == "--":
            return [*values, *rest], unknown
        if not word.startswith("-") or word == "-":
            values.append(word)
        elif name not in taken and name != "--help":
            unknown.append(name)
        elif name in taken and not taken[name].is_flag and not equals:
            next(rest, None)
    return values, unknown


def _arguments(path: str, command: Any, values: list[str]) -> str:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    least = sum(argument.required for argument in arguments)
    most = float("inf") if any(argument.nargs == -1 for argument in arguments) else len(arguments)
    if least <= len(values) <= most:
        return ""
    return f"'{path}' takes {least} to {most} arguments, not {values}"
