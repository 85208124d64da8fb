"""A result as Markdown: `python -m benchmarks.report RESULT.json [--docs]`.

With --docs each part that the result has replaces, in docs/benchmarks.md, what stands between the two comments of its
name: `<!-- benchmarks: compare -->` and `<!-- end of benchmarks: compare -->`.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from benchmarks import artifacts, compare, search, series_charts, series_size, soak
from benchmarks.peers import ROOT

# Part -> (its heading in a report, what makes lines of it).
PARTS = {
    "compare": ("Side by side", compare.lines),
    "search": ("Searches in large experiments, Trackside alone", search.lines),
    "charts": ("Charts of long series, Trackside alone", series_charts.lines),
    "size": ("Bytes for each point, Trackside alone", series_size.lines),
    "artifacts": ("Artifacts", artifacts.lines),
    "soak": ("A lab at work", soak.lines),
}
DOCS = ROOT / "docs" / "benchmarks.md"


def machine_line(about: dict[str, Any]) -> str:
    return (
        f"{about['processor']}, {about['cores']} cores, {about['memory_gb']} GB, Linux {about['kernel']}, Python "
        f"{about['python']}; load average before: {about['load_average'][0]}; {about['at']}."
    )


def section(result: dict[str, Any], part: str) -> str:
    return "\n".join([machine_line(result["machine"]), *PARTS[part][1](result[part])])


def markdown(result: dict[str, Any]) -> str:
    return "\n\n".join(f"## {PARTS[part][0]}\n\n{section(result, part)}" for part in PARTS if part in result)


def into_docs(result: dict[str, Any], page: str) -> str:
    """The page with the parts that the result has."""
    for part in PARTS:
        if part in result:
            begin, end = f"<!-- benchmarks: {part} -->", f"<!-- end of benchmarks: {part} -->"
            if begin not in page or end not in page:
                raise SystemExit(f"docs/benchmarks.md has no place for {part}: {begin} … {end}")
            before, _, rest = page.partition(begin)
            page = f"{before}{begin}\n\n{section(result, part)}\n\n{end}{rest.partition(end)[2]}"
    return page


def place(name: str) -> Path:
    """Where a result that begins now is to be written."""
    folder = ROOT / "benchmarks" / "results"
    folder.mkdir(exist_ok=True)
    return folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}.json"


def write(result: dict[str, Any], target: Path) -> None:
    """The result as JSON, and as Markdown beside it."""
    target.write_text(json.dumps(result, indent=1) + "\n")
    target.with_suffix(".md").write_text(markdown(result) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("result", type=Path)
    parser.add_argument("--docs", action="store_true", help="into docs/benchmarks.md instead of printing it")
    options = parser.parse_args()
    result = json.loads(options.result.read_text())
    if options.docs:
        DOCS.write_text(into_docs(result, DOCS.read_text()))
    else:
        print(markdown(result))


if __name__ == "__main__":
    main()
