"""Our MobileNetV2 is torchvision's: same keys in the same order, same start, same numbers out."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from trackside.train.mobilenet import Classifier, MobileNetV2


def pair(torchvision: Any, classes: int) -> tuple[Any, MobileNetV2]:
    torch.manual_seed(3)
    theirs = torchvision.models.mobilenet_v2(num_classes=classes)
    torch.manual_seed(3)
    return theirs, MobileNetV2(classes)


def test_state_dict_and_initial_values_are_torchvisions(torchvision: Any) -> None:
    theirs, ours = pair(torchvision, 1000)
    expected, got = theirs.state_dict(), ours.state_dict()
    assert list(got) == list(expected)
    assert all(torch.equal(got[key], expected[key]) for key in expected)
    assert sum(p.numel() for p in ours.parameters()) == 3_504_872


def test_training_step_is_bit_equal(torchvision: Any) -> None:
    theirs, ours = pair(torchvision, 11)
    images = torch.randn(2, 3, 65, 97, generator=torch.Generator().manual_seed(1))
    results = []
    for model in (theirs.train(), ours.train()):
        torch.manual_seed(5)  # dropout
        logits = model(images)
        logits.square().sum().backward()
        results.append((logits, *[parameter.grad for parameter in model.parameters()]))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
    assert all(torch.equal(ours.state_dict()[k], v) for k, v in theirs.state_dict().items())


def test_evaluation_is_bit_equal(torchvision: Any) -> None:
    theirs, ours = pair(torchvision, 1000)
    images = torch.randn(2, 3, 224, 224)
    with torch.inference_mode():
        assert torch.equal(ours.eval()(images), theirs.eval()(images))


def test_classifier_scales_bytes_as_to_tensor_and_normalize_do(torchvision: Any) -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    network = MobileNetV2(11)
    model = Classifier(network, mean, std).eval()
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    normalize = torchvision.transforms.Normalize(mean, std)
    with torch.inference_mode():
        expected = network(torch.stack([normalize(image.float().div(255)) for image in images]))
        assert torch.equal(model(images), expected)


@pytest.mark.parametrize("keep", [True, False])
def test_frozen_backbone(keep: bool) -> None:
    model = Classifier(MobileNetV2(11), (0.5,) * 3, (0.5,) * 3)
    model.freeze(keep_statistics=keep)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.train()(torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)).sum().backward()
    learning = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert learning == {"network.classifier.1.weight", "network.classifier.1.bias"}
    moved = [key for key, value in model.state_dict().items() if not torch.equal(value, before[key])]
    assert bool(moved) is not keep
    assert all("running" in key or "num_batches" in key for key in moved)
    model.unfreeze()
    assert all(p.requires_grad for p in model.parameters())
    assert model.train().network.features.training
