"""Which runs are due to be looked at, from what they were seen to log."""

from __future__ import annotations

import pytest

from trackside.core import tails as module
from trackside.core.tails import Tails


@pytest.fixture
def clock(monkeypatch):
    """Seconds that the test sets."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def taken(tails):
    found = tails.take()
    return found and found[0]


def test_many_points_or_many_requests_make_a_run_due(clock):
    tails = Tails()
    tails.grew(1, 65_535)
    assert taken(tails) is None
    tails.grew(1, 1)
    assert taken(tails) == 1
    assert taken(tails) is None
    for _ in range(1_999):
        tails.grew(2, 1)
    assert taken(tails) is None
    tails.grew(2, 1)
    assert taken(tails) == 2


def test_a_run_that_was_quiet_is_due(clock):
    tails = Tails()
    assert tails.wait_seconds() is None
    tails.grew(1, 1)
    clock[0] += 29
    assert taken(tails) is None
    assert tails.wait_seconds() == pytest.approx(1)
    clock[0] += 1
    assert taken(tails) == 1
    assert tails.wait_seconds() is None


def test_a_run_of_very_many_metrics_waits_for_more(clock):
    tails = Tails()
    tails.grew(1, 70_000)
    run, tail = tails.take()
    tails.grew(run, 10)
    tails.too_wide(run, tail)
    tails.grew(1, 262_144 - 70_011)
    assert taken(tails) is None
    tails.grew(1, 1)
    assert taken(tails) == 1


def test_a_run_that_has_ended_is_due_at_once(clock):
    tails = Tails()
    tails.grew(1, 1)
    tails.look(1)
    tails.look(7)
    assert {taken(tails), taken(tails)} == {1, 7}
    assert tails.woken.is_set()
