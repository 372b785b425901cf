"""The state of a refresh for Prometheus: a text file that its node exporter collects, replaced in one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tilth.shards.atomic import write_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tilth.shards.version import Version
    from tilth.workbench.refreshing.history import Run

STATES = ("done", "no news", "no drift", "awaiting approval", "checks failed", "failed", "killed")
Labels = tuple[tuple[str, str], ...]
FATES = ("kept", "dropped", "quarantined")


def write(path: Path, name: str, runs: list[Run], candidate: Version | None, served: Version | None) -> None:
    """Write the gauges of a name; runs: newest first. Raises StoreError."""
    write_file(path, text(name, runs, candidate, served).encode())


def text(name: str, runs: list[Run], candidate: Version | None, served: Version | None) -> str:
    """Return the file: Prometheus text format 0.0.4."""
    last = runs[0]
    succeeded = next((run for run in runs if not run.failed and run.ended), None)
    failures = next((at for at, run in enumerate(runs) if not run.failed), len(runs))
    states: dict[Labels, float] = {(("state", one),): float(one == last.state) for one in STATES}
    lines = [
        _gauge("last_run_timestamp_seconds", "When the loop last began.", {(): last.started}, name),
        _gauge(
            "last_run_seconds", "How long it took.", {(): (last.ended or last.started) - last.started}, name
        ),
        _gauge("state", "1 for what came of it.", states, name),
        _gauge("consecutive_failures", "Runs that failed since one did not.", {(): failures}, name),
    ]
    if succeeded:
        what = "When the last run that did not fail ended."
        lines.append(_gauge("last_success_timestamp_seconds", what, {(): succeeded.ended or 0.0}, name))
    for kind, version in (("candidate", candidate), ("served", served)):
        if version:
            counts = version.manifest.counts
            rows: dict[Labels, float] = {(("fate", fate),): float(counts[fate]) for fate in FATES}
            lines.append(_gauge(f"{kind}_lines", f"Lines of input of the {kind} version.", rows, name))
    return "".join(lines)


def _gauge(what: str, help_text: str, values: Mapping[Labels, float], name: str) -> str:
    metric = f"tilth_refresh_{what}"
    said = [f"# HELP {metric} {help_text}\n# TYPE {metric} gauge\n"]
    for labels, value in values.items():
        told = ",".join(f'{key}="{_escaped(label)}"' for key, label in (("name", name), *labels))
        said.append(f"{metric}{{{told}}} {value!r}\n")
    return "".join(said)


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
