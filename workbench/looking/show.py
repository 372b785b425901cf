"""tilth show: what a version is made of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from tilth.shards.tables import Split
from tilth.workbench.screen import shown

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.shards.version import Version

SPLITS = [split.value for split in Split]


def manifest_of(version: Version) -> dict[str, Any]:
    """Return the manifest of a version with its id."""
    return {"id": version.id, **json.loads(version.manifest.to_bytes())}


def show_manifest(screen: Console, version: Version) -> None:
    """Print the manifest of a version: what it came from, how many rows, which files."""
    manifest = manifest_of(version)
    screen.print(f"[bold]{manifest['name']}[/] {version.id}")
    for key in ("content_id", "parent", "recipe_digest", "sources", "feedback"):
        value = manifest[key]
        text = ", ".join(value) if isinstance(value, list) else value
        screen.print(f"{key.replace('_', ' '):<16} {escape(text or '–')}")
    counts = manifest["counts"]
    for key in sorted(counts, key=lambda key: (key in SPLITS, key)):
        screen.print(f"{'split ' + key if key in SPLITS else key:<16} {counts[key]:,}")
    paths = version.occurrences().group_by("source_path").len().sort("source_path")
    for path, lines in paths.iter_rows():
        screen.print(f"{'source':<16} {shown(path)} ({lines:,} lines)")
