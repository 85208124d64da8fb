"""`trackside data`: prepare the Food-11 data set, or make its small stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trackside.data.report import Report

app = typer.Typer(help="Prepare data sets.", no_args_is_help=True)

AsJson = Annotated[
    bool, typer.Option("--json", envvar="TRACKSIDE_DATA_JSON", help="Print the report as JSON.")
]


class Pictures(StrEnum):
    """What `mini` composes its photos from."""

    auto = "auto"
    glyphs = "glyphs"
    shapes = "shapes"


@app.command()
def food11(
    *,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URL|ZIP|FOLDER",
            envvar="TRACKSIDE_FOOD11_FROM",
            help="Where the images are. Without it, what is in --to is organised and checked.",
        ),
    ] = None,
    target: Annotated[
        Path,
        typer.Option(
            "--to", envvar=["TRACKSIDE_FOOD11_TO", "FOOD11_DATA_DIR"], help="The folder to prepare."
        ),
    ] = Path("data/food11"),
    sha256: Annotated[
        str | None,
        typer.Option(
            metavar="HEX", envvar="TRACKSIDE_FOOD11_SHA256", help="SHA-256 that the archive must have."
        ),
    ] = None,
    allow_partial: Annotated[
        bool,
        typer.Option(
            "--allow-partial",
            envvar="TRACKSIDE_FOOD11_ALLOW_PARTIAL",
            help="Exit with 0 even if the counts are not those published.",
        ),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            envvar="TRACKSIDE_FOOD11_VERIFY",
            help="Read every image of a prepared folder; take those that have changed from the source again.",
        ),
    ] = False,
    refetch: Annotated[
        bool,
        typer.Option(
            "--refetch",
            envvar="TRACKSIDE_FOOD11_REFETCH",
            help="Take everything from the source again, even if the folder was prepared from it.",
        ),
    ] = False,
    keep_archive: Annotated[
        bool,
        typer.Option(
            "--keep-archive",
            envvar="TRACKSIDE_FOOD11_KEEP_ARCHIVE",
            help="Keep a downloaded archive afterwards.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch, check and organise Food-11 into training|validation|evaluation/class_NN/.

    Run it again after an interruption and it goes on; run it on a finished folder and it only looks.
    """
    from trackside.data import food11 as data

    with _errors():
        report = data.prepare(
            source,
            target,
            sha256=sha256,
            verify=verify,
            refetch=refetch,
            keep_archive=keep_archive,
        )
    _print(report, as_json=as_json)
    if not report.complete and not allow_partial:
        typer.echo(
            "The counts are not those published. If that is what you want, add --allow-partial; "
            "if the source is another by now, --refetch.",
            err=True,
        )
        raise typer.Exit(1)


@app.command()
def mini(
    *,
    target: Annotated[
        Path, typer.Option("--to", envvar="TRACKSIDE_MINI_TO", help="The folder to make the images in.")
    ] = Path("data/mini"),
    seed: Annotated[
        int, typer.Option(envvar="TRACKSIDE_MINI_SEED", help="The same seed makes the same images.")
    ] = 0,
    per_class: Annotated[
        str,
        typer.Option(
            metavar="N,N,N",
            envvar="TRACKSIDE_MINI_PER_CLASS",
            help="Images of each class for training, validation and evaluation.",
        ),
    ] = "60,20,20",
    size: Annotated[
        int, typer.Option(envvar="TRACKSIDE_MINI_SIZE", help="The longer side of the images, in pixels.")
    ] = 512,
    pictures: Annotated[
        Pictures,
        typer.Option(
            envvar="TRACKSIDE_MINI_PICTURES",
            help="Food glyphs fetched with npm, shapes drawn here, or auto: glyphs if they can be had.",
        ),
    ] = Pictures.auto,
    cache: Annotated[
        Path | None,
        typer.Option(
            envvar="TRACKSIDE_CACHE_DIR",
            help="Where fetched packages are kept.",
            show_default="~/.cache/trackside",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a small stand-in for Food-11: same classes, folders and names, from made-up photos."""
    from trackside.data import mini as data

    counts = per_class.split(",")
    if len(counts) != 3 or not all(count.strip().isdigit() for count in counts):
        raise typer.BadParameter(
            f"three numbers such as 60,20,20, not '{per_class}'", param_hint="--per-class"
        )
    training, validation, evaluation = map(int, counts)
    with _errors():
        report = data.make(
            target,
            seed=seed,
            per_class=(training, validation, evaluation),
            size=size,
            pictures=pictures.value,
            cache=cache,
        )
    _print(report, as_json=as_json)
    if not report.complete:
        raise typer.Exit(1)


@contextmanager
def _errors() -> Iterator[None]:
    from trackside.data.errors import DataError, OptionsError

    try:
        yield
    except DataError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, OptionsError) else 1) from error
    except KeyboardInterrupt:
        typer.echo("\nInterrupted. What is done is kept: run the same command again to go on.", err=True)
        raise typer.Exit(130) from None


def _print(report: Report, *, as_json: bool) -> None:
    typer.echo(json.dumps(report.as_dict(), indent=2) if as_json else report.text())
