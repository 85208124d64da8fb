"""Which GPUs this machine has, and what their use in system metrics needs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

_AMD, _NVIDIA = "0x1002", "0x10de"
_GIB = 1024**3


class Gpu(NamedTuple):
    """One GPU."""

    vendor: str  # NVIDIA or AMD
    name: str
    memory_bytes: int


class Gpus(NamedTuple):
    """What was found, and what is missing to use or watch it."""

    found: list[Gpu]
    remarks: list[str]

    def __str__(self) -> str:
        """One line."""
        if not self.found:
            return "no GPU found: training uses the CPU"
        kinds = {gpu: self.found.count(gpu) for gpu in self.found}
        return ", ".join(
            f"{count} x {gpu.vendor} {gpu.name}"
            + (f" ({gpu.memory_bytes / _GIB:.0f} GiB)" if gpu.memory_bytes else "")
            for gpu, count in kinds.items()
        )


def find(sysfs: Path = Path("/sys")) -> Gpus:
    """Ask NVIDIA's library, and the kernel about AMD's cards."""
    nvidia, remarks = _nvidia(sysfs)
    amd = _amd(sysfs)
    if amd and not (importlib.util.find_spec("amdsmi") or importlib.util.find_spec("pyrsmi")):
        remarks.append(
            "mlflow logs the use of AMD GPUs only with pyrsmi: pip install pyrsmi (it needs ROCm's libraries)"
        )
    return Gpus(nvidia + amd, remarks)


def _nvidia(sysfs: Path) -> tuple[list[Gpu], list[str]]:
    there = _cards(sysfs, _NVIDIA)
    try:
        import pynvml
    except ImportError:
        return [], ["nvidia-ml-py is missing, so NVIDIA GPUs are not seen: pip install nvidia-ml-py"]
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        if there:
            return [], [f"{len(there)} NVIDIA GPU(s) are there, but their driver does not answer: {error}"]
        return [], []
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        return [
            Gpu("NVIDIA", str(pynvml.nvmlDeviceGetName(each)), _nvidia_memory(pynvml, each))
            for each in handles
        ], []
    except pynvml.NVMLError as error:
        return [], [f"NVIDIA's driver answers with an error: {error}"]
    finally:
        pynvml.nvmlShutdown()


def _nvidia_memory(pynvml: ModuleType, handle: object) -> int:
    """0 where it shares the machine's memory: those do not tell."""
    try:
        return int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)
    except pynvml.NVMLError_NotSupported:
        return 0


def _amd(sysfs: Path) -> list[Gpu]:
    return [
        Gpu("AMD", _read(device / "product_name") or f"GPU {_read(device / 'device')}", memory)
        for device in _cards(sysfs, _AMD)
        if (memory := int(_read(device / "mem_info_vram_total") or 0))  # else it only shows pictures
    ]


def _cards(sysfs: Path, vendor: str) -> list[Path]:
    """The devices of a vendor's cards; `cardN-CONNECTOR` are their sockets for screens."""
    cards = sorted(card for card in sysfs.glob("class/drm/card*") if "-" not in card.name)
    return [card / "device" for card in cards if _read(card / "device/vendor") == vendor]


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
