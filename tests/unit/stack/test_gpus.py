"""GPUs: AMD's from a made-up /sys, NVIDIA's from a library that stands in for the driver's."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trackside.stack import gpus

GIB = 1024**3


def card(root: Path, number: int, vendor: str, **files: str) -> None:
    device = root / f"class/drm/card{number}/device"
    device.mkdir(parents=True)
    (root / f"class/drm/card{number}-HDMI-A-1").mkdir()
    for name, text in {"vendor": vendor, "device": "0x738c", **files}.items():
        (device / name).write_text(f"{text}\n")


def test_amd_cards_are_found(tmp_path: Path) -> None:
    card(tmp_path, 0, "0x1002", product_name="AMD Instinct MI100", mem_info_vram_total=str(32 * GIB))
    card(tmp_path, 1, "0x1002", mem_info_vram_total=str(32 * GIB))
    card(tmp_path, 2, "0x1002")  # without memory of its own
    card(tmp_path, 3, "0x1a03")  # a server's console
    found = gpus.find(tmp_path)
    assert [(gpu.vendor, gpu.name, gpu.memory_bytes) for gpu in found.found] == [
        ("AMD", "AMD Instinct MI100", 32 * GIB),
        ("AMD", "GPU 0x738c", 32 * GIB),
    ]
    assert "pyrsmi" in found.remarks[0]


def test_no_gpu_is_said(tmp_path: Path) -> None:
    assert str(gpus.find(tmp_path)) == "no GPU found: training uses the CPU"


def test_a_driver_that_does_not_answer_is_said(tmp_path: Path) -> None:
    card(tmp_path, 0, "0x10de")
    found = gpus.find(tmp_path)
    assert found.found == []
    assert "driver does not answer" in found.remarks[0]


# What nvidia-ml-py asks of the driver's library, for two equal GPUs.
NVML = """
#include <string.h>
typedef struct { unsigned long long total, free, used; } memory_t;
int nvmlInit_v2(void) { return 0; }
int nvmlInitWithFlags(unsigned flags) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { *device = (void *)(long)(index + 1); return 0; }
int nvmlDeviceGetName(void *device, char *name, unsigned length) { strncpy(name, "A100-PCIE-40GB", length); return 0; }
int nvmlDeviceGetMemoryInfo(void *device, memory_t *memory) { memory->total = 40ULL << 30; return 0; }
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="the stand-in for NVIDIA's library is compiled")
def test_nvidia_cards_are_found(tmp_path: Path) -> None:
    source, library = tmp_path / "nvml.c", tmp_path / "libnvidia-ml.so.1"
    source.write_text(NVML)
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1", "-o", library, source], check=True
    )
    # In a process of its own: nvidia-ml-py opens the library by name, once.
    code = (
        f"import ctypes, pathlib; ctypes.CDLL({str(library)!r}); from trackside.stack import gpus;"
        f"print(gpus.find(pathlib.Path({str(tmp_path)!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "2 x NVIDIA A100-PCIE-40GB (40 GiB)\n", done.stderr
