"""At the end of the suite: enough was compared, and every intended difference was met."""

from pathlib import Path

import intended
import pytest
from mutations import mutated
from pair import Ledger

AT_LEAST = 2000
# Changes that an entry means to excuse.
ALSO_MEANT = {
    "wrong types": "MLflow",  # it answers whatever it had read before; ours is held against the request
    "more filters": "changed over",  # what MLflow alone refuses
}


@pytest.fixture
def whole(ledger: Ledger) -> Ledger:
    """The ledger when every module of the suite has run."""
    modules = {path.stem for path in Path(__file__).parent.glob("test_diff_*.py")}
    if not modules <= ledger.modules:
        pytest.skip(f"only a part of the suite ran, without {sorted(modules - ledger.modules)}")
    return ledger


def test_enough_was_compared(whole: Ledger) -> None:
    assert sum(whole.compared.values()) >= AT_LEAST


def test_every_intended_difference_was_met(whole: Ledger) -> None:
    possible = [entry.name for entry in intended.TABLE if entry.is_possible]
    assert [name for name in possible if not whole.met[name]] == []


def test_nothing_else_would_have_been_excused_where_something_was(ledger: Ledger) -> None:
    """With another answer of ours, with the two changed over, of another request: not an intended difference."""
    wrong = [
        f"{entry.name}, {change}: {ask}\n  MLflow {theirs}\n  Trackside {ours}"
        for excused in ledger.excused
        for change, (ask, theirs, ours) in mutated(*excused)
        for entry in intended.ANSWERS
        if entry.allows(ask, theirs, ours) and not change.startswith(ALSO_MEANT.get(entry.name, "never"))
    ]
    assert not wrong, "\n".join(wrong)


def test_names_are_unique() -> None:
    names = [entry.name for entry in intended.TABLE]
    assert len(names) == len(set(names))
