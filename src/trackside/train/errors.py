"""What the recipe raises on purpose: the message says what is wrong, where, and what to do."""

from __future__ import annotations


class TrainingError(Exception):
    """The recipe cannot start or go on; the message is meant for the user."""

    def __str__(self) -> str:
        # A DataLoader worker re-raises an error with its whole traceback as the message: what
        # the user needs is the line after the last mention of the class.
        return super().__str__().rsplit(f"{type(self).__name__}: ", 1)[-1].strip()


class SettingsError(TrainingError):
    """A run was asked for that makes no sense; the message names the options."""
