"""Small hand-made tables that the tests of this room share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from tilth.shards.tables import DECISIONS, MEASURE_KEYS, OCCURRENCES, ROWS, conform
from tilth.validators.metrics import Tables


def rid(number: int) -> bytes:
    return number.to_bytes(16, "big")


def tables(
    decisions: Iterable[dict[str, Any]],
    *,
    repeats: Iterable[tuple[str, int, int]] = (),
    unreadable: Iterable[tuple[str, int, str]] = (),
) -> Tables:
    """Build tables from one dict per row: `n`, optionally any column of DECISIONS or ROWS, and `language`.

    Row n stands at line n of its source; repeats are (source, line, n), unreadable (source, line, reason).
    """
    lines = [{"verdict": "keep", "source": "a", **d, "row_id": rid(d["n"])} for d in decisions]
    for line in lines:
        if line["verdict"] == "keep":
            line.setdefault("split", "train")
            line.setdefault("slice", line["source"])
            line.setdefault("weight", 1_000_000)
            line.setdefault("fold", 1)
        line.setdefault("shape", "chat")
        line.setdefault("text_digest", line["n"].to_bytes(32, "big"))
    occurrences = [{"source": line["source"], "line": line["n"], "row_id": line["row_id"]} for line in lines]
    occurrences += [{"source": s, "line": line, "row_id": rid(n)} for s, line, n in repeats]
    occurrences += [{"source": s, "line": line, "reader_reason": reason} for s, line, reason in unreadable]
    for occurrence in occurrences:
        occurrence.update(source_path=f"{occurrence['source']}.jsonl", file_digest=b"\0" * 32)
    frame = (
        pl.DataFrame(lines, infer_schema_length=None).sort("row_id")
        if lines
        else pl.DataFrame({"row_id": []})
    )
    measures = conform(frame, MEASURE_KEYS)
    if "language" in frame.columns:
        measures = measures.with_columns(frame["language"].alias("language.language"))
    return Tables(
        occurrences=conform(pl.DataFrame(occurrences, infer_schema_length=None), OCCURRENCES)
        if occurrences
        else pl.DataFrame(schema=OCCURRENCES),
        rows=conform(frame, ROWS),
        decisions=conform(frame, DECISIONS),
        measures=measures,
    )
