"""How sources were read, on the screen: as what, what else they could be, and what of them nobody reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tilth.validators.facts.data import FileCount, ReadingLine
from tilth.workbench.screen import shown

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_LINES, SHOWN_PATHS = 12, 8


def amount(counts: Sequence[FileCount]) -> str:
    """Return how much of files was read: records, lines of text, and bytes as stored, with those that were not read."""
    said = [f"{sum(file['records'] for file in counts):,} records"]
    lines = [file["text_lines"] for file in counts if file["text_lines"] is not None]
    if lines:
        said.append(f"{sum(lines):,} lines of text")
    stored = sum(file["bytes"] for file in counts)
    known = [file["bytes_read"] for file in counts if file["bytes_read"] is not None]
    if len(known) < len(counts):
        return ", ".join([*said, f"not all of {stored:,} bytes read"])
    all_read = f"{stored:,} bytes, all read"
    return ", ".join(
        [*said, all_read if sum(known) == stored else f"{sum(known):,} of {stored:,} bytes read"]
    )


def show_readings(screen: Console, lines: Sequence[ReadingLine]) -> None:
    """Print a line for every way that files were read, and below it what should be known of it."""
    for line in lines[:SHOWN_LINES]:
        more = f" and {line['files'] - 1:,} more" if line["files"] > 1 else ""
        reading = line["reading"] or "no row"
        screen.print(f"read   {shown(line['first'])}{more} ({line['format']}) as {shown(reading)}")
        screen.print(f"       {amount(line['counts'])}")
        for other in line["others"]:
            screen.print(f"[yellow]note[/]   it could be read as {shown(other)} too: say which with `map:`")
        for counted in line["unread"][:SHOWN_PATHS]:
            screen.print(f"[yellow]unread[/] {shown(counted['what'])}: {counted['rows']:,} rows")
        if len(line["unread"]) > SHOWN_PATHS:
            screen.print(f"[yellow]unread[/] {len(line['unread']) - SHOWN_PATHS} more, on the page")
        for counted in line["notes"]:
            screen.print(f"[yellow]note[/]   {shown(counted['what'])}: {counted['rows']:,} rows")
    if len(lines) > SHOWN_LINES:
        screen.print(f"read   {len(lines) - SHOWN_LINES:,} more sources, on the page")
