"""The architecture as tests: who may import whom, how long things may be, what no file may contain."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"

# --- imports point one way ---------------------------------------------------

BASE = {"model", "errors", "config", "patterns", "words"}
STORAGE = {"filters", "store", "blobs"}
TRAINER_SIDE = {"train", "data", "observe"}  # runs where the training runs: nothing of the server
COMMANDS = {"cli", "stack", "sync", "importers"}  # may use every part, but only inside a function

# Each part of the package and what it may import of ours, besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    **{part: set() for part in BASE},
    **dict.fromkeys(STORAGE, BASE),
    "core": BASE | STORAGE,
    "server": {"core", "model", "errors", "config"},  # config: the type of the settings passed to it
    "monitor": {"model"},
    "doctor": {"model"},
    "__main__": {"cli"},
    **dict.fromkeys(TRAINER_SIDE, BASE | TRAINER_SIDE),
    "notebook": set(),  # runs in anybody's kernel: the standard library and IPython
}


def part_of(module: str) -> str | None:
    """`trackside.store.sqlite` -> `store`; None for what is not ours and for the package itself."""
    names = module.split(".")
    return names[1] if names[0] == "trackside" and len(names) > 1 else None


def imported_modules(node: ast.AST, package: str) -> Iterator[str]:
    """Full names of the modules that an import statement brings in; `package` resolves relative ones."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parents = package.split(".")
        start = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
        module = ".".join(filter(None, [start, node.module]))
        # `from trackside import store` names a part; `from trackside import __version__` does not.
        if module == "trackside":
            yield from (f"trackside.{alias.name}" for alias in node.names if not alias.name.startswith("__"))
        else:
            yield module


def is_not_run_on_import(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def imports(source: str, package: str) -> Iterator[tuple[int, str, bool]]:
    """(line, part of ours, waits for a function to be called) of every import of ours in a module."""
    tree = ast.parse(source)
    inside = {child for node in ast.walk(tree) if is_not_run_on_import(node) for child in ast.walk(node)}
    for node in ast.walk(tree):
        for module in imported_modules(node, package):
            if part := part_of(module):
                yield node.lineno, part, node in inside


def broken_imports(source: str, path: str) -> list[str]:
    """What a module at `path` (relative to src/) imports against the rule."""
    names = path.removesuffix(".py").split("/")
    part, package = part_of(".".join(names)), ".".join(names[:-1])
    if part is None or part == "__init__":
        return [
            f"{path}:{line} imports {other}"
            for line, other, inside in imports(source, package)
            if not (inside and other == "notebook")  # for trackside.show
        ]
    if part in COMMANDS:
        return [
            f"{path}:{line} imports {other} outside a function"
            for line, other, inside in imports(source, package)
            if not inside and other not in {part, "errors"}
        ]
    if part not in MAY_IMPORT:
        return [f"{path}: no import rule for the part {part!r}: add one to tests/test_layout.py"]
    allowed = MAY_IMPORT[part] | {part}
    return [f"{path}:{line} imports {o}" for line, o, _ in imports(source, package) if o not in allowed]


def test_imports_point_one_way() -> None:
    paths = sorted((SRC / "trackside").rglob("*.py"))
    assert paths
    broken = [m for p in paths for m in broken_imports(p.read_text(), p.relative_to(SRC).as_posix())]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("trackside/store/sqlite.py", "from trackside.core import runs"),
        ("trackside/store/sqlite.py", "def f():\n    import trackside.server.app"),
        ("trackside/store/sqlite.py", "from ..core import runs"),
        ("trackside/store/sqlite.py", "from trackside import core"),
        ("trackside/server/native/runs.py", "from trackside.store import database"),
        ("trackside/train/loop.py", "def f():\n    from trackside.core import runs"),
        ("trackside/model.py", "from trackside.errors import NotFound"),
        ("trackside/cli/server.py", "from trackside.server import app"),
        ("trackside/unheard_of.py", ""),
        ("trackside/__init__.py", "from . import model"),
        ("trackside/__init__.py", "from trackside.notebook import view"),
        ("trackside/notebook/view.py", "from trackside.errors import NotFound"),
    ],
)
def test_a_forbidden_import_is_found(path: str, source: str) -> None:
    assert broken_imports(source, path)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("trackside/store/sqlite.py", "from trackside.store import schema\nfrom . import database"),
        ("trackside/core/runs.py", "from trackside import __version__, errors"),
        ("trackside/cli/server.py", "def f():\n    from trackside.server import app"),
        ("trackside/cli/data.py", "if TYPE_CHECKING:\n    from trackside.data.report import Report"),
        ("trackside/train/loop.py", "import torch"),
        ("trackside/__init__.py", "def f():\n    from trackside.notebook import view"),
    ],
)
def test_an_allowed_import_is_left_alone(path: str, source: str) -> None:
    assert broken_imports(source, path) == []


