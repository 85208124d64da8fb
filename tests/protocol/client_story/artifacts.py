"""Chapters about files: every log_* function, listing, and reading back what was stored, byte for byte."""

import hashlib
import os
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient

ODD_NAMES = ["with space.txt", "grüße-好.txt", "50%.txt", "plus+and&.txt", "a=b;c,d.txt", "dot.name.tar.gz"]


def digest(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def tree(root: str | Path) -> dict[str, int]:
    return {
        str(path.relative_to(root)): path.stat().st_size
        for path in sorted(Path(root).rglob("*"))
        if path.is_file()
    }


def listed(run_id: str, path: str | None = None) -> list[Any]:
    """[path, is a folder, size]; MLflow leaves the size of an empty file out, which clients show as None."""
    found = MlflowClient().list_artifacts(run_id, path)
    return [[item.path, item.is_dir, None if item.is_dir else item.file_size or 0] for item in found]


def logged_objects(folder: Path) -> dict[str, Any]:
    """log_text, log_dict, log_figure, log_table, log_image and what reads them."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt
    from PIL import Image

    mpl.use("Agg")

    mlflow.set_experiment("artifacts")
    figure, axes = plt.subplots()
    axes.plot([0, 1], [1, 0])
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    pixels[2:4] = 200
    with mlflow.start_run() as run:
        mlflow.log_text("<b>hello</b> ✓", "texts/page.html")
        mlflow.log_dict({"lr": 0.1, "layers": [1, 2]}, "config.json")
        mlflow.log_dict({"lr": 0.1}, "config.yaml")
        mlflow.log_figure(figure, "figures/loss.png")
        mlflow.log_image(pixels, "images/array.png")
        mlflow.log_image(Image.fromarray(pixels), "images/pil.png")
        for step in range(2):
            mlflow.log_image(pixels, key="sample", step=step)
        mlflow.flush_artifact_async_logging()
        mlflow.log_table({"label": ["soup", "rice"], "score": [0.5, 0.25]}, "table.json")
        mlflow.log_table(pd.DataFrame({"label": ["egg"], "score": [1.0]}), "table.json")
    uri = f"runs:/{run.info.run_id}"
    stepped = [path for path, _, _ in listed(run.info.run_id, "images") if "sample" in path]
    return {
        "text": mlflow.artifacts.load_text(f"{uri}/texts/page.html"),
        "json": mlflow.artifacts.load_dict(f"{uri}/config.json"),
        "figure": list(mlflow.artifacts.load_image(f"{uri}/figures/loss.png").size),
        "image": np.asarray(mlflow.artifacts.load_image(f"{uri}/images/array.png")).tolist()
        == pixels.tolist(),
        "stepped": sorted(Path(path).suffix for path in stepped),
        "table": mlflow.load_table("table.json", run_ids=[run.info.run_id]).to_dict("list"),
        "table_tag": MlflowClient().get_run(run.info.run_id).data.tags.get("mlflow.loggedArtifacts"),
        "top": [item[:2] for item in listed(run.info.run_id)],
    }


def files_and_folders(folder: Path) -> dict[str, Any]:
    mlflow.set_experiment("artifacts")
    source = folder / "source"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "deep" / "er" / "leaf.bin").write_bytes(bytes(range(256)))
    (source / "empty").write_bytes(b"")
    (source / "large.bin").write_bytes(os.urandom(1 << 20) * 24)
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(source / "empty"))
        mlflow.log_artifact(str(source / "deep" / "er" / "leaf.bin"), "copies")
        mlflow.log_artifact(str(source / "deep"), "as-folder")
        mlflow.log_artifacts(str(source), "all")
        mlflow.log_text("one", "copies/note.txt")
        mlflow.log_text("two, longer", "copies/note.txt")
    run_id = run.info.run_id
    whole = mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=str(folder / "got"))
    one = mlflow.artifacts.download_artifacts(f"runs:/{run_id}/all/large.bin", dst_path=str(folder / "one"))
    by_uri = mlflow.artifacts.download_artifacts(
        f"{run.info.artifact_uri}/copies", dst_path=str(folder / "uri")
    )
    return {
        "whole": tree(whole),
        "large": digest(one) == digest(source / "large.bin") == digest(Path(whole) / "all" / "large.bin"),
        "leaf": digest(Path(whole) / "all" / "deep" / "er" / "leaf.bin")
        == digest(source / "deep" / "er" / "leaf.bin"),
        "by_uri": tree(by_uri),
        "root": listed(run_id),
        "copies": listed(run_id, "copies"),
        "of_a_file": listed(run_id, "empty"),
        "missing": listed(run_id, "nothing/here"),
        "overwritten": mlflow.artifacts.load_text(f"runs:/{run_id}/copies/note.txt"),
    }


def odd_names(folder: Path) -> dict[str, Any]:
    mlflow.set_experiment("artifacts")
    for name in ODD_NAMES:
        (folder / name).write_text(f"in {name}", encoding="utf-8")
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(folder), "odd folder ü")
    answer: dict[str, object] = {
        "listed": sorted(path for path, _, _ in listed(run.info.run_id, "odd folder ü"))
    }
    read = {}
    for name in ODD_NAMES:
        try:
            local = MlflowClient().download_artifacts(run.info.run_id, f"odd folder ü/{name}")
            read[name] = Path(local).read_text(encoding="utf-8")
        except Exception as error:  # noqa: BLE001 - which names a client can read is the fact itself
            read[name] = type(error).__name__
    return {**answer, "read": read}


CHAPTERS = [logged_objects, files_and_folders, odd_names]
