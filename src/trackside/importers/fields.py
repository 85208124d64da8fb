"""Reads the `meta.yaml` of a folder of MLflow's, field by field: somebody may have changed it, or made it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from trackside.importers.source import SourceError

META = "meta.yaml"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Fields:
    """The fields by their types. Everything raises SourceError, which names the file and the field."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / META
        if not self._path.is_file():
            raise SourceError(f"{self._path} is no file.")
        try:
            text = self._path.read_text("utf-8")
            # MLflow writes none, and some tens of them make a text of petabytes.
            if "*" in text and any(isinstance(each, yaml.AliasEvent) for each in yaml.parse(text, _LOADER)):
                raise SourceError(
                    f"{self._path} is damaged: it has aliases (*), which MLflow does not write."
                )
            found = yaml.load(text, _LOADER)  # noqa: S506 - a safe loader
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{self._path} cannot be read: {error}.") from error
        # The last two: numbers and dates that cannot be, and thousands of brackets.
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise SourceError(f"{self._path} is no YAML: {' '.join(str(error).split())}.") from error
        if not isinstance(found, dict):
            raise SourceError(f"{self._path} is damaged: it holds no fields.")
        self._fields = found

    def text(self, name: str) -> str:
        """Empty where there is none."""
        return self.text_or_none(name) or ""

    def text_or_none(self, name: str) -> str | None:
        return None if (value := self._fields.get(name)) is None else self._text(name, value)

    def needed(self, name: str) -> str:
        if self._fields.get(name) is None:
            raise SourceError(f"{self._path} is damaged: it has no '{name}'.")
        return self._text(name, self._fields[name])

    def texts(self, name: str) -> dict[str, str]:
        """A mapping of texts; empty where there is none."""
        found = self._fields.get(name) or {}
        if not isinstance(found, dict):
            raise self._wrong(name, "a mapping")
        return {self._text(name, key): self._text(name, value) for key, value in found.items()}

    def number(self, name: str) -> int | None:
        value = self._fields.get(name)
        if value is None or (type(value) is int and -(2**63) <= value < 2**63):
            return value
        raise self._wrong(name, "a whole number of 64 bits")

    def known(
        self, name: str, names: tuple[str, ...], otherwise: str, numbers: Mapping[int, str] = {}
    ) -> str:
        """One of these names, as it stands or by its number; `otherwise` where there is none."""
        value = self._fields.get(name)
        if value is None:
            return otherwise
        if type(value) is int:
            value = numbers.get(value)
        if not isinstance(value, str) or value not in names:
            raise self._wrong(name, f"one of {', '.join(names)}")
        return value

    def _text(self, name: str, value: Any) -> str:
        if isinstance(value, str | int | float):
            return str(value)
        raise self._wrong(name, "a text")

    def _wrong(self, name: str, wanted: str) -> SourceError:
        return SourceError(f"{self._path} is damaged: '{name}' is not {wanted}.")
