"""make mutants: every guard against a silent failure is removed in turn; a test must then fail.

The tests of each guard first pass on the code as it is. Then each guard of `benchmarks.tools.guards` is taken out of a
copy of the tree, and its tests run against the copy. Writes results/mutants.json and docs/silent-failures.md.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.tools.guards import FAILURES, GUARDS, Guard
from benchmarks.tools.record import ROOT, write

COPIED = ("shards", "validators", "curation", "training", "workbench", "data", "tests", "benchmarks")
PAGE = ROOT / "docs" / "silent-failures.md"
PASSED, FAILED = 0, 1  # exit codes of pytest; any other means that no test ran
MAX_SECONDS = 300


def main() -> None:
    """Remove every guard in turn, write what the tests said, and fail if one was not missed."""
    workers = os.cpu_count() or 2
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(workers) as pool:
        whole = copy_tree(Path(scratch) / "whole")
        selections = list(dict.fromkeys(guard.tests for guard in GUARDS))
        for tests, (code, said) in zip(selections, pool.map(lambda tests: run(whole, tests), selections)):
            if code != PASSED:
                sys.exit(f"{' '.join(tests)}: does not pass with every guard in place:\n{said}")
        found = list(pool.map(lambda guard: examine(whole, guard), GUARDS))
    survived = [line for line in found if not line["killed"]]
    figures = {"guards": len(found), "killed": len(found) - len(survived), "failures": len(FAILURES)}
    seconds = round(time.monotonic() - started)
    write("mutants", "make mutants", {**figures, "seconds": seconds, "table": found})
    PAGE.write_text(page(found), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    without = sorted(set(FAILURES) - {guard.number for guard in GUARDS})
    if survived or without:
        named = [f"R{line['number']} {line['guard']}" for line in survived]
        sys.exit(f"not missed by any test: {named}; failures without a guard: {without}")


def examine(whole: Path, guard: Guard) -> dict[str, Any]:
    """Return what the tests of a guard say when it is gone."""
    with tempfile.TemporaryDirectory(dir=whole.parent) as folder:
        tree = copy_tree(Path(folder) / "tree", whole)
        path = tree / guard.file
        source = path.read_text(encoding="utf-8")
        if source.count(guard.old) != 1:
            sys.exit(f"R{guard.number}: {guard.file} holds {source.count(guard.old)} times: {guard.old}")
        path.write_text(source.replace(guard.old, guard.new), encoding="utf-8")
        code, said = run(tree, guard.tests)
    if code not in (PASSED, FAILED):
        sys.exit(f"R{guard.number}: the tests did not run:\n{said}")
    print(f"R{guard.number:<3} {'killed' if code == FAILED else 'SURVIVED':<9} {guard.what}", flush=True)
    return {
        "number": guard.number,
        "guard": guard.what,
        "file": guard.file,
        "tests": list(guard.tests),
        "killed": code == FAILED,
    }


def copy_tree(target: Path, source: Path = ROOT) -> Path:
    """Copy the rooms and their tests to a folder in which `tilth.ROOM` is the copy, and return it."""
    target.mkdir(parents=True)
    for name in COPIED:
        heavy = name not in ("training", "tests") and source is not ROOT
        if heavy:
            (target / name).symlink_to(source / name)
        else:
            shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("results"))
    shutil.copy(source / "pyproject.toml", target)
    shutil.copytree(
        source / "src", target / "src", symlinks=True
    )  # relative links: they name the copied rooms
    return target


def run(tree: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """Run tests in a tree; return pytest's exit code and the end of what it said."""
    # PYTHONPATH stands before the installed package, so the copy comes first.
    environment = os.environ | {
        "PYTHONPATH": str(tree / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, timeout=MAX_SECONDS, check=False
    )
    return done.returncode, (done.stdout + done.stderr)[-2000:]


def page(found: list[dict[str, Any]]) -> str:
    """Return the table as a page."""
    lines = [
        "# Twenty ways in which fine-tuning goes wrong without a word",
        "",
        "Each has a guard here, and each guard has a test. `make mutants` takes the guards out one by one and runs",
        "their tests: a guard that no test misses would stand here as not killed, and the command would fail.",
        "This page is written by it.",
        "",
        "| | what fails silently elsewhere | the guard here | its tests | missed by a test when removed |",
        "|---|---|---|---|---|",
    ]
    for line in sorted(found, key=lambda line: line["number"]):
        tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in line["tests"])
        killed = "yes" if line["killed"] else "**no**"
        guard = f"{line['guard']} (`{line['file']}`)"
        lines.append(f"| R{line['number']} | {FAILURES[line['number']]} | {guard} | {tests} | {killed} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
