"""What is said of how the sources were read: as what, what nobody reads of them, and why nothing may be left."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from tilth.curation.reading.limits import Reason
from tilth.curation.reading.read import SourceFile
from tilth.shards.errors import SourceError, UsageError
from tilth.shards.tables import Verdict
from tilth.validators.facts.data import CountedRows, FileCount, ReadingLine

SHOWN_REASONS = 8
# What helps against a reason, by the name that a rule or the reader gives it.
REMEDIES = {
    Reason.UNKNOWN_ROLE.value: "say who the speakers are: `roles: {NAME: user}` of the source",
    Reason.NOT_TEXT.value: "`text_only: true` of the source reads such rows without their pictures",
    Reason.INVALID_UTF8.value: "say how the text is written: `encoding: cp1252` of the source",
    Reason.WRONG_COLUMNS.value: 'say what parts the fields: `delimiter: ";"` of the source',
    Reason.BAD_ANSWER.value: "rows that their own label calls bad are not learned: pair them for method: dpo, or, "
    "where the label says something else, name the columns without it: `map: {prompt: …, response: …}`",
    Reason.UNREAD_BYTES.value: "the file is damaged, or no file of its kind: fetch or write it again",
    Reason.CUT_ARRAY.value: "the file ends before its array does: fetch or write it again",
    Reason.TIED.value: "score the answers apart, or take one with `map:`",
    "turn_order": "`neighbours: merge` of the source joins messages of one role that follow each other; "
    "`roles: null` under curation keeps every order",
}


def reading_lines(files: Iterable[SourceFile]) -> list[ReadingLine]:
    """Return one line for the files of a source that were read alike, with their counts added up."""
    lines: dict[tuple[str, str, str, tuple[str, ...]], ReadingLine] = {}
    for file in files:
        how = file.intake
        line = lines.setdefault(
            (file.source, how.format, how.reading, how.others),
            ReadingLine(
                source=file.source,
                first=file.path,
                files=0,
                format=how.format,
                reading=how.reading,
                others=list(how.others),
                unread=[],
                notes=[],
                counts=[],
            ),
        )
        line["files"] += 1
        line["unread"] = _added(line["unread"], how.unread)
        line["notes"] = _added(line["notes"], how.notes)
        line["counts"].append(
            FileCount(
                path=file.path,
                records=file.lines,
                text_lines=file.text_lines,
                bytes=file.bytes,
                bytes_read=file.bytes_read,
            )
        )
    return list(lines.values())


def _added(counted: list[CountedRows], more: dict[str, int]) -> list[CountedRows]:
    total = {line["what"]: line["rows"] for line in counted}
    for what, rows in more.items():
        total[what] = total.get(what, 0) + rows
    return [
        CountedRows(what=what, rows=rows) for what, rows in sorted(total.items(), key=lambda t: (-t[1], t[0]))
    ]


def require_all_read(lines: list[ReadingLine]) -> None:
    """Raise UsageError if anything that the sources hold is read by nobody."""
    left = [f"{line['first']}: {u['what']} ({u['rows']:,} rows)" for line in lines for u in line["unread"]]
    if left:
        raise UsageError(
            "strict",
            f"the sources hold what nobody reads: {'; '.join(left[:SHOWN_REASONS])}"
            + (f" and {len(left) - SHOWN_REASONS} more" if len(left) > SHOWN_REASONS else ""),
            "Nothing was curated",
            "map it, keep it with `attributes: [COLUMN]` of the source, take it out of the file, or say strict: false",
        )


def nothing_left(name: str, lines: pl.DataFrame, decisions: pl.DataFrame) -> SourceError:
    """Return the error of a run that keeps no row, with each reason, its lines and the first of them.

    lines: schema OCCURRENCES; decisions: schema DECISIONS.
    """
    judged = decisions.filter(pl.col("verdict") != Verdict.KEEP.value).select(
        "row_id", why=pl.format("{}: {}", "stage", "reason"), key="reason"
    )
    taken = lines.join(judged, on="row_id", how="left", maintain_order="left").select(
        "source_path",
        "line",
        why=pl.coalesce(pl.format("not read: {}", "reader_reason"), "why", pl.lit("a repeat")),
        key=pl.coalesce("reader_reason", "key"),
    )
    counted = (
        taken.group_by("why", "key", maintain_order=True)
        .agg(lines=pl.len(), first=pl.format("{}:{}", "source_path", "line").first())
        .sort("lines", descending=True, maintain_order=True)
    )
    reasons = [
        f"{n:,} {why}, first {first}"
        for why, n, first in counted.select("why", "lines", "first").head(SHOWN_REASONS).iter_rows()
    ]
    helps = [REMEDIES[key] for key in counted["key"] if key in REMEDIES]
    said = f" ({'; '.join(reasons)})" if reasons else ""
    return SourceError(
        name,
        f"of {lines.height:,} lines no row is left{said}",
        "Nothing was published; the version before stands",
        "; ".join([*helps, "look at the lines with: validate FILE"]),
    )
