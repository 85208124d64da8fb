"""Writes docs/cli.md from the commands themselves, so that the reference cannot drift from them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

import generated
import typer.main

from trackside.cli.app import app

PAGE = generated.DOCS / "cli.md"
HEAD = """# Command line

Every option can also be set by its environment variable; an option given on the command
line wins. This page is written by `scripts/docs` from the commands themselves.
"""


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, as (its full name, the command), in the order of `--help`."""
    waiting = [("trackside", typer.main.get_command(app))]
    while waiting:
        name, command = waiting.pop(0)
        children = getattr(command, "commands", {})
        waiting[:0] = [(f"{name} {child}", children[child]) for child in children]
        if not children:
            yield name, command


def options(command: Any) -> list[Any]:
    """The options of a command, without those that Typer adds to each (`--help`)."""
    return [p for p in command.params if p.param_type_name == "option" and p.name != "help"]


def variables(option: Any) -> list[str]:
    """The environment variables that set an option."""
    named = option.envvar or []
    return [named] if isinstance(named, str) else list(named)


def page() -> str:
    """The whole of docs/cli.md."""
    return "\n".join([HEAD, *(section(name, command) for name, command in commands())])


def section(name: str, command: Any) -> str:
    """One command: its help text, its arguments, its options."""
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    usage = " ".join([name, *(_metavar(a) for a in arguments)])
    lines = [f"## `{name}`", "", inspect.cleandoc(command.help or "").replace("\b", "").strip(), ""]
    if arguments:
        lines += ["```", usage, "```", ""]
        lines += [f"- `{a.name.upper()}`: {_text(a.help)}" for a in arguments if a.help]
        lines += [""] if any(a.help for a in arguments) else []
    if options(command):
        lines += ["| option | variable | default | |", "|---|---|---|---|"]
        lines += [_row(option) for option in options(command)]
        lines.append("")
    return "\n".join(lines)


def _metavar(argument: Any) -> str:
    name = argument.name.upper() + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _row(option: Any) -> str:
    flags = ", ".join(f"`{flag}`" for flag in [*option.opts, *option.secondary_opts])
    cells = [flags, _code(variables(option)), _default(option), _text(option.help)]
    return "| " + " | ".join(cells) + " |"


def _default(option: Any) -> str:
    if isinstance(option.show_default, str):
        return _code([option.show_default])
    if option.default is None or callable(option.default):
        return "required" if option.required else ""
    if isinstance(option.default, bool) and option.secondary_opts:
        return _code([(option.opts if option.default else option.secondary_opts)[0]])
    return "" if option.default is False or option.default == "" else _code([str(option.default)])


def _code(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _text(help_text: str | None) -> str:
    return " ".join((help_text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(generated.main(PAGE, page, "the commands", __doc__))
