"""Editors find what is imported: python -m tests.editors, a step of make check.

pyright is what many editors ask. It must resolve every import of ours; what else it says is not looked at here (mypy
checks the types). It needs node: where that cannot be had, the step says so and passes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# One file of each room that imports widely: enough to see whether the links under src/tilth/ are followed.
FILES = (
    "shards/store.py",
    "validators/gate.py",
    "curation/curate.py",
    "training/train.py",
    "workbench/running/curate.py",
    "tests/conftest.py",
)
TIMEOUT_S = 240


def unresolved(report: str) -> list[str]:
    """Return what pyright's JSON says of imports of ours that it cannot resolve."""
    found = json.loads(report)["generalDiagnostics"]
    return [
        f"{line['file']}:{line['range']['start']['line'] + 1}: {line['message']}"
        for line in found
        if line.get("rule") in ("reportMissingImports", "reportMissingModuleSource")
        and '"tilth' in line["message"]
    ]


def main() -> None:
    """Ask pyright, and exit with what it cannot resolve."""
    beside = Path(sys.executable).with_name("pyright")
    pyright = str(beside) if beside.exists() else shutil.which("pyright")
    if pyright is None or shutil.which("node") is None:
        print("editors: pyright or node is not installed, so imports were not looked at")
        return
    try:
        done = subprocess.run(
            [pyright, "--outputjson", "--pythonpath", sys.executable, *FILES],
            cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        lost = unresolved(done.stdout)
    except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
        print(f"editors: pyright gave no report ({type(error).__name__}), so imports were not looked at")
        return
    if lost:
        sys.exit("\n".join(["editors: pyright does not resolve", *lost]))
    print(f"editors: pyright resolves every import of ours in {len(FILES)} files")


if __name__ == "__main__":
    main()