@pytest.mark.parametrize("module", ["trackside", "trackside.cli.app"])
def test_import_is_light(module: str) -> None:
    heavy = (
        "{'torch', 'numpy', 'mlflow', 'starlette', 'uvicorn', 'h5py', 'PIL', 'sqlite3', 'asyncio', 'IPython'}"
    )
    code = f"import sys, {module}; print(*sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.split(), run.stderr) == (0, [], "")


# --- sizes -------------------------------------------------------------------

MODULE_LINES = 400
FUNCTION_LINES = 40

# Longer ones, by name, each with its reason.
LONG_MODULES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


@cache
def repository_files() -> list[Path]:
    """Every file that is, or is about to be, in the repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def files(*suffixes: str) -> dict[str, str]:
    """Path relative to the root -> text, of the repository's files with one of these suffixes."""
    return {p.relative_to(ROOT).as_posix(): p.read_text() for p in repository_files() if p.suffix in suffixes}


def function_lengths(path: str, source: str) -> Iterator[tuple[str, int]]:
    """(path::name, lines of its body) of each function; the signature and the docstring are no logic."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
            yield f"{path}::{node.name}", (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_modules_stay_under_400_lines() -> None:
    sizes = {path: text.count("\n") for path, text in files(".py", ".ts", ".tsx", ".css").items()}
    long = {path: lines for path, lines in sizes.items() if lines > MODULE_LINES}
    assert set(long) == set(LONG_MODULES), f"split these by noun: {long}"


def test_functions_stay_under_40_lines() -> None:
    lengths = [found for path, text in files(".py").items() for found in function_lengths(path, text)]
    long = {name: lines for name, lines in lengths if lines > FUNCTION_LINES}
    assert set(long) == set(LONG_FUNCTIONS), f"split these: {long}"


def test_length_is_that_of_the_body() -> None:
    source = (
        'def f(\n    a,\n):\n    """One.\n\n    Two.\n    """\n    if a:\n        return 1\n    return 2\n'
    )
    assert dict(function_lengths("m.py", source)) == {"m.py::f": 3}


# --- what no file may contain ------------------------------------------------

# A path of one machine, or the host of a package registry: which one is used is the machine's own setting.
FORBIDDEN = re.compile(
    r"(?<![\w.~-])/(?:work|root|opt/wheels|opt/pypi|home/\w+)/"
    r"|pypi\.org|files\.pythonhosted\.org|registry\.npmjs\.org|registry\.yarnpkg\.com"
    r"|deb\.debian\.org|download\.pytorch\.org/whl"
)


def test_no_file_names_a_machine_path_or_a_registry() -> None:
    found = []
    for path in repository_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:  # a picture
            continue
        found += [f"{path.relative_to(ROOT)}: {hit.group()}" for hit in FORBIDDEN.finditer(text)]
    assert not found, "\n".join(found)


def test_no_large_file() -> None:
    large = [p.relative_to(ROOT).as_posix() for p in repository_files() if p.stat().st_size > 1_000_000]
    assert not large


def test_every_script_can_be_run() -> None:
    scripts = [p for p in (ROOT / "scripts").iterdir() if p.is_file() and not p.suffix]
    assert [p.name for p in (*scripts, ROOT / ".ci/run") if not p.stat().st_mode & 0o100] == []
