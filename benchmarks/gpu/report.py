"""gpu.json, and the same as a table."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def write(found: dict[str, Any], out: Path) -> None:
    """Write gpu.json and gpu.md into a folder and print the table."""
    out.mkdir(parents=True, exist_ok=True)
    whole = {"command": "make gpu", "date": datetime.now(UTC).date().isoformat(), **found}
    (out / "gpu.json").write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    text = table(whole)
    (out / "gpu.md").write_text(text, encoding="utf-8")
    print(text)


def table(found: dict[str, Any]) -> str:
    """Return the checks and the runs as Markdown."""
    machine = found["machine"]
    head = f"{machine['card']}, torch {machine['versions']['torch']}, {found['date']}"
    lines = [head, "", "| must hold | |", "|---|---|"]
    lines += [f"| {name} | {_said(check)} |" for name, check in found["checks"].items()]
    lines += [
        "",
        "| run | tokens/s | MFU | planned, GiB | measured, GiB | error |",
        "|---|---|---|---|---|---|",
    ]
    for name, run in found["runs"].items():
        if "tokens_per_s" not in run:
            lines.append(f"| {name} | {_said(run)} | | | | |")
            continue
        mfu, error = run.get("mfu"), run.get("memory_error")
        cells = [
            f"{name}{', recomputed' * run['recomputed']}",
            f"{run['tokens_per_s']:,}",
            "" if mfu is None else f"{mfu:.1%}",
            f"{run['planned_gib']:.2f}",
            f"{run['measured_gib']:.2f}" if "measured_gib" in run else "",
            "" if error is None else f"{error:+.1%}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _said(found: dict[str, Any]) -> str:
    for key in ("left out", "failed"):
        if key in found:
            return f"{key}: {found[key]}"
    return "yes" if found.get("passed") else "no"
