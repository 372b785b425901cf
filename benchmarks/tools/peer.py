"""Runs another package in an environment of its own, so that its pins meet none of ours.

A peer is a script in benchmarks/peers/ that takes the path of a Parquet file, does the job, and prints one line
of JSON: `version`, `rows`, `cpu_s` (of the job alone, after a warm-up), `peak_mib`, and whatever it found.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from benchmarks.tools.record import ROOT

ENVIRONMENTS = ROOT / ".peers"  # git-ignored
SCRIPTS = ROOT / "benchmarks" / "peers"
SHARED = SCRIPTS / "shared"  # what several scripts import
INSTALL_SECONDS, RUN_SECONDS = 900, 900


def run(name: str, requirements: list[str], *arguments: str, timeout_s: int = RUN_SECONDS) -> dict[str, Any]:
    """Return what benchmarks/peers/NAME.py printed, or {"unavailable": why} where it cannot be had."""
    python = ENVIRONMENTS / name / "bin" / "python"
    try:
        if not python.exists() or not _has(name, requirements):
            _install(name, requirements)
        done = subprocess.run(
            # -P: else `import NAME` finds the script itself
            [str(python), "-P", str(SCRIPTS / f"{name}.py"), *arguments],
            capture_output=True, text=True, timeout=timeout_s, check=True,
            env=os.environ | {"PYTHONPATH": str(SHARED)},
        )  # fmt: skip
        return dict(json.loads(done.stdout.splitlines()[-1]))
    except subprocess.TimeoutExpired:
        return {"unavailable": f"took more than {timeout_s} s"}
    except subprocess.CalledProcessError as error:
        last = (error.stderr or "").strip().splitlines()[-1:]
        return {"unavailable": last[0][:200] if last else f"ended with {error.returncode}"}


def _has(name: str, requirements: list[str]) -> bool:
    stamp = ENVIRONMENTS / name / "requirements.txt"
    return stamp.exists() and stamp.read_text().split("\n") == requirements


def _install(name: str, requirements: list[str]) -> None:
    folder = ENVIRONMENTS / name
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, capture_output=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    if requirements:
        subprocess.run(
            [*pip, *requirements], check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
    (folder / "requirements.txt").write_text("\n".join(requirements))
