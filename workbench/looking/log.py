"""tilth log: the versions of a name, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tilth.shards.version import SHORT_HEX
from tilth.workbench.session import plain_table

if TYPE_CHECKING:
    from rich.console import Console

COUNTED = ("kept", "dropped", "quarantined")


def show_log(screen: Console, entries: list[dict[str, Any]]) -> None:
    """Print what `Store.log` returns, a line a version."""
    table = plain_table("version", "published", *COUNTED, "feedback", "checks", "refs")
    for entry in entries:
        failed = [name for name, passed in entry["checks"].items() if not passed]
        table.add_row(
            entry["id"][:SHORT_HEX],
            str(entry["published_at"] or "")[:19],
            *(f"{entry['counts'][key]:,}" for key in COUNTED),
            str(len(entry["feedback"])),
            "failed: " + ", ".join(failed) if failed else "passed",
            ", ".join(entry["refs"]),
        )
    screen.print(table)
