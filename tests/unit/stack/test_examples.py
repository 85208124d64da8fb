"""The examples in JupyterLab's file browser are people's own from the moment they are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from trackside.stack import examples, jupyter


def test_an_example_is_put_there_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, notebooks = tmp_path / "package", tmp_path / "notebooks"
    (source / "notebooks").mkdir(parents=True)
    notebooks.mkdir()
    for name in ("changed.ipynb", "renamed.ipynb", "deleted.py", "notebooks/lab.py"):
        (source / name).write_text("first version")
    monkeypatch.setattr(examples, "examples_dir", lambda: source)
    jupyter._add_examples(notebooks)
    there = notebooks / "examples"
    assert (there / "notebooks/lab.py").read_text() == "first version"
    (there / "changed.ipynb").write_text("mine")
    (there / "renamed.ipynb").rename(there / "mine.ipynb")
    (there / "deleted.py").unlink()

    for name in ("changed.ipynb", "deleted.py", "new.ipynb"):  # a new version
        (source / name).write_text("second version")
    for _ in range(2):
        jupyter._add_examples(notebooks)
    found = {
        path.relative_to(there).as_posix(): path.read_text() for path in there.rglob("*") if path.is_file()
    }
    assert found == {
        "changed.ipynb": "mine", "mine.ipynb": "first version", "new.ipynb": "second version",
        "notebooks/lab.py": "first version",
    }  # fmt: skip

    (notebooks / ".trackside-examples").unlink()
    jupyter._add_examples(notebooks)
    assert (there / "deleted.py").read_text() == "second version"
