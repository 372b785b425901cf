"""How soon a command answers, and what curating the bundled sample takes."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.tools.record import timed
from tilth.workbench.running.demo import prepare_sample

COMMANDS = ("curate", "train", "validate", "refresh", "tilth")
RUNS = 5


def measure() -> dict[str, Any]:
    """Return the least wall seconds of `COMMAND --help` and the cost of curating the sample."""
    with TemporaryDirectory() as folder:
        recipe = prepare_sample(Path(folder) / "demo")
        return {
            "help_s": {
                n: min(timed([command(n), "--help"])["wall_s"] for _ in range(RUNS)) for n in COMMANDS
            },
            "curate_sample": {"lines": 7_507, **timed([command("curate"), str(recipe)])},
        }


def command(name: str) -> str:
    """Return the path of an installed command."""
    return str(Path(sys.executable).with_name(name))
