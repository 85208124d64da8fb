"""MobileNetV2 (Sandler et al., 2018) as torchvision lays it out, and the classifier around it.

Imports nothing but torch: a logged model carries this module's classes inside its pickle, so
that it loads where Trackside is not installed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# expansion, channels, blocks, stride of the first block
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
FEATURES = 1280


def convolution(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution without bias, BatchNorm, ReLU6."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    """Widen, filter each channel by itself, narrow again; add the input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        widen = [convolution(inputs, hidden, kernel=1)] if expansion != 1 else []
        self.conv = nn.Sequential(
            *widen,
            convolution(hidden, hidden, stride=stride, groups=hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.has_shortcut else y


class MobileNetV2(nn.Module):
    """The network, with torchvision's state_dict keys in torchvision's order."""

    def __init__(self, classes: int = 1000, dropout: float = 0.2) -> None:
        super().__init__()
        blocks: list[nn.Module] = [convolution(3, 32, stride=2)]
        channels = 32
        for expansion, outputs, count, stride in STAGES:
            for number in range(count):
                blocks.append(InvertedResidual(channels, outputs, stride if number == 0 else 1, expansion))
                channels = outputs
        self.features = nn.Sequential(*blocks, convolution(channels, FEATURES, kernel=1))
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(FEATURES, classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.zeros_(module.bias)

    def pooled(self, x: Tensor) -> Tensor:
        """The 1,280 features of each image, averaged over its area."""
        return nn.functional.adaptive_avg_pool2d(self.features(x), 1).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.classifier(self.pooled(x))
        return y


class Classifier(nn.Module):
    """MobileNetV2 with its own normalisation: RGB bytes in (N, 3, H, W; 0 to 255), logits out.

    Weights from different sources want differently scaled inputs; a model that scales them
    itself cannot be fed the wrong way.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: MobileNetV2, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        self.is_frozen = False
        self.keeps_statistics = False

    def freeze(self, keep_statistics: bool) -> None:
        """Let only the head learn; with `keep_statistics` BatchNorm in the backbone stays as it is, too."""
        self.network.features.requires_grad_(False)
        self.is_frozen, self.keeps_statistics = True, keep_statistics

    def unfreeze(self) -> None:
        """Let the whole network learn."""
        self.network.features.requires_grad_(True)
        self.is_frozen = self.keeps_statistics = False

    def train(self, mode: bool = True) -> Classifier:
        """As in any module, but that a frozen backbone keeping its statistics stays in evaluation mode."""
        super().train(mode)
        if self.keeps_statistics:
            self.network.features.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        x = (images.float().div(255) - self.mean) / self.std
        # No graph through a backbone that does not learn: most of the time of a step is saved.
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.is_frozen):
            features = self.network.pooled(x)
        logits: Tensor = self.network.classifier(features)
        return logits
