"""Runs the type checker over the house: `python -m tests.check_types`.

The folders stand at the top level and are imported as tilth.NAME, which a type checker cannot see; a folder of
links shows it the packages under the name they are imported by.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("shards", "validators", "curation", "training", "workbench", "data")


def main() -> int:
    """Link the rooms under .mypy/tilth and check them; returns mypy's exit code."""
    package = ROOT / ".mypy" / "tilth"
    package.mkdir(parents=True, exist_ok=True)
    for room in ROOMS:
        link = package / room
        if not link.is_symlink():
            link.symlink_to(ROOT / room)
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "-p", "tilth"]
    return subprocess.run(command, cwd=package.parent, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
