"""Ids and digests: of bytes, of a row as read, of its text after rewrites, of what a version decided.

All are computed from logical values, so that row order, paths, threads and library versions leave no trace.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from tilth.shards.tables import TURNS

ROW_ID_BYTES = 16
TEXT_DIGEST_BYTES = 32
CONTENT_FORMAT = "tilth-content-1"
TURN_KEYS = tuple(sorted(set(TURNS) - {"row_id", "turn"}))
CHUNK_ROWS = 20_000

# Column -> bytes of a value; strings are coded through their sorted vocabulary.
_FIXED = {"row_id": ROW_ID_BYTES, "text_digest": TEXT_DIGEST_BYTES, "witness_id": ROW_ID_BYTES}
_INTEGERS = ("turn", "fold", "weight")


def sha256_hex(data: bytes) -> str:
    """Return the sha256 of `data` as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file as 64 hex digits, reading it in pieces. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: Any) -> bytes:
    """Return `value` as compact UTF-8 JSON with sorted keys.

    Raises TypeError for what JSON lacks: other types, lone surrogates, integers beyond 64 bits. NaN and the
    infinities become null.
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def exact_json(value: Any) -> str:
    """Return `value` as canonical JSON that reads back as the same value: integers have any size.

    Raises ValueError for NaN and the infinities, which JSON lacks, TypeError for other types.
    """
    try:
        text = canonical_json(value).decode()
    except TypeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    if "null" in text and not _is_finite(value):
        raise ValueError("JSON has no number that is not finite")
    return text


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return all(map(_is_finite, inner))


def _canonical_row(shape: str, turns: list[dict[str, Any]], tools: str | None) -> bytes:
    row = {"shape": shape, "turns": turns}
    if tools is not None:
        row["tools"] = tools
    return orjson.dumps(row, option=orjson.OPT_SORT_KEYS)


def row_id(shape: str, turns: list[dict[str, Any]], tools: str | None) -> bytes:
    """Return the 16-byte id of a row as read.

    turns: dicts with the columns of TURNS except `row_id` and `turn`; a key whose value is None counts as
    absent. Raises TypeError where `canonical_json` does.
    """
    present = [
        {key: value for key, value in turn.items() if value is not None} if None in turn.values() else turn
        for turn in turns
    ]
    return hashlib.blake2b(_canonical_row(shape, present, tools), digest_size=ROW_ID_BYTES).digest()


def text_digests(rows: pl.DataFrame, turns: pl.DataFrame) -> pl.DataFrame:
    """Digest the text of each row as it stands after rewrites, in the canonical form of `row_id`.

    rows: row_id, shape, tools, one line a row. turns: schema TURNS, in any order.
    Returns row_id and text_digest (32 bytes) in row_id order. Raises ValueError if a turn has no row.
    """
    heads = rows.select("row_id", "shape", "tools").sort("row_id")
    turns = turns.sort("row_id", "turn")
    counts = turns.group_by("row_id").len("n_turns")
    heads = (
        heads.join(counts, on="row_id", how="left")
        .sort("row_id")
        .with_columns(pl.col("n_turns").fill_null(0))
    )
    if int(heads["n_turns"].sum()) != turns.height:
        raise ValueError("rows must be distinct and every turn must belong to one")
    digests: list[bytes] = []
    start = 0
    for chunk in heads.iter_slices(CHUNK_ROWS):
        length = int(chunk["n_turns"].sum())
        digests += _chunk_digests(chunk, turns.slice(start, length))
        start += length
    return heads.select("row_id", pl.Series("text_digest", digests, dtype=pl.Binary()))


def _chunk_digests(heads: pl.DataFrame, turns: pl.DataFrame) -> list[bytes]:
    keys = [key for key in TURN_KEYS if turns[key].null_count() < turns.height]
    values = zip(*(turns[key].to_list() for key in keys), strict=True)
    if any(turns[key].null_count() for key in keys):
        dicts = [{k: v for k, v in zip(keys, vs, strict=True) if v is not None} for vs in values]
    else:
        dicts = [dict(zip(keys, vs, strict=True)) for vs in values]
    digests, start = [], 0
    for shape, tools, count in heads.select("shape", "tools", "n_turns").iter_rows():
        row = _canonical_row(shape, dicts[start : start + count], tools)
        digests.append(hashlib.blake2b(row, digest_size=TEXT_DIGEST_BYTES).digest())
        start += count
    return digests


def content_id(rows: pl.DataFrame, decisions: pl.DataFrame) -> str:
    """Return the hex sha256 of what was decided about which text: the same for equal logical values.

    rows: row_id, text_digest. decisions: schema DECISIONS for the same rows. Both in any order. Hashed in
    row_id order, column by column: row_id, text_digest, verdict, stage, reason, turn, witness_id, split,
    fold, slice, weight. Raises ValueError unless both hold the same distinct rows.
    """
    rows, decisions = (_in_row_order(frame) for frame in (rows.select("row_id", "text_digest"), decisions))
    if rows["row_id"].is_duplicated().any() or not rows["row_id"].equals(decisions["row_id"]):
        raise ValueError("rows and decisions must hold the same distinct row_ids")
    digest = hashlib.sha256(canonical_json({"format": CONTENT_FORMAT, "rows": rows.height}))
    for name in ("row_id", "text_digest"):
        _add_fixed(digest, name, rows[name])
    for name in ("verdict", "stage", "reason", "turn", "witness_id", "split", "fold", "slice", "weight"):
        if name in _FIXED:
            _add_fixed(digest, name, decisions[name])
        elif name in _INTEGERS:
            codes = decisions[name].cast(pl.Int64).fill_null(-1)
            digest.update(canonical_json([name]) + codes.to_numpy().astype("<i8").tobytes())
        else:
            _add_names(digest, name, decisions[name].cast(pl.String))
    return digest.hexdigest()


def _in_row_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Sort a frame by row_id, or return it as it is where it is in order: a copy of a large one costs much."""
    return frame if frame["row_id"].is_sorted() else frame.sort("row_id")


def _add_fixed(digest: Any, name: str, values: pl.Series) -> None:
    present = values.drop_nulls()
    if not (present.bin.size() == _FIXED[name]).all():
        raise ValueError(f"{name} must be {_FIXED[name]} bytes")
    nulls = values.is_null().to_numpy().astype(np.uint8).tobytes()
    digest.update(canonical_json([name, len(present)]) + nulls)
    for start in range(0, len(present), CHUNK_ROWS):
        digest.update(b"".join(present.slice(start, CHUNK_ROWS).to_list()))


def _add_names(digest: Any, name: str, values: pl.Series) -> None:
    vocabulary = sorted(values.drop_nulls().unique().to_list())
    codes = values.replace_strict(
        vocabulary, list(range(len(vocabulary))), default=-1, return_dtype=pl.Int64
    ).fill_null(-1)
    digest.update(canonical_json([name, vocabulary]) + codes.to_numpy().astype("<i8").tobytes())
