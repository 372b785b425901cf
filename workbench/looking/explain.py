"""tilth explain: why a row stayed or went, what rules noted of it, and what training found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from rich.markup import escape

from tilth.shards.explain import explain
from tilth.shards.feedback import Finding
from tilth.shards.tables import WEIGHT_UNIT
from tilth.shards.version import SHORT_HEX
from tilth.validators.wording import visible
from tilth.workbench.looking.differences import mark
from tilth.workbench.looking.tags import tags_of
from tilth.workbench.screen import shown
from tilth.workbench.session import in_brackets, plain_table

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.shards.store import Store
    from tilth.shards.version import Version

MAX_TEXT_CHARS = 600
SHOWN_PLACES = 5


def explained(store: Store, version: Version, row: str) -> dict[str, Any]:
    """Return what `shards.explain` does of a row or line, with `tags` and `findings` of the row.

    tags: what rules noted and left alone (columns of FINDINGS; null where the version's tags are not kept).
    findings: what training found of this text: record, run_id, finding, est_precision, evidence, read (whether the
    version read that record). Raises UsageError where nothing, or more than one row, matches.
    """
    facts = explain(version, row)
    if facts["row_id"] is None:
        return facts
    row_id = bytes.fromhex(facts["row_id"])
    kept = tags_of(store, version)
    tags = None
    if kept is not None:
        lines = kept.filter(pl.col("row_id") == row_id).drop("row_id", "verdict")
        tags = lines.with_columns(pl.col(pl.Binary).bin.encode("hex")).to_dicts()
    findings = _findings(store, version, bytes.fromhex(facts["row"]["text_digest"]))
    return facts | {"tags": tags, "findings": findings}


def _findings(store: Store, version: Version, text_digest: bytes) -> list[dict[str, Any]]:
    """Return what every record of the version's name found of this text, oldest first."""
    found = []
    for digest in store.feedback_digests(version.manifest.name):
        header, rows, _ = store.feedback(digest)
        lines = rows.filter(
            pl.col("text_digest") == text_digest, pl.col("finding").cast(pl.String) != Finding.NONE.value
        )
        read = digest in version.manifest.feedback
        for line in lines.select("finding", "est_precision", "evidence").to_dicts():
            found.append({"record": digest, "run_id": header.run_id, "read": read, **line})
    return found


def show_explained(screen: Console, version: Version, facts: dict[str, Any]) -> None:
    """Print why one row stayed or went, its tags and findings, and its witness side by side."""
    line = facts["line"]
    if facts["row_id"] is None:
        place = shown(f"{line['source_path']}:{line['line']}")
        screen.print(f"{place}: quarantined by the reader: {line['reason']}")
        return
    places = ", ".join(f"{o['source_path']}:{o['line']}" for o in facts["occurrences"][:SHOWN_PLACES])
    screen.print(f"[bold]{facts['row_id'][:SHORT_HEX]}[/]  in {version.short}  from {shown(places)}")
    _show_decision(screen, facts["decision"])
    if facts["tags"] is None:
        screen.print("tags: not kept with this version; curate it once more and they are")
    for tag in facts["tags"] or []:
        screen.print(f"tag {escape(judged(tag))}")
    for word in facts["people"]:
        why = f": {word['note']}" if word["note"] else ""
        screen.print(escape(visible(f"{word['by']} said {word['act']} on {word['at'][:10]}{why}")))
        screen.print(f"  take back with: tilth review undo {version.manifest.name} {word['id'][:12]}")
    for found in facts["findings"]:
        read = "read by this version" if found["read"] else "not read by this version"
        evidence = found["evidence"] or ""
        screen.print(escape(f"finding {found['finding']} of run {found['run_id']} ({read}): {evidence}"))
    _show_texts(screen, facts)


def _show_decision(screen: Console, decision: dict[str, Any]) -> None:
    if decision["stage"]:
        screen.print(escape(f"{decision['verdict']} {judged(decision)}"))
    else:
        screen.print(str(decision["verdict"]))
    if decision["split"]:
        screen.print(
            f"split {decision['split']}, fold {decision['fold']}, slice {escape(decision['slice'] or '')}, "
            f"weight {decision['weight'] / WEIGHT_UNIT:g}"
        )


def judged(finding: dict[str, Any]) -> str:
    """Return one finding (columns of FINDINGS) in words: rule, value beside its bound, turn, note."""
    words = f"{finding['stage']} {finding['reason']}"
    if finding["value"] is not None:
        words += f"  value {finding['value']:g}"
        words += f", bound {finding['threshold']:g}" if finding["threshold"] is not None else ""
    words += f"  in turn {finding['turn']}" if finding["turn"] is not None else ""
    return words + (f"\n{visible(finding['note'])}" if finding["note"] else "")


def _show_texts(screen: Console, facts: dict[str, Any]) -> None:
    text, witness = flat(facts["turns"], MAX_TEXT_CHARS), facts["witness"]
    if witness is None:
        screen.print(escape(text))
        return
    place = witness["occurrences"][0]
    marked = mark(text, flat(witness["turns"], MAX_TEXT_CHARS))
    left, right = (in_brackets(screen, side) for side in marked)
    table = plain_table(
        "this row",
        f"kept witness {witness['row_id'][:SHORT_HEX]}, {shown(place['source_path'])}:{place['line']}",
    )
    table.add_row(left, right)
    screen.print(table)


def flat(turns: list[dict[str, Any]], most: int) -> str:
    """Return the turns of a row as one text in which every character can be seen, at most so many characters."""
    text = "\n".join(f"{t['role']}: {t['text'] or ''}{t['tool_calls'] or ''}" for t in turns)
    return visible(text if len(text) <= most else text[:most] + "…")
