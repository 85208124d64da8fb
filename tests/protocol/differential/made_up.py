"""Requests that Hypothesis makes up: how many, from which seed, and how one is told that finds a difference.

In CI the same ones each time; TRACKSIDE_TEST_DIFFERENTIAL=long makes up twenty times as many, others each time, or
those of `--hypothesis-seed`.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, settings
from pair import Pair

IS_LONG = os.environ.get("TRACKSIDE_TEST_DIFFERENTIAL") == "long"


def made_up(max_examples: int) -> settings:
    """Settings for so many examples."""
    return settings(
        max_examples=max_examples,
        stateful_step_count=50,
        derandomize=not IS_LONG,
        database=None,
        deadline=None,
        phases=[Phase.generate],  # shrinking asks MLflow for many minutes, and a step names what differs
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def seed_of(config: pytest.Config) -> int | None:
    """What the examples are made of; None for those of CI. What the servers answer changes no example."""
    given = config.getoption("hypothesis_seed", None)
    if given not in (None, "random"):
        return int(given)
    return secrets.randbits(64) if IS_LONG else None


@contextmanager
def told(pair: Pair, seed: int | None) -> Iterator[None]:
    """Say at once what went wrong, after which requests, and how to ask them again.

    Hypothesis asks a second time before it reports, and then has little to say of what does not come again.
    """
    try:
        yield
    except Exception as error:
        variable = "TRACKSIDE_TEST_DIFFERENTIAL=long " if IS_LONG else ""
        option = "" if seed is None else f" --hypothesis-seed={seed}"
        lines = [
            f"\n{type(error).__name__} in {pair.area}: {error}",
            "after:",
            *(f"  {step}" for step in pair.asked),
            f"again: {variable}pytest{option} (the same test)",
        ]
        pair.ledger.tell("\n".join(lines))
        raise
