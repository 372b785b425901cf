"""Schemas of every table that Tilth keeps.

Ids are 16 bytes (blake2b-128), digests 32 bytes (sha256 or blake2b-256), both as Binary.
Values are Float64 rounded to 1e-6; weights are UInt32 millionths; names from a closed set are Enum.
"""

from __future__ import annotations

from enum import StrEnum

import polars as pl

FOLDS = 40
WEIGHT_UNIT = 1_000_000
VALUE_DECIMALS = 6


class Shape(StrEnum):
    CHAT = "chat"
    INSTRUCTION = "instruction"
    DOCUMENT = "document"
    PREFERENCE = "preference"


class Role(StrEnum):
    """Who speaks in a turn; a document is one `document` turn, a preference pair ends in `chosen` and
    `rejected`."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    DOCUMENT = "document"
    CHOSEN = "chosen"
    REJECTED = "rejected"


class Verdict(StrEnum):
    KEEP = "keep"
    DROP = "drop"
    QUARANTINE = "quarantine"


class Split(StrEnum):
    """`feedback` is exported as `validation`, `final` as `test`; `reserve` is kept with weight 0."""

    TRAIN = "train"
    FEEDBACK = "feedback"
    PROMOTION = "promotion"
    FINAL = "final"
    RESERVE = "reserve"


SHAPE = pl.Enum([s.value for s in Shape])
ROLE = pl.Enum([r.value for r in Role])
VERDICT = pl.Enum([v.value for v in Verdict])
SPLIT = pl.Enum([s.value for s in Split])

# One line per line of input. `line` counts from 1 (record number for CSV, Parquet, JSON arrays).
# Exactly one of `row_id` and `reader_reason` is null.
OCCURRENCES = pl.Schema(
    {
        "file_digest": pl.Binary(),
        "source_path": pl.String(),
        "source": pl.String(),
        "line": pl.Int64(),
        "row_id": pl.Binary(),
        "reader_reason": pl.String(),
    }
)

# Reasons of lines that stand for a part of a file of which nobody knows how many rows it held: it was cut, its checksum
# fails, a bound was reached, or the process that read it ended.
UNFINISHED = (
    "cut_archive",
    "cut_array",
    "damaged_archive",
    "expansion_limit",
    "file_limit",
    "unread_bytes",
    "reader_died",
    "reader_stalled",
    "memory_limit",
)

# One line per distinct readable row; provenance comes from its least occurrence (source_path, line).
# `attributes` and `tools` are canonical JSON.
ROWS = pl.Schema(
    {
        "row_id": pl.Binary(),
        "text_digest": pl.Binary(),
        "shape": SHAPE,
        "source": pl.String(),
        "group": pl.String(),
        "licence": pl.String(),
        "attributes": pl.String(),
        "tools": pl.String(),
    }
)

# The text of a row after rewrites. `tool_calls` is canonical JSON: [{"id","name","arguments"}]. `learned` is false
# for an answer that its source says is only to be read (OpenAI's `weight: 0`), null for every other turn.
TURNS = pl.Schema(
    {
        "row_id": pl.Binary(),
        "turn": pl.UInt16(),
        "role": ROLE,
        "text": pl.String(),
        "reasoning": pl.String(),
        "tool_calls": pl.String(),
        "tool_call_id": pl.String(),
        "name": pl.String(),
        "learned": pl.Boolean(),
    }
)

# What one rule (or barrier) says of one row; the ledger keeps the first that does not keep. `note` says in words
# what was found (the evaluation item and the span, say); it is evidence, and no part of a content id.
FINDINGS = pl.Schema(
    {
        "row_id": pl.Binary(),
        "verdict": VERDICT,
        "stage": pl.String(),
        "reason": pl.String(),
        "value": pl.Float64(),
        "threshold": pl.Float64(),
        "turn": pl.UInt16(),
        "witness_id": pl.Binary(),
        "note": pl.String(),
    }
)

# One line per distinct readable row, in row_id order (so it aligns with ROWS by position).
# split, fold, slice and weight are null unless the verdict is keep.
DECISIONS = pl.Schema(
    {
        **FINDINGS,
        "split": SPLIT,
        "fold": pl.UInt8(),
        "slice": pl.String(),
        "weight": pl.UInt32(),
    }
)

# Measures are wide: these keys, then one Float64/String column per measure named `stage.measure`.
MEASURE_KEYS = pl.Schema({"row_id": pl.Binary(), "turn": pl.UInt16()})

# The exported ledger: exactly one line per input line.
LEDGER = pl.Schema(
    {
        "source_path": pl.String(),
        "source": pl.String(),
        "line": pl.Int64(),
        "row_id": pl.Binary(),
        "verdict": VERDICT,
        "stage": pl.String(),
        "reason": pl.String(),
        "value": pl.Float64(),
        "threshold": pl.Float64(),
        "turn": pl.UInt16(),
        "witness_id": pl.Binary(),
        "witness_path": pl.String(),
        "witness_line": pl.Int64(),
        "note": pl.String(),
        "split": SPLIT,
        "fold": pl.UInt8(),
        "slice": pl.String(),
        "weight": pl.UInt32(),
    }
)


def conform(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Return `frame` with exactly the columns of `schema`, in order and cast; absent columns become null.

    Raises polars.exceptions.InvalidOperationError if a value does not fit its column.
    """
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    )


def empty(schema: pl.Schema) -> pl.DataFrame:
    """Return a frame of no rows with the columns of `schema`."""
    return pl.DataFrame(schema=schema)
