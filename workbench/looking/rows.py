"""tilth rows: what a rule, a tag, a finding or two versions name, with text, place, value, bound and witness."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.markup import escape

from tilth.shards.atomic import write_file
from tilth.shards.diff import diff
from tilth.shards.errors import UsageError
from tilth.shards.feedback import Finding
from tilth.shards.ledger import first_occurrences
from tilth.shards.tables import LEDGER, Verdict
from tilth.shards.version import SHORT_HEX
from tilth.validators.wording import shorten, visible
from tilth.workbench.looking.tags import tags_of
from tilth.workbench.registry import closest
from tilth.workbench.screen import shown
from tilth.workbench.session import plain_table

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.shards.store import Store
    from tilth.shards.version import Version

LISTED = ("row_id", "source_path", "line", "verdict", "stage", "reason", "value", "threshold", "turn",
          "witness_id", "witness_path", "witness_line", "note", "split", "slice")  # fmt: skip
MOVES = ("added", "removed", "verdict", "reason", "split")
SHOWN_CHARS = 160
SUFFIXES = (".jsonl", ".parquet")


@dataclass(frozen=True)
class Chosen:
    """Which rows are asked for; exactly one of them is set.

    finding: of training. rule, tag: a reason or a stage. moved: two versions, by id or ref.
    """

    finding: str | None = None
    rule: str | None = None
    tag: str | None = None
    quarantined: bool = False
    moved: tuple[str, str] | None = None


def rows_of(store: Store, version: Version, chosen: Chosen) -> pl.DataFrame:
    """Return the columns LISTED and `text` of the rows that are asked for, in the order of their places.

    text: every turn with its role, whole; null for a line that could not be read. Raises UsageError where nothing of
    that name was found, naming what was.
    """
    if chosen.moved:
        version = store.version(chosen.moved[1])
        found = _moved(store.version(chosen.moved[0]), version)
    elif chosen.finding:
        found = _found(store, version, chosen.finding)
    elif chosen.tag:
        found = _tagged(store, version, chosen.tag)
    else:
        found = _taken(version, chosen.rule)
    return _with_texts(version, found.sort("source_path", "line", nulls_last=True))


def _taken(version: Version, rule: str | None) -> pl.DataFrame:
    """Return the lines that a rule (or, without one, any) took out: of a stage, a reason, or all set aside."""
    ledger = version.ledger().with_columns(pl.col("verdict", "split").cast(pl.String))
    if rule is None:
        return ledger.filter(pl.col("verdict") == Verdict.QUARANTINE.value).select(LISTED)
    taken = ledger.filter(pl.col("verdict") != Verdict.KEEP.value)
    return _named(taken, rule, "rule", version).select(LISTED)


def _tagged(store: Store, version: Version, tag: str) -> pl.DataFrame:
    tags = tags_of(store, version)
    if tags is None:
        raise UsageError(
            f"version {version.short}", "its tags were not kept", "", "run curate once more: it keeps them"
        )
    return _at_their_places(version, _named(tags, tag, "tag", version))


def _found(store: Store, version: Version, finding: str) -> pl.DataFrame:
    """Return the rows of which some run found this, or that lie in a slice of which it did; the newest word counts."""
    known = [one.value for one in Finding if one not in (Finding.NONE, Finding.INCONCLUSIVE)]
    if finding not in known:
        raise UsageError(f"--finding {finding}", "there is no such finding", "", closest(finding, known))
    keys = version.rows(["row_id", "text_digest"]).hstack(version.decisions().select("slice"))
    said = [
        pl.DataFrame(
            schema={"row_id": pl.Binary, "reason": pl.String, "value": pl.Float64, "note": pl.String}
        )
    ]
    for digest in reversed(store.feedback_digests(version.manifest.name)):
        header, rows, slices = store.feedback(digest)
        for lines, key in ((rows, "text_digest"), (slices, "slice")):
            value = "est_precision" if key == "text_digest" else "lcb"
            named = lines.filter(pl.col("finding").cast(pl.String) == finding).unique(key, keep="last")
            joined = keys.drop_nulls(key).join(named.select(key, value, "evidence"), on=key)
            note = pl.format("run {}: {}", pl.lit(header.run_id), pl.col("evidence").fill_null(""))
            said.append(joined.select("row_id", reason=pl.lit(finding), value=pl.col(value), note=note))
    rows = pl.concat(said).unique("row_id", keep="first", maintain_order=True)
    return _at_their_places(version, rows.with_columns(stage=pl.lit("training")))


def _moved(old: Version, new: Version) -> pl.DataFrame:
    """Return the rows that came, went, or changed verdict, reason or split; the note says from what to what."""
    changes = diff(old, new).with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    changes = changes.filter(pl.col("change").is_in(MOVES)).unique(
        "row_id", keep="first", maintain_order=True
    )
    sides = [
        pl.concat_str([pl.col(f"{name}_{side}") for name in ("verdict", "stage", "reason", "split")],
                      separator=" ", ignore_nulls=True)
        for side in ("before", "after")
    ]  # fmt: skip
    moved = changes.select("row_id", note=pl.format("{}: {} → {}", "change", *sides))
    gone = moved.join(new.rows(["row_id"]), on="row_id", how="anti")
    return pl.concat([
        _at_their_places(new, moved.join(gone, on="row_id", how="anti")),
        _at_their_places(old, gone),
    ])  # fmt: skip


def _named(lines: pl.DataFrame, name: str, what: str, version: Version) -> pl.DataFrame:
    """Return the lines of a reason or a stage. Raises UsageError naming the closest of those there are."""
    found = lines.filter((pl.col("reason") == name) | (pl.col("stage") == name))
    if found.is_empty():
        known = sorted({*lines["reason"].drop_nulls(), *lines["stage"].drop_nulls()})
        raise UsageError(
            f"--{what} {name}",
            f"no row of version {version.short} has it",
            "",
            closest(name, known) if known else f"the version has no row with a {what}",
        )
    return found


def _at_their_places(version: Version, rows: pl.DataFrame) -> pl.DataFrame:
    """Return LISTED of rows (row_id and some columns of it): what is not given is as the version decided."""
    decisions = version.decisions().with_columns(pl.col("verdict", "split").cast(pl.String))
    places = first_occurrences(version.occurrences())
    witnesses = places.select(witness_id="row_id", witness_path="source_path", witness_line="line")
    given = [name for name in rows.columns if name in LISTED and name != "verdict"]
    whole = rows.select(given).join(decisions.drop(given, strict=False).hstack(decisions.select("row_id")), on="row_id",
                                    how="left", maintain_order="left")  # fmt: skip
    whole = whole.join(places, on="row_id", how="left").join(witnesses, on="witness_id", how="left")
    schema = {**LEDGER, "verdict": pl.String(), "split": pl.String()}
    return whole.select(pl.col(name).cast(schema[name]) for name in LISTED)


def _with_texts(version: Version, rows: pl.DataFrame) -> pl.DataFrame:
    ids = rows["row_id"].drop_nulls().unique()
    turns = version.turns(ids).with_columns(pl.col("role").cast(pl.String))
    said = pl.format("{}: {}{}", "role", pl.col("text").fill_null(""), pl.col("tool_calls").fill_null(""))
    texts = turns.group_by("row_id", maintain_order=True).agg(text=said.str.join("\n"))
    with_texts = rows.join(texts, on="row_id", how="left", maintain_order="left")
    return with_texts.with_columns(pl.col(pl.Binary).bin.encode("hex"))


def write_rows(rows: pl.DataFrame, path: Path) -> None:
    """Write the rows as JSON lines or Parquet, as the suffix says. Raises UsageError for another suffix."""
    if path.suffix == ".parquet":
        import io

        buffer = io.BytesIO()
        rows.write_parquet(buffer, compression="zstd")
        write_file(path, buffer.getvalue())
    elif path.suffix == ".jsonl":
        write_file(path, as_lines(rows).encode())
    else:
        raise UsageError(f"--out {path}", "is no .jsonl and no .parquet", "Nothing was written")


def as_lines(rows: pl.DataFrame) -> str:
    """Return the rows as JSON lines in plain ASCII: nothing in a text can steer a terminal."""
    return "".join(f"{json.dumps(row, ensure_ascii=True)}\n" for row in rows.iter_rows(named=True))


def show_rows(screen: Console, rows: pl.DataFrame, max_rows: int) -> None:
    """Print the first rows as a table, and how many there are."""
    table = plain_table("row", "place", "rule", "value", "bound", "witness", "text")
    for row in rows.head(max_rows).iter_rows(named=True):
        place = f"{row['source_path']}:{row['line']}"
        witness = f"{row['witness_path']}:{row['witness_line']}" if row["witness_path"] else ""
        rule = " ".join(part for part in (row["verdict"], row["stage"], row["reason"]) if part)
        text = shorten(visible(" ".join((row["text"] or "").split())), SHOWN_CHARS)
        note = f"\n{shorten(visible(row['note']), SHOWN_CHARS)}" if row["note"] else ""
        cells = ((row["row_id"] or "")[:SHORT_HEX], place, rule, _number(row["value"]), _number(row["threshold"]),
                 witness, text + note)  # fmt: skip
        table.add_row(*(shown(cell) for cell in cells[:-1]), escape(cells[-1]))
    if table.row_count:
        screen.print(table)
    more = f", {max_rows:,} shown (--rows N, or --out FILE for all)" if rows.height > max_rows else ""
    screen.print(f"{rows.height:,} rows{more}")


def _number(value: Any) -> str:
    return "" if value is None else f"{value:g}"
