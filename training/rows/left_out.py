"""What of the data no example holds, in lines for people: rows with nothing to learn, parts that are not shown."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from tilth.shards.errors import TrainingError, Untrainable
from tilth.shards.version import Version
from tilth.training.rows.probe import Part
from tilth.training.rows.text import TOO_LONG, Rendered

MAX_SKIPPED = 0.005  # share of rows without a label above which a run refuses to start
MIN_ROWS_FOR_ONE = 20  # of so many rows one may be left out, whatever its share
WHAT_FOLLOWS = {
    Part.REASONING.value: "it is not learned",
    Part.EARLIER_REASONING.value: "later answers are learned without it",
    Part.DETAILS.value: "names alone stand in the prompts",
}
ADVICE = {
    TOO_LONG: "Raise training.max_tokens if the base reads more, drop them with curation.length.max_chars",
    "training.": "Set the key that is named",
    "the template": "Set training.template to one that writes them",
}


def named_rows(rendered: Rendered, version: Version) -> dict[bytes, str]:
    """Return where the first row of each reason, and the longest row, came from: path:line by row id."""
    first = {reason: row for row, reason in reversed(rendered.skipped.items())}
    longest = max(rendered.truncated, key=lambda row: rendered.truncated[row], default=None)
    wanted = {*first.values(), *([] if longest is None else [longest])}
    found = (
        version.occurrences()
        .filter(pl.col("row_id").is_in(pl.Series(sorted(wanted), dtype=pl.Binary).implode()))
        .sort("source_path", "line")
        .unique("row_id", keep="first", maintain_order=True)
    )
    places = found.select("row_id", "source_path", "line").iter_rows()
    return {row_id: f"{path}:{line}" for row_id, path, line in places}


def left_out(rendered: Rendered, max_tokens: int, places: Mapping[bytes, str]) -> list[str]:
    """Return a line for every reason why rows have nothing to learn, with their count and the first of them."""
    rows_of: dict[str, list[bytes]] = {}
    for row, reason in rendered.skipped.items():
        rows_of.setdefault(reason, []).append(row)
    return [
        f"{_rows(len(rows))}: {reason}, {'first ' if len(rows) > 1 else ''}"
        f"{_named(rows[0], rendered, max_tokens, places)}"
        for reason, rows in sorted(rows_of.items())
    ]


def unshown(rendered: Rendered) -> list[str]:
    """Return a line for every part that the template passes over, with the count of rows that hold it."""
    return [
        f"{_rows(len(rows))} {'holds' if len(rows) == 1 else 'hold'} {part}, which the template does not write: "
        f"{WHAT_FOLLOWS[part]}"
        for part, rows in sorted(rendered.unshown.items())
    ]


def longest(rendered: Rendered, max_tokens: int, places: Mapping[bytes, str]) -> str:
    """Return the row of which most is cut, with its tokens; empty where nothing is cut."""
    row = max(rendered.truncated, key=lambda row: rendered.truncated[row], default=None)
    return "" if row is None else _named(row, rendered, max_tokens, places)


def require_labels(rendered: Rendered, rows: int, what: str, reasons: list[str]) -> None:
    """Refuse to train when more than MAX_SKIPPED of the rows hold nothing to learn.

    One row may be left out of MIN_ROWS_FOR_ONE. Raises Untrainable with the reasons, TrainingError
    where there are no rows at all.
    """
    allowed = max(MAX_SKIPPED * rows, 1 if rows >= MIN_ROWS_FOR_ONE else 0)
    if len(rendered.skipped) <= allowed and rendered.examples:
        return
    if not rows:
        raise TrainingError(
            what,
            "it holds no row to train on",
            "Nothing was trained",
            "Add data, or take less of it for curation.split and training.twin_folds",
        )
    advice = [text for key, text in ADVICE.items() if any(key in reason for reason in reasons)]
    raise Untrainable(
        what,
        f"{len(rendered.skipped)} of {rows} rows have nothing to learn from ({'; '.join(reasons) or 'no rows'})",
        f"More than {MAX_SKIPPED:.1%} of the data would be left out",
        ". ".join(advice) or "Drop these rows",
    )


def _named(row: bytes, rendered: Rendered, max_tokens: int, places: Mapping[bytes, str]) -> str:
    """Return where a row came from, and how long it is if it is too long."""
    place = places.get(row, row.hex()[:12])
    if row not in rendered.truncated:
        return place
    return f"{place} with {rendered.truncated[row] + max_tokens:,} tokens where {max_tokens:,} are read"


def _rows(count: int) -> str:
    return f"{count:,} row" + ("" if count == 1 else "s")
