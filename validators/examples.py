"""A few of the rows that each rule took, shortened, for people to judge the rule by."""

from __future__ import annotations

import polars as pl

from tilth.shards.version import Version
from tilth.validators.facts.page import Example
from tilth.validators.wording import shorten, visible

PER_REASON = 4
TEXT_CHARS = 240
Key = tuple[str | None, str | None, str | None]


def examples(version: Version, ledger: pl.DataFrame, most: int) -> dict[Key, list[Example]]:
    """Return up to `most` examples in all, spread over the reasons, by (verdict, stage, reason).

    Text is what curation kept of the row, so after redaction: the turn that broke the rule, else the last
    two, an arrow between them.
    """
    key = ["verdict", "stage", "reason"]
    taken = ledger.filter(pl.col("verdict") != "keep").sort(
        *key, "row_id", "source_path", "line", nulls_last=True
    )
    rank = pl.int_range(pl.len()).over(key)
    chosen = taken.with_columns(rank=rank).filter(pl.col("rank") < PER_REASON).sort("rank", *key).head(most)
    texts = _texts(version, chosen)
    found: dict[Key, list[Example]] = {}
    for line in chosen.sort(*key, "rank").to_dicts():
        repeat_of = "" if line["witness_path"] is None else f"{line['witness_path']}:{line['witness_line']}"
        example = Example(
            row="" if line["row_id"] is None else line["row_id"].hex()[:12],
            place=f"{line['source_path']}:{line['line']}",
            text=texts.get((line["row_id"], line["turn"]), ""),
            witness=repeat_of,
        )
        found.setdefault(tuple(line[name] for name in key), []).append(example)
    return found


def _texts(version: Version, chosen: pl.DataFrame) -> dict[tuple[bytes, int | None], str]:
    """Return the shortened text of (row_id, turn); turn None stands for the row's last two turns."""
    ids = chosen["row_id"].drop_nulls().unique(maintain_order=True)
    if not ids.len():
        return {}
    said = pl.coalesce("text", "tool_calls").fill_null("").str.slice(0, 4 * TEXT_CHARS)
    texts: dict[tuple[bytes, int | None], str] = {}
    for row_id, turn, text in version.turns(ids).select("row_id", "turn", said).iter_rows():
        before = texts.get((row_id, turn - 1)) if turn else None
        texts[(row_id, turn)] = line = visible(" ".join(text.split()))
        texts[(row_id, None)] = line if before is None else f"{shorten(before, TEXT_CHARS // 2)} → {line}"
    return {key: shorten(text, TEXT_CHARS) for key, text in texts.items()}
