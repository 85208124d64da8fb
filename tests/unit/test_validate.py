"""What names are taken, the quick way and the thorough one."""

from itertools import product

import pytest

from trackside.core import validate
from trackside.errors import InvalidParameter


def test_what_is_good_at_a_glance_is_what_the_thorough_look_takes(monkeypatch):
    names = ["".join(letters) for length in range(6) for letters in product("a./ é%", repeat=length)]

    def taken() -> list[bool]:
        return [_is_taken(name) for name in names]

    quick = taken()
    monkeypatch.setattr(validate, "_PLAIN", validate.re.compile(r"(?!)"))
    assert quick == taken()
    assert any(quick)
    assert not all(quick)


@pytest.mark.parametrize("name", ["", ".", "..", "a//b", "a/", "/a", "./a", "a/../b", "..a", "a%", "a\n"])
def test_names_that_would_be_other_files_are_refused(name):
    assert not _is_taken(name)


def _is_taken(name: str) -> bool:
    try:
        validate.key(name, "key", "Param")
    except InvalidParameter:
        return False
    return True
