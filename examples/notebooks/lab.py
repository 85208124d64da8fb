"""What the notebooks of the lab share: the recipe of `trackside.train`, an epoch at a time.

    training = lab.Training(num_workers=2)
    for epoch, metrics in training.epochs():
        print(epoch, metrics)
    print(training.test())

Environment: FOOD11_DATA_DIR is the folder that `trackside data` has prepared. For a quick look,
TRACKSIDE_LAB_IMAGES takes so many images of each class, TRACKSIDE_LAB_PIXELS makes them smaller,
TRACKSIDE_LAB_EPOCHS trains shorter or longer, TRACKSIDE_LAB_WEIGHTS is as `trackside train --weights`.
"""

import os
import shlex
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read by torch: its threads sleep while they wait

import torch
from PIL import Image, ImageDraw, ImageOps

from trackside.data.layout import CLASSES
from trackside.data.progress import SILENT
from trackside.train import loop
from trackside.train.dataset import Splits
from trackside.train.presets import resolve

EXPERIMENT = "food11-lab"
MODEL = "food11-lab"  # its name in the registry


class Training:
    """MobileNetV2 on Food-11: one epoch that trains the head alone, then epochs that train everything.

    Any setting of the recipe can be given, such as lr, batch_size, num_workers, seed.
    """

    def __init__(self, **given):
        self.prepared = prepared = loop.prepare(settings(**given))
        limit(prepared.splits)
        self.settings, self.compute, self.model = prepared.settings, prepared.compute, prepared.model
        self.device = self.compute.device

    def params(self):
        """The settings, for `mlflow.log_params`."""
        images = len(self.prepared.splits.training)
        return self.settings.params() | {"device_used": str(self.device), "training_images": images}

    def epochs(self):
        """Train; after each epoch its number and what was measured.

        `data_wait_percentage` is the part of the training time in which the loop waited for images.
        """
        settings, splits = self.settings, self.prepared.splits
        training, validation = Waiting(splits.batches(splits.training)), splits.batches(splits.validation)
        self.best = loop.Best(self.model, None)
        for epoch in range(1, settings.epochs + 1):
            if epoch in (1, settings.head_epochs + 1):
                head_only = epoch <= settings.head_epochs
                optimizer = loop.begin_phase(self.model, settings, head_only=head_only)
            started = time.perf_counter()
            trained = self._pass(training, optimizer)
            waited = 100 * training.seconds / (time.perf_counter() - started)
            validated = self._pass(validation)
            seconds = time.perf_counter() - started
            self.best.offer(epoch, validated.loss, self.model)
            metrics = loop.epoch_metrics(self.model, trained, validated, seconds)
            yield epoch, metrics | {"data_wait_percentage": waited}

    def test(self):
        """Loss and accuracy on the evaluation split, of the epoch with the lowest validation loss."""
        self.best.restore(self.model)
        score = self._pass(self.prepared.splits.batches(self.prepared.splits.evaluation))
        return {"test_loss": score.loss, "test_accuracy": score.accuracy}

    def load(self, num_workers, batches):
        """Learn from the first few batches: (seconds waited for images, seconds computed, images)."""
        splits = self.prepared.splits
        several = replace(splits, settings=replace(self.settings, num_workers=num_workers))
        loader, optimizer = (
            iter(several.batches(splits.training)),
            torch.optim.SGD(self.model.parameters(), lr=0),
        )
        self.model.train()
        waited = computed = images = 0
        next(loader)  # the first takes longer: workers start
        for _ in range(batches):
            started = time.perf_counter()
            pixels, labels = next(loader, (None, None))
            if pixels is None:
                break
            waited += time.perf_counter() - started
            started = time.perf_counter()
            logits = self.model(self.compute.images(pixels))
            loss = torch.nn.functional.cross_entropy(logits, self.compute.labels(labels))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()  # a GPU works on while Python goes on: this waits for it
            computed += time.perf_counter() - started
            images += len(labels)
        return waited, computed, images

    def _pass(self, batches, optimizer=None):
        return loop.run_epoch(
            self.model, batches, self.compute, optimizer=optimizer, progress=SILENT, label="batches"
        )


