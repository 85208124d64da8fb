"""`trackside train`: run the recipe, tracked by MLflow's client."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from trackside.train.loop import Result
    from trackside.train.mlflow_run import MlflowTracker

app = typer.Typer(help="Train the worked example.", no_args_is_help=True)

INTERRUPTED = 130  # exit code, as shells give it for Ctrl-C
# What makes a run, apart from the settings of the training itself.
ABOUT_THE_RUN = (
    "preset",
    "experiment",
    "run_name",
    "register",
    "tracking_uri",
    "no_track",
    "save",
    "as_json",
)


@app.callback()
def group() -> None:
    """Train the worked example."""


def setting(variable: str, text: str, default: object = None, *names: str) -> Any:
    """An option of the training. Its value is None when not given, so that a preset can set it."""
    shown = False if default is None else str(default)
    return typer.Option(*names, help=text, show_default=shown, envvar=f"TRACKSIDE_TRAIN_{variable}")


@app.command()
def food11(
    context: typer.Context,
    *,
    data: Annotated[
        Path,
        typer.Option(
            envvar=["TRACKSIDE_TRAIN_DATA", "FOOD11_DATA_DIR"],
            help="Folder with training, validation and evaluation, as `trackside data` makes it.",
        ),
    ] = Path("data/food11"),
    preset: Annotated[
        str | None, setting("PRESET", "Settings that go together: demo (minutes on a CPU).")
    ] = None,
    weights: Annotated[
        str | None,
        setting("WEIGHTS", "imagenet, imagenet-v1, package, none, a file or an artifact URI.", "imagenet"),
    ] = None,
    weights_sha256: Annotated[
        str | None, setting("WEIGHTS_SHA256", "SHA-256 that the weights file must have.")
    ] = None,
    epochs: Annotated[int | None, setting("EPOCHS", "Epochs at most, of both phases.", 20)] = None,
    head_epochs: Annotated[
        int | None, setting("HEAD_EPOCHS", "Of these, with the backbone frozen.", 5)
    ] = None,
    head_lr: Annotated[float | None, setting("HEAD_LR", "Learning rate while it is frozen.", 1e-4)] = None,
    lr: Annotated[float | None, setting("LR", "Learning rate of the whole network.", 1e-5)] = None,
    batch_size: Annotated[int | None, setting("BATCH_SIZE", "Images of one step.", 32)] = None,
    patience: Annotated[
        int | None, setting("PATIENCE", "Stop after so many epochs without a lower val_loss.", 5)
    ] = None,
    dropout: Annotated[float | None, setting("DROPOUT", "Before the head.", 0.5)] = None,
    image_size: Annotated[int | None, setting("IMAGE_SIZE", "Height and width in pixels.", 224)] = None,
    num_workers: Annotated[
        int | None, setting("NUM_WORKERS", "Processes that load images; 0 is none.", 0)
    ] = None,
    head_batchnorm: Annotated[
        str | None,
        setting(
            "HEAD_BATCHNORM",
            "BatchNorm of the frozen backbone: frozen (pretrained statistics) or train (each batch's own).",
            "frozen",
        ),
    ] = None,
    precision: Annotated[str | None, setting("PRECISION", "float32 or bfloat16.", "float32")] = None,
    memory_format: Annotated[
        str | None, setting("MEMORY_FORMAT", "contiguous or channels_last.", "contiguous")
    ] = None,
    device: Annotated[str | None, setting("DEVICE", "auto, cpu, cuda, cuda:1, mps.", "auto")] = None,
    seed: Annotated[int | None, setting("SEED", "Of everything random.", 42)] = None,
    deterministic: Annotated[
        bool | None,
        setting(
            "DETERMINISTIC", "Refuse operations that may differ between two runs.", None, "--deterministic"
        ),
    ] = None,
    experiment: Annotated[
        str,
        typer.Option(
            envvar=["TRACKSIDE_EXPERIMENT", "MLFLOW_EXPERIMENT_NAME"], help="Experiment of the run."
        ),
    ] = "food11",
    run_name: Annotated[
        str | None, typer.Option(envvar=["TRACKSIDE_RUN_NAME", "MLFLOW_RUN_NAME"], help="Name of the run.")
    ] = None,
    register: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", envvar="TRACKSIDE_TRAIN_REGISTER", help="Register the best model under this name."
        ),
    ] = None,
    tracking_uri: Annotated[
        str,
        typer.Option(
            envvar=["TRACKSIDE_TRACKING_URI", "MLFLOW_TRACKING_URI"], help="Where the run is recorded."
        ),
    ] = "http://127.0.0.1:8000",
    no_track: Annotated[
        bool, typer.Option("--no-track", envvar="TRACKSIDE_TRAIN_NO_TRACK", help="Record nothing.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="TRACKSIDE_TRAIN_SAVE",
            help="Keep the best model so far in this .pth file.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", envvar="TRACKSIDE_TRAIN_JSON", help="Print the result as JSON.")
    ] = False,
) -> None:
    """Fine-tune MobileNetV2 on Food-11: its head first, then the whole network, the best epoch kept.

    Ctrl-C ends the run as KILLED; what was logged stays.
    """
    asked = dict(locals())
    about = ("context", *ABOUT_THE_RUN)
    given = {name: value for name, value in asked.items() if value is not None and name not in about}
    with _errors():
        from trackside.data.progress import on_stderr
        from trackside.train.loop import prepare, train
        from trackside.train.presets import resolve
        from trackside.train.tracking import sign_in

        console = on_stderr()
        # What is refused here leaves no failed run behind.
        settings = resolve(given, preset)
        if no_track:
            _refuse_given(context, "register", "run_name")
        if save:
            _require_writable(save)
        tracking_uri = sign_in(tracking_uri)
        prepared = prepare(settings, console, tracking_uri)
        # Standard output is for the result alone; MLflow prints there too.
        with contextlib.redirect_stdout(sys.stderr), contextlib.ExitStack() as stack:
            tracker = None
            if not no_track:
                from trackside.train.mlflow_run import RunOptions, mlflow_run

                options = RunOptions(tracking_uri, experiment, run_name, register)
                tracker = stack.enter_context(mlflow_run(options, console.note))
                console.note(f"run {tracker.run_id} in experiment {experiment} at {tracking_uri}")
            result = train(prepared, tracker, console, save)
    _print(result, tracker, register, as_json=as_json)


def _refuse_given(context: typer.Context, *names: str) -> None:
    """Options that --no-track leaves without effect; their variables may well be there for other runs."""
    from trackside.train.errors import SettingsError

    for name in names:
        source = context.get_parameter_source(name)
        if source and source.name == "COMMANDLINE":
            option = name.replace("_", "-")
            raise SettingsError(f"--{option} has no effect with --no-track: leave one out")


def _require_writable(save: Path) -> None:
    from trackside.train.errors import TrainingError

    folder = save.absolute().parent
    if not folder.is_dir():
        raise TrainingError(f"--save {save}: {folder} is not a folder; make it first")
    if save.is_dir():
        raise TrainingError(f"--save {save} is a folder; name a file in it")
    if not os.access(folder, os.W_OK):
        raise TrainingError(f"--save {save}: no permission to write to {folder}")


@contextmanager
def _errors() -> Iterator[None]:
    """Turn what can go wrong into a line on standard error and an exit code."""
    # SIGINT is ignored in what a script starts in the background; SIGTERM should end a run as orderly.
    before = {n: signal.signal(n, signal.default_int_handler) for n in (signal.SIGINT, signal.SIGTERM)}
    # torch's threads otherwise spin while they wait for each other: beside loader workers, a server or a
    # browser on the same cores that was measured to be 5 times slower. Read when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # MLflow's client would retry for four minutes. Metrics that cannot be sent are kept and sent later.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "4")
    from trackside.train.errors import SettingsError, TrainingError

    try:
        yield
    except TrainingError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, SettingsError) else 1) from error
    except ModuleNotFoundError as missing:
        typer.echo(f"Error: training needs {missing.name}: pip install 'trackside[train]'", err=True)
        raise typer.Exit(1) from missing
    except KeyboardInterrupt:
        typer.echo("\nInterrupted. What was logged is kept.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print(result: Result, tracker: MlflowTracker | None, register: str | None, *, as_json: bool) -> None:
    if as_json:
        facts = dataclasses.asdict(result)
        if tracker:
            facts |= {"run_id": tracker.run_id, "experiment_id": tracker.experiment_id}
            facts |= {"model": register, "model_version": tracker.model_version}
        typer.echo(json.dumps(facts, indent=2))
        return
    stopped = ", stopped early" if result.early_stopping_epoch else ""
    typer.echo(
        f"test accuracy {result.test_accuracy:.3f}, test loss {result.test_loss:.4f}: the model of epoch "
        f"{result.best_epoch} of {result.epochs}{stopped}; weights: {result.weights}; {result.seconds:.1f} s"
    )
    if tracker and register:
        typer.echo(f"registered as {register} version {tracker.model_version}")
