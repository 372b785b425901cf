"""tilth runs: the finished runs of a store, all of them or the one that is named."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tilth.shards.errors import UsageError
from tilth.shards.store import Store
from tilth.workbench.screen import shown
from tilth.workbench.session import plain_table

if TYPE_CHECKING:
    from rich.console import Console

RECORD = "run.json"


def list_runs(store: Store) -> list[dict[str, Any]]:
    """Return the runs that left a page, newest first.

    Each: run_id, version, verdict, method, base, steps, base_loss and tuned_loss (nat/token, held out, all rows
    together; null where none were measured), tasks (name -> base, tuned), ended_at, folder, page.
    """
    pages = sorted((store.root / "runs").glob("*/report.json"), key=lambda page: -page.stat().st_mtime_ns)
    runs = []
    for page in pages:
        facts = json.loads(page.read_bytes())
        slices = facts["slices"]
        rows = sum(one["rows"] for one in slices)
        mean = {side: sum(one["rows"] * one[side]["value"] for one in slices) / rows if rows else None
                for side in ("base", "tuned")}  # fmt: skip
        ended = datetime.fromtimestamp(page.stat().st_mtime).astimezone()
        runs.append(
            {
                "run_id": facts["run_id"],
                "version": facts["version"],
                "verdict": facts["verdict"],
                "method": facts["method"],
                "base": facts["base"],
                "steps": facts["steps"],
                "base_loss": mean["base"],
                "tuned_loss": mean["tuned"],
                "tasks": {
                    one["name"]: [one["base"]["value"], one["tuned"]["value"]] for one in facts["tasks"]
                },
                "ended_at": ended.isoformat(timespec="seconds"),
                "folder": str(page.parent),
                "page": str(page.with_name("report.html")),
            }
        )
    return runs


def show_runs(screen: Console, runs: list[dict[str, Any]]) -> None:
    """Print the runs, a line each; what a figure went from and to stands together."""
    table = plain_table(
        "run", "ended", "version", "word", "method", "steps", "held-out loss", "tasks", "page"
    )
    for run in runs:
        loss = "" if run["base_loss"] is None else f"{run['base_loss']:.3f} → {run['tuned_loss']:.3f}"
        tasks = ", ".join(f"{name} {base:.2f} → {tuned:.2f}" for name, (base, tuned) in run["tasks"].items())
        cells = (run["run_id"], run["ended_at"][:16], run["version"], run["verdict"], run["method"],
                 f"{run['steps']:,}", loss, tasks, run["page"])  # fmt: skip
        table.add_row(*(shown(cell) for cell in cells))
    if runs:
        screen.print(table)
    else:
        screen.print("no run yet\nnext: train RECIPE")


def find_run(store: Store, beginning: str | None) -> Path:
    """Return the folder of the run whose id begins so, of the newest finished run where none is named.

    Raises UsageError where there is none, or more than one.
    """
    finished = [file.parent for file in (store.root / "runs").glob(f"*/{RECORD}")]
    newest_first = sorted(finished, key=lambda folder: (folder / RECORD).stat().st_mtime_ns, reverse=True)
    found = [folder for folder in newest_first if folder.name.startswith(beginning or "")]
    if not found or (beginning is not None and len(found) > 1):
        raise UsageError(
            f"run {beginning or ''}".strip(),
            f"{len(found) or 'no'} finished runs in {store.root} begin so",
            next_step=f"name one of: {', '.join(f.name for f in newest_first[:8]) or 'none yet; run train first'}",
        )
    return found[0]


def artefact_of(run_dir: Path, name: str) -> Path:
    """Return a file that a run leaves. Raises UsageError where this run left none."""
    path = run_dir / name
    if not path.is_file():
        raise UsageError(
            f"run {run_dir.name}", f"left no {name}", "", "runs of a comparison leave none; train once more"
        )
    return path
