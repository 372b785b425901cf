"""Writes a result beside what is needed to repeat it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
LIBRARIES = (
    "polars",
    "pyarrow",
    "numba",
    "numpy",
    "torch",
    "transformers",
    "peft",
    "great_expectations",
    "langdetect",
)


def write(name: str, command: str, figures: dict[str, Any]) -> Path:
    """Write benchmarks/results/NAME.json and print where."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    result = {
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {
            "cores": os.cpu_count(),
            "processor": _processor(),
            "memory_gib": _memory_gib(),
            # More than one process a core: wall clocks say little, CPU seconds a little less than alone.
            "beside_other_work": os.getloadavg()[1] > (os.cpu_count() or 1) + 1,
        },
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        "figures": figures,
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"wrote {path.relative_to(ROOT)}")
    return path


def timed(command: list[str], cwd: Path | None = None) -> dict[str, float]:
    """Run a command and return its wall seconds, CPU seconds and peak memory of its largest process."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return {
        "wall_s": round(time.perf_counter() - started, 2),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mib": round(usage.ru_maxrss / 1024),
    }


def cpu_seconds(run: Callable[[], Any]) -> float:
    """Return the CPU seconds that `run` takes in this process."""
    started = time.process_time()
    run()
    return time.process_time() - started


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [
        line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
    ]
    return names[0] if names else platform.processor()


def _memory_gib() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
