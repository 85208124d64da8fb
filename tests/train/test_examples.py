"""The example scripts run unmodified, and docs/training.md shows how they differ."""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import mlflow
import pytest
import torch
import typer
from conftest import Server

from trackside.cli import data, train
from trackside.train.mobilenet import MobileNetV2

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples/food11"
SHIM = Path(__file__).with_name("torchvision_shim.py")
EPOCH = re.compile(r"epoch 1 \{'train_loss': [\d.]+, 'train_accuracy': [\d.]+, 'val_loss': [\d.]+, ")


@pytest.fixture(scope="module")
def torch_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A torch cache that already has the file which torchvision would download."""
    home = tmp_path_factory.mktemp("torch")
    checkpoints = home / "hub/checkpoints"
    checkpoints.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(MobileNetV2().state_dict(), checkpoints / "mobilenet_v2-7ebf99e0.pth")
    return home


def example(name: str, images: Path, torch_home: Path, folder: Path, **variables: str) -> str:
    """What the script prints for one epoch."""
    if find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    env = {**kept, "FOOD11_DATA_DIR": str(images), "TORCH_HOME": str(torch_home), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, SHIM, EXAMPLES / name, "--epochs", "1"],
        cwd=folder,
        env={**env, **variables},
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert EPOCH.search(run.stdout), run.stdout
    return run.stdout


def test_baseline(smallest: Path, torch_home: Path, tmp_path: Path) -> None:
    printed = example("baseline.py", smallest, torch_home, tmp_path)
    assert re.search(r"test loss \d+\.\d+, test accuracy 0\.\d+", printed)
    state = torch.load(tmp_path / "food11.pth", weights_only=True)
    assert state["classifier.1.weight"].shape == (11, 1280)


def test_train(server: Server, smallest: Path, torch_home: Path, tmp_path: Path) -> None:
    example("train.py", smallest, torch_home, tmp_path, MLFLOW_TRACKING_URI=server.url)
    client = mlflow.MlflowClient(server.url)
    experiment = client.get_experiment_by_name("food11")
    # The command's tests leave runs in this experiment too; this script's is the one that names its data_dir.
    (run,) = client.search_runs([experiment.experiment_id], f"params.data_dir = '{smallest}'")
    assert run.info.status == "FINISHED"
    assert run.data.params["head_lr"] == "0.0001"
    assert set(run.data.metrics) >= {
        "epoch_time",
        "train_loss",
        "val_accuracy",
        "trainable_params",
        "test_accuracy",
    }
    assert [file.path for file in client.list_artifacts(run.info.run_id) if not file.is_dir] == [
        "gpu-info.txt"
    ]
    model = client.search_logged_models([experiment.experiment_id])[0]
    assert (model.name, model.source_run_id) == ("food11", run.info.run_id)


def test_help_needs_no_server(tmp_path: Path) -> None:
    if find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    away = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    run = subprocess.run(
        [sys.executable, SHIM, EXAMPLES / "train.py", "--help"],
        cwd=tmp_path,
        env=os.environ | away,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stdout[:6]) == (0, "usage:"), run.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["baseline.py", "train.py"])
def test_data_is_looked_for_where_the_command_looks(name: str) -> None:
    found = re.search(r'environ\.get\("FOOD11_DATA_DIR", "(.+?)"\)', (EXAMPLES / name).read_text())
    assert found
    for app in (train.app, data.app):
        options = typer.main.get_command(app).commands["food11"].params  # type: ignore[attr-defined]
        (option,) = [o for o in options if "FOOD11_DATA_DIR" in (o.envvar or ())]
        assert option.default == Path(found[1])


def test_tracking_is_all_that_differs() -> None:
    before, after = ((EXAMPLES / name).read_text() for name in ("baseline.py", "train.py"))
    assert "trackside" not in after.replace("`trackside data food11`", "")
    removed = [line[1:] for line in _diff(before, after) if line.startswith("-")]
    assert removed == [
        '"""Fine-tune MobileNetV2 on Food-11: first its head, then the whole network.',
        '    torch.save(best_state, "food11.pth")',
        "    train(config)",
    ]


def test_the_docs_show_the_difference() -> None:
    shown = re.search(r"```diff\n(.*?)```", (ROOT / "docs/training.md").read_text(), re.DOTALL)
    assert shown, "docs/training.md has no diff"
    before, after = ((EXAMPLES / name).read_text() for name in ("baseline.py", "train.py"))
    expected = "\n".join(_diff(before, after, context=1)) + "\n"
    assert shown[1] == expected, f"put this into docs/training.md:\n{expected}"


def _diff(before: str, after: str, context: int = 0) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=context, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++"))]
