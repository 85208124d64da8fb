"""At the end of the suite: enough was compared, and every intended difference was met."""

from pathlib import Path

import intended
import pytest
from pair import Ledger

AT_LEAST = 2000


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
    assert [entry.name for entry in intended.TABLE if not whole.met[entry.name]] == []


def test_names_are_unique() -> None:
    names = [entry.name for entry in intended.TABLE]
    assert len(names) == len(set(names))
