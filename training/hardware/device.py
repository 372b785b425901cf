"""Where a run computes, said before anything is loaded."""

from __future__ import annotations

import os
import resource
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tilth.shards.errors import TrainingError

DRIVER = Path("/proc/driver/nvidia/version")
MIN_WIDTH_16 = (
    256  # hidden size from which a CPU's 16-bit products are worth their conversions (docs/lab-notes.md)
)


@dataclass(frozen=True)
class Device:
    """The device of a run; `dtype` is that of the arithmetic and of frozen weights."""

    device: torch.device
    dtype: torch.dtype
    gpus_seen: int
    threads: int

    @property
    def gpus_used(self) -> int:
        """How many cards of this machine the run computes on."""
        return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if self.device.type == "cuda" else 0

    def suited(self, config: Any, *, frozen_base: bool, precision: str) -> Device:
        """Return the device with the arithmetic for a base of this configuration.

        16 bits on an NVIDIA card, and for adapters on a CPU that has matrix units (AMX), if the base is wide enough
        to gain from them; 32 elsewhere, and where a recipe asks for it.
        """
        if precision == "float32":
            return replace(self, dtype=torch.float32)
        wide = getattr(config.get_text_config(), "hidden_size", 0) >= MIN_WIDTH_16
        if self.device.type == "cpu" and frozen_base and wide and _has_matrix_units():
            return replace(self, dtype=torch.bfloat16)
        return self

    def line(self) -> str:
        """Return the first line of a run."""
        gpus = f"{self.gpus_seen} GPU{'s' * (self.gpus_seen != 1)} seen, {self.gpus_used} used"
        where = (
            f"{self.threads} CPU threads"
            if self.device.type == "cpu"
            else torch.cuda.get_device_name(self.device)
        )
        return f"{self.device.type} ({where}), {str(self.dtype).removeprefix('torch.')}, {gpus}"


def choose_device(wanted: str) -> Device:
    """Return the device for `auto`, `cpu` or `cuda`, and let CPU work use every core it may.

    Raises TrainingError if an NVIDIA card is there but torch cannot use it, unless `cpu` was asked for.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = int(os.environ.get("OMP_NUM_THREADS") or usable)
    torch.set_num_threads(cores)
    seen = torch.cuda.device_count()
    if wanted == "cpu" or (wanted == "auto" and seen == 0 and not _card()):
        return Device(torch.device("cpu"), torch.float32, seen, cores)
    if seen == 0:
        built = "this torch is built for CPUs only" if torch.version.cuda is None else "torch sees no GPU"
        raise TrainingError(
            "training.device",
            built,
            "The run would take many times longer than this machine needs"
            if _card()
            else "There is nothing to run on",
            "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu128, "
            "or say --device cpu",
        )
    return Device(torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))), torch.bfloat16, seen, cores)


def weights_dtype(device: Device, *, frozen_base: bool) -> torch.dtype:
    """Return the type of a base's weights: frozen ones may be short, those that are trained keep 32 bits."""
    return device.dtype if frozen_base else torch.float32


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn the ways in which memory runs out into one TrainingError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch says it with a RuntimeError on CPUs
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise TrainingError(
            "training",
            "there is not enough memory",
            "The run stopped; its last checkpoint is whole, no feedback was written",
            "Lower training.pack_tokens or training.max_tokens and run the same command again",
        ) from error


def _has_matrix_units() -> bool:
    """Whether this CPU multiplies matrices of 16-bit numbers in hardware of their own."""
    capabilities: Any = getattr(torch.cpu, "get_capabilities", dict)  # not in older versions
    return bool(capabilities().get("amx_bf16"))


def _card() -> bool:
    """Whether this machine has an NVIDIA card, whatever torch was built for."""
    return DRIVER.exists() or shutil.which("nvidia-smi") is not None


def available_bytes(device: torch.device) -> int:
    """Return the memory that is free on `device`: of the card, or of this machine and its control group."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return min(_free_memory(), _free_in_group())


def resident_bytes(device: torch.device) -> int:
    """Return the memory this process holds now: on the card, or resident (elsewhere than on Linux: its peak)."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return peak_bytes(device)


def peak_bytes(device: torch.device) -> int:
    """Return the most memory this process has held: on the card, or resident."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _free_memory() -> int:
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) << 10
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _free_in_group(group: Path = Path("/sys/fs/cgroup")) -> int:
    try:
        limit = int((group / "memory.max").read_text())
        return limit - int((group / "memory.current").read_text())
    except (OSError, ValueError):
        return 1 << 62
