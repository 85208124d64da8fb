"""The pages build into a site without a warning: links between them and to headings lead somewhere, code is highlighted."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def build(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """What `scripts/docs build` runs, on a checkout at `root`."""
    (line,) = [line for line in (ROOT / "scripts/docs").read_text().splitlines() if "-m sphinx" in line]
    words = [{"$python": sys.executable, "$site": str(site)}.get(word, word) for word in shlex.split(line)]
    return subprocess.run(words, cwd=root, capture_output=True, text=True, check=False, timeout=100)


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    done = build(ROOT, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    pages = {path.relative_to(tmp_path).with_suffix(".md") for path in tmp_path.rglob("*.html")}
    sources = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "deploy/README.md"]
    missing = {path.relative_to(ROOT) for path in sources if "_build" not in path.parts} - pages
    assert missing == set()
    contents = (tmp_path / "docs/index.html").read_text()
    assert 'href="server.html"' in contents
    assert 'href="../CONTRIBUTING.html"' in contents


BROKEN = {
    "[a](none.md)": "none.md",
    "[a](quickstart.md#nowhere)": "'docs/quickstart': 'nowhere'",
    "[a](#elsewhere)": "'elsewhere'",
    "[a](../none.txt)": "../none.txt",
    "![a](images/none.png)": "images/none.png",
    "#### Skips two levels": "Non-consecutive header level",
}


def test_what_is_broken_is_found(tmp_path: Path) -> None:
    for name in ("docs/conf.py", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("docs/quickstart.md", "docs/forgotten.md", "deploy/README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("# A page\n")
    text = "\n\n".join(["# Index", "[a](quickstart.md)", *BROKEN])
    (tmp_path / "docs/index.md").write_text(text)
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert [said for said in BROKEN.values() if said not in done.stderr] == [], done.stderr
    assert "forgotten.md: WARNING: document isn't included in any toctree" in done.stderr
