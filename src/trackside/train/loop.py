"""The training loop, to be read from top to bottom: head first, then the whole network, best epoch kept."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from trackside.data.layout import CLASSES
from trackside.data.progress import SILENT, Progress
from trackside.train.dataset import Batches, FoodImages, Splits
from trackside.train.device import Compute, describe_gpu, set_seed
from trackside.train.errors import TrainingError
from trackside.train.mobilenet import Classifier
from trackside.train.settings import Settings
from trackside.train.tracking import DatasetUse, NoTracking, Tracker
from trackside.train.weights import Weights, build_model, load_weights, require_at_hand, save_checkpoint


@dataclass(frozen=True)
class Score:
    """One pass over a split: mean cross-entropy and share of right answers, both over its images."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class Result:
    """What came of a run."""

    test_loss: float
    test_accuracy: float
    best_epoch: int  # the epoch whose model was tested, saved and logged
    epochs: int  # that were trained
    early_stopping_epoch: int | None
    seconds: float
    weights: str


@dataclass(frozen=True)
class Prepared:
    """Everything a run needs, found good before the run begins."""

    settings: Settings
    splits: Splits
    compute: Compute
    weights: Weights | None
    model: Classifier


def prepare(settings: Settings, progress: Progress = SILENT, tracking_uri: str | None = None) -> Prepared:
    """Find data, device and weights, and build the model; `tracking_uri` is where runs:/ weights are.

    Raises TrainingError for what cannot be used.
    """
    set_seed(settings.seed, deterministic=settings.deterministic)
    compute = Compute.choose(settings)
    require_at_hand(settings.weights)  # before the data: who lacks both may be long in getting those
    splits = Splits.open(settings, pin_memory=compute.device.type == "cuda")
    weights = load_weights(settings.weights, settings.weights_sha256, progress, tracking_uri)
    return Prepared(settings, splits, compute, weights, compute.place(build_model(settings, weights)))


def train(
    prepared: Prepared,
    tracker: Tracker | None = None,
    progress: Progress = SILENT,
    save: Path | None = None,
) -> Result:
    """Fine-tune MobileNetV2, then test the model of the epoch with the lowest val_loss.

    `save` is a file that always holds the best model so far. If training breaks off, the tracker
    keeps the best weights. Raises TrainingError for an image that cannot be read, and when the loss
    is no longer a number.
    """
    tracker = tracker or NoTracking()
    began = time.perf_counter()
    settings, splits, model = prepared.settings, prepared.splits, prepared.model
    describe(prepared, tracker, progress)
    best = Best(model, save)
    try:
        epochs, stopped = fit(prepared, best, tracker, progress)
        best.restore(model)
        evaluation = splits.batches(splits.evaluation)
        test = run_epoch(model, evaluation, prepared.compute, label="evaluation", progress=progress)
        progress.note(f"evaluation loss {test.loss:.4f} accuracy {test.accuracy:.3f}")
        metrics = {"test_loss": test.loss, "test_accuracy": test.accuracy, "best_epoch": best.epoch}
        tracker.log_metrics(metrics | ({"early_stopping_epoch": stopped} if stopped else {}), step=epochs)
        tracker.log_model(model, settings.image_size)
    except BaseException:  # Ctrl-C too: hours of training may be in the best model
        if best.epoch and not save:
            best.restore(model)
            tracker.keep_weights(model)
        raise
    seconds = time.perf_counter() - began
    return Result(test.loss, test.accuracy, best.epoch, epochs, stopped, seconds, source_of(prepared.weights))


def fit(prepared: Prepared, best: Best, tracker: Tracker, progress: Progress) -> tuple[int, int | None]:
    """Train until the last epoch, or until patience ends; the epochs trained, and the one it stopped early at."""
    settings, splits, compute, model = prepared.settings, prepared.splits, prepared.compute, prepared.model
    training, validation = splits.batches(splits.training), splits.batches(splits.validation)
    for epoch in range(1, settings.epochs + 1):
        if epoch in (1, settings.head_epochs + 1):
            optimizer = begin_phase(model, settings, head_only=epoch <= settings.head_epochs)
        started = time.perf_counter()
        name = f"epoch {epoch}/{settings.epochs}"
        trained = run_epoch(
            model, training, compute, label=f"{name} training", optimizer=optimizer, progress=progress
        )
        validated = run_epoch(model, validation, compute, label=f"{name} validation", progress=progress)
        metrics = epoch_metrics(model, trained, validated, time.perf_counter() - started)
        tracker.log_metrics(metrics, step=epoch)
        is_better = best.offer(epoch, validated.loss, model)
        progress.note(epoch_line(name, model.is_frozen, metrics, is_better))
        require_number(trained, validated, epoch)
        if best.waited >= settings.patience and epoch < settings.epochs:
            return epoch, epoch
    return settings.epochs, None