class Waiting:
    """A loader that measures how long was waited for its batches, in its last pass."""

    def __init__(self, loader):
        self.loader, self.dataset, self.seconds = loader, loader.dataset, 0.0

    def __iter__(self):
        self.seconds, started = 0.0, time.perf_counter()
        for batch in self.loader:
            self.seconds += time.perf_counter() - started
            yield batch
            started = time.perf_counter()


def settings(**given):
    """The recipe's settings, shortened for a lab and by the environment."""
    data = Path(os.environ.get("FOOD11_DATA_DIR", "data/food11"))
    if not data.is_dir():
        raise FileNotFoundError(
            f"no data set at {data.absolute()}; in a terminal of JupyterLab, prepare Food-11 by\n"
            f"    trackside data food11 --from food11.zip --to {shlex.quote(str(data.absolute()))}\n"
            f"or a small stand-in by\n    trackside data mini --to {shlex.quote(str(data.absolute()))}"
        )
    chosen = {
        "data": data,
        "weights": os.environ.get("TRACKSIDE_LAB_WEIGHTS", "imagenet"),
        "image_size": int(os.environ.get("TRACKSIDE_LAB_PIXELS", "224")),
        "epochs": int(os.environ.get("TRACKSIDE_LAB_EPOCHS", "3")),
        "head_epochs": 1,
        "head_lr": 1e-3,
        "lr": 1e-4,
    }
    return resolve(chosen | given)


def limit(splits):
    """Keep the first few images of each class, if TRACKSIDE_LAB_IMAGES says how many; the splits."""
    most = int(os.environ.get("TRACKSIDE_LAB_IMAGES", "0"))
    for split in (splits.training, splits.validation, splits.evaluation) if most else ():
        seen = Counter()
        kept = []
        for path, label in split.samples:
            seen[label] += 1
            if seen[label] <= most:
                kept.append((path, label))
        split.samples = kept
    return splits


def evaluation():
    """The evaluation split, which no training has seen: items are (bytes of shape 3xHxW, class number)."""
    return limit(Splits.open(settings())).evaluation


def log_model(training, run):
    """`mlflow.pytorch.log_model`, told by the recipe what MLflow would take a minute to find out."""
    import mlflow

    from trackside.train.mlflow_run import MlflowTracker, RunOptions

    options = RunOptions(mlflow.get_tracking_uri())
    tracker = MlflowTracker(run.info.run_id, run.info.experiment_id, options, print)
    tracker.log_model(training.model, training.settings.image_size)


def tracked(training, name):
    """Notebook 2 in one call: train, and track it as a run of that name."""
    import mlflow

    mlflow.set_experiment(EXPERIMENT)
    mlflow.set_system_metrics_sampling_interval(1)
    with mlflow.start_run(run_name=name, log_system_metrics=True) as run:
        mlflow.log_params(training.params())
        for epoch, metrics in training.epochs():
            mlflow.log_metrics(metrics, step=epoch)
        mlflow.log_metrics(training.test(), step=epoch)
        log_model(training, run)
    return mlflow.get_run(run.info.run_id)


def pictures(files, captions, columns=6, side=150):
    """Images side by side, a line of text under each."""
    rows = -(-len(files) // columns)
    sheet = Image.new("RGB", (columns * side, rows * (side + 20)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (file, caption) in enumerate(zip(files, captions, strict=True)):
        x, y = number % columns * side, number // columns * (side + 20)
        with Image.open(file) as image:
            sheet.paste(ImageOps.fit(image.convert("RGB"), (side - 6, side - 6)), (x, y))
        draw.text((x, y + side - 4), caption, fill="black")
    return sheet


__all__ = ["CLASSES", "EXPERIMENT", "MODEL", "Training", "evaluation", "log_model", "pictures", "tracked"]
