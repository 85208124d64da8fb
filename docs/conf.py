"""How Sphinx builds the pages of docs/ and those beside it into a site: `scripts/docs build`.

The pages are plain Markdown, which reads as well where the code is hosted: nothing in them is for Sphinx. Sources are
taken from the root of the checkout, so that a link such as `../CONTRIBUTING.md` is right in both.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]

project = "Trackside"
author = "Trackside's contributors"
version = release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md", "deploy/README.md"]
# Not looked into at all: what is large.
exclude_patterns = [".*", "ui", "src", "tests", "benchmarks", "docs/_build", "trackside-data", "demo-data"]

html_theme = "furo"
html_title = f"Trackside {version}"
html_show_sphinx = False
html_copy_source = False
pygments_style = "friendly"
pygments_dark_style = "monokai"

myst_heading_anchors = 4  # as code hosts name them


def pages(index: str) -> list[str]:
    """The pages that the index links to, in its order, as Sphinx names them; then those that lie beside docs/."""
    linked = re.findall(r"\]\(([\w./-]+)\.md\)", index)
    named = [(Path("docs") / name).as_posix() for name in linked]
    named = [re.sub(r"^docs/\.\./", "", name) for name in named]
    beside = [path.relative_to(ROOT).with_suffix("").as_posix() for path in sorted(ROOT.glob("*.md"))]
    return list(dict.fromkeys([*named, *beside, "deploy/README"]))


def add_contents(app: Sphinx, name: str, source: list[str]) -> None:
    """The list of pages beside each page, from the index's own list."""
    if name == app.config.root_doc:
        entries = "\n".join(f"/{page}" for page in pages(source[0]))
        source[0] += f"\n```{{toctree}}\n:hidden:\n\n{entries}\n```\n"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", add_contents)
    return {"parallel_read_safe": True}
