"""What a run computes on: the device, its number format, seeds, and the report about the GPU."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from trackside.train.errors import TrainingError
from trackside.train.mobilenet import Classifier
from trackside.train.settings import MemoryFormat, Precision, Settings

REPORT_SECONDS = 15.0  # that nvidia-smi may take; a broken driver can hang it


@dataclass(frozen=True)
class Compute:
    """Where tensors go and in what format they are worked on."""

    device: torch.device
    precision: Precision
    memory_format: MemoryFormat

    @classmethod
    def choose(cls, settings: Settings) -> Compute:
        """The device of the settings; "auto" takes a GPU where there is one. Raises TrainingError if it is absent."""
        return cls(choose_device(settings.device), settings.precision, settings.memory_format)

    def place(self, model: Classifier) -> Classifier:
        """The model on the device, in the wanted memory format."""
        model = model.to(self.device)
        if self.memory_format == "channels_last":
            model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub
        return model

    def images(self, images: Tensor) -> Tensor:
        """A batch of images on the device."""
        images = images.to(self.device, non_blocking=True)
        channels_last = self.memory_format == "channels_last"
        return images.contiguous(memory_format=torch.channels_last) if channels_last else images

    def labels(self, labels: Tensor) -> Tensor:
        """A batch of labels on the device."""
        return labels.to(self.device, non_blocking=True)

    def autocast(self) -> AbstractContextManager[None]:
        """Compute in bfloat16 where that is safe, if the run asked for it."""
        on = self.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=on)


def choose_device(name: str) -> torch.device:
    """torch's device of that name. Raises TrainingError if this machine or this torch does not have it."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise TrainingError(f"--device {name} cannot be used here: {reason}") from error
    return device


def set_seed(seed: int, *, deterministic: bool) -> None:
    """Seed torch's generators; with `deterministic`, refuse operations whose result may vary between runs."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(deterministic)
    if deterministic:
        # cuBLAS reads this when it starts, which is at the first matrix product.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False


def describe_gpu() -> str:
    """What nvidia-smi or rocm-smi prints, or a line that says there is no GPU and names the processor."""
    for tool in ("nvidia-smi", "rocm-smi"):
        if path := shutil.which(tool):
            try:
                run = subprocess.run(  # noqa: S603
                    [path], capture_output=True, text=True, timeout=REPORT_SECONDS, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                return f"{tool} gave no answer: {error}\n"
            return run.stdout + run.stderr
    processor = platform.processor() or platform.machine()
    threads = torch.get_num_threads()
    return f"No GPU: neither nvidia-smi nor rocm-smi is here. Processor: {processor}, {threads} threads.\n"
