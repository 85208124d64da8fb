"""The lab's notebooks, from the first to the last, on a real server; and that they are committed without outputs."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import nbclient
import nbformat
import pandas as pd
import pytest
from conftest import Server
from nbformat import NotebookNode

from trackside.data import mini
from trackside.data.layout import CLASSES

FOLDER = Path(__file__).resolve().parents[2] / "examples/notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
CELL_S = 120

# A few small images: the story is the same, the accuracies say nothing.
QUICK = {
    "TRACKSIDE_LAB_IMAGES": "6",
    "TRACKSIDE_LAB_PIXELS": "64",
    "TRACKSIDE_LAB_EPOCHS": "2",
    "TRACKSIDE_LAB_WEIGHTS": "none",
    "OMP_NUM_THREADS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def printed(notebook: NotebookNode) -> str:
    """All text that the cells have printed or given back."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_has_no_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if cell.outputs or cell.execution_count is not None] == []
    assert "trackside" not in "".join(notebook.metadata), "nothing of the machine it was written on"


def test_one_core_leaves_no_choice_and_the_notebook_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    notebook = nbformat.read(FOLDER / "03_loader_workers.ipynb", as_version=4)
    (cell,) = [cell for cell in notebook.cells if cell.source.startswith("with_workers = ")]
    measured = pd.DataFrame({"num_workers": [0, 1, 2], "images_per_s": [9.0, 5.0, 7.0]})
    for cores, said in ((1, True), (2, False)):
        exec(cell.source, {"cores": cores, "measured": measured[: cores + 1]})
        told = capsys.readouterr().out
        assert f"{cores} cores; the fastest with workers: {cores}" in told
        assert ("no choice" in told) == said


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the folder, as `trackside up` puts one into JupyterLab."""
    folder = tmp_path_factory.mktemp("lab") / "notebooks"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return folder


def test_without_the_photos_it_says_what_to_run(lab: Path, tmp_path: Path) -> None:
    env = {**os.environ, "FOOD11_DATA_DIR": str(tmp_path / "my food")}
    command = [sys.executable, "-c", "import lab; lab.Training()"]
    done = subprocess.run(command, cwd=lab, env=env, capture_output=True, text=True, check=False)
    assert f"trackside data mini --to '{tmp_path}/my food'" in done.stderr


@pytest.fixture(scope="module")
def executed(server: Server, lab: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, NotebookNode]:
    """Every notebook, by its first two digits, with its outputs."""
    images = tmp_path_factory.mktemp("data") / "mini"
    mini.make(images, per_class=(8, 3, 3), size=128, pictures="shapes")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    env = {**kept, **QUICK, "MLFLOW_TRACKING_URI": server.url, "FOOD11_DATA_DIR": str(images)}
    done = {}
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        runner = nbclient.NotebookClient(
            notebook, timeout=CELL_S, kernel_name="python3", resources={"metadata": {"path": str(lab)}}
        )
        runner.execute(env=env)
        done[path.name[:2]] = notebook
    return done


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_story(executed: dict[str, NotebookNode], lab: Path, client: mlflow.MlflowClient) -> None:
    assert list(executed) == ["01", "02", "03", "04", "05", "06"]
    runs = mlflow.search_runs(experiment_names=["food11-lab"], order_by=["attributes.start_time ASC"])
    names = list(runs["tags.mlflow.runName"])
    assert (names[0], names[2:]) == ("baseline", ["lr-0.0003", "lr-3e-05"])
    assert names[1].startswith("workers-")
    assert set(runs["status"]) == {"FINISHED"}
    # A run of less than a second has no sample.
    assert runs["metrics.system/cpu_utilization_percentage"].notna().any()
    # Workers change the speed and no number.
    assert runs["metrics.val_loss"][0] == runs["metrics.val_loss"][1]

    version = client.get_model_version_by_alias("food11-lab", "champion")
    best = runs.loc[runs["metrics.val_accuracy"].idxmax()]
    assert runs.set_index("run_id")["metrics.val_accuracy"][version.run_id] == best["metrics.val_accuracy"]
    assert (version.version, version.current_stage) == ("1", "Production")
    assert version.tags == {"val_accuracy": f"{best['metrics.val_accuracy']:.3f}"}

    with (lab / "predictions.csv").open() as file:
        predictions = list(csv.DictReader(file))
    assert len(predictions) >= 11
    assert {row["predicted"] for row in predictions} <= set(CLASSES)
    assert {row["truth"] for row in predictions} == set(CLASSES)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_reader_sees_what_the_text_promises(executed: dict[str, NotebookNode]) -> None:
    assert printed(executed["01"]).count("test_accuracy") == 3
    tracked = printed(executed["02"])
    assert "run baseline" in tracked
    assert "FINISHED" in tracked
    assert "images_per_s" in printed(executed["03"])
    assert "food11-lab: " in printed(executed["04"])
    pictures = [
        o
        for cell in executed["06"].cells
        for o in cell.get("outputs", [])
        if "image/png" in o.get("data", {})
    ]
    assert len(pictures) == 1