class Best:
    """The model of the epoch with the lowest val_loss, and for how many epochs there was none better."""

    def __init__(self, model: Classifier, save: Path | None) -> None:
        self.epoch, self.loss, self.waited = 0, math.inf, 0
        self._save = save
        self._state = model.state_dict()

    def offer(self, epoch: int, loss: float, model: Classifier) -> bool:
        """Keep the model if its loss is the lowest yet; say whether it is."""
        if not loss < self.loss:
            # Stopping before the backbone has had its turn would be no use.
            self.waited += 0 if model.is_frozen else 1
            return False
        self._state = {key: value.detach().clone() for key, value in model.state_dict().items()}
        self.epoch, self.loss, self.waited = epoch, loss, 0
        if self._save:
            save_checkpoint(model, self._save)
        return True

    def restore(self, model: Classifier) -> None:
        """Put the kept tensors back."""
        model.load_state_dict(self._state)


def run_epoch(
    model: Classifier,
    batches: Batches,
    compute: Compute,
    *,
    progress: Progress,
    label: str,
    optimizer: torch.optim.Optimizer | None = None,
) -> Score:
    """One pass over the batches; learns from them if there is an optimizer."""
    model.train(optimizer is not None)
    total = len(batches.dataset)  # type: ignore[arg-type]
    loss_sum = torch.zeros((), device=compute.device)
    right = torch.zeros((), dtype=torch.int64, device=compute.device)
    with (
        torch.set_grad_enabled(optimizer is not None),
        progress.meter(label, total, "images", lasting=False) as meter,
    ):
        for images, labels in batches:
            target = compute.labels(labels)
            with compute.autocast():
                logits: Tensor = model(compute.images(images))
            loss = nn.functional.cross_entropy(logits.float(), target)
            if optimizer:
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # torch's stub
                optimizer.step()
            # A batch's loss is a mean: weigh it by the batch's size, or a short last batch counts too much.
            # Sums stay on the device, since reading one there would make the CPU wait for it.
            loss_sum += loss.detach() * len(labels)
            right += (logits.argmax(1) == target).sum()
            meter.advance(len(labels))
    return Score(loss_sum.item() / total, right.item() / total)


def begin_phase(model: Classifier, settings: Settings, *, head_only: bool) -> torch.optim.Optimizer:
    """Freeze or thaw the backbone and start a new optimizer for what is to learn."""
    if head_only:
        model.freeze(keep_statistics=settings.head_batchnorm == "frozen")
    else:
        model.unfreeze()
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.Adam(learning, lr=settings.head_lr if head_only else settings.lr)


def describe(prepared: Prepared, tracker: Tracker, progress: Progress) -> None:
    """Record settings, data, weights and hardware before the first epoch."""
    splits, weights, device = prepared.splits, prepared.weights, str(prepared.compute.device)
    used = [split_use(splits.training), split_use(splits.validation), split_use(splits.evaluation)]
    progress.note(
        f"{' + '.join(str(use.images) for use in used)} images in {len(CLASSES)} classes, "
        f"weights: {source_of(weights)}, device: {device}"
    )
    facts: dict[str, object] = {"model": "MobileNetV2", "optimizer": "Adam", "torch": torch.__version__}
    facts |= {"device_used": device, "torch_threads": torch.get_num_threads()}
    facts |= {f"{use.context}_images": use.images for use in used}
    if weights:
        facts |= {"weights_source": weights.source, "weights_file_sha256": weights.sha256}
        facts |= {
            "weights_head": "kept" if weights.has_head else "new",
            "batchnorm_eps": weights.batchnorm_eps,
        }
        facts |= {"input_mean": weights.mean, "input_std": weights.std}
    if amount := splits.training.augmentation:
        facts |= {f"augment_{name}": value for name, value in vars(amount).items()}
    tracker.log_params(prepared.settings.params() | facts)
    tracker.log_datasets(used)
    tracker.log_text(describe_gpu(), "gpu-info.txt")


def source_of(weights: Weights | None) -> str:
    """Where the first weights came from, in a word or two."""
    return weights.source if weights else "none"


def split_use(split: FoodImages) -> DatasetUse:
    """What a tracker is told of a split."""
    name, context = split.folder.parent.resolve().name, split.folder.name
    return DatasetUse(name, context, split.folder, split.digest(), len(split), len(CLASSES))


def epoch_metrics(model: Classifier, trained: Score, validated: Score, seconds: float) -> dict[str, float]:
    """The metrics of one epoch; `epoch_time` is in seconds, training and validation together."""
    return {
        "epoch_time": seconds,
        "train_loss": trained.loss,
        "train_accuracy": trained.accuracy,
        "val_loss": validated.loss,
        "val_accuracy": validated.accuracy,
        "trainable_params": sum(p.numel() for p in model.parameters() if p.requires_grad),
    }


def epoch_line(name: str, head_only: bool, metrics: dict[str, float], is_better: bool) -> str:
    """One epoch in a line."""
    return (
        f"{name} {'head ' if head_only else 'whole'} {metrics['epoch_time']:6.1f} s  "
        f"train loss {metrics['train_loss']:.4f} accuracy {metrics['train_accuracy']:.3f}  "
        f"val loss {metrics['val_loss']:.4f} accuracy {metrics['val_accuracy']:.3f}"
        f"{'  best so far' if is_better else ''}"
    )


def require_number(trained: Score, validated: Score, epoch: int) -> None:
    """Raise TrainingError once a loss is infinite or not a number: no later epoch would be."""
    if not (math.isfinite(trained.loss) and math.isfinite(validated.loss)):
        raise TrainingError(f"the loss is not finite in epoch {epoch}: lower --lr or --head-lr")
