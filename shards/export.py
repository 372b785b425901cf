"""A version as a plain dataset folder: Parquet per split, a card, croissant.json, the ledger.

`datasets.load_dataset(folder)` reads it offline. Preference pairs lie apart, as a configuration of their own in
TRL's conversational format, which its DPO and reward trainers take as it is.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from tilth.shards import atomic
from tilth.shards.card import croissant, readme
from tilth.shards.digest import exact_json, sha256_hex
from tilth.shards.errors import UsageError
from tilth.shards.tables import WEIGHT_UNIT, Role, Shape, Split
from tilth.shards.version import Version

SPLITS = {
    Split.TRAIN: "train",
    Split.FEEDBACK: "validation",
    Split.PROMOTION: "promotion",
    Split.FINAL: "test",
}
# Folder -> the configuration of `datasets` that reads it.
CONFIGS = {"data": "default", "preference": "preference"}
OPTIONAL = ("reasoning", "tool_calls", "tool_call_id", "name")
SIDES = (Role.CHOSEN.value, Role.REJECTED.value)
FILE_ROWS = 100_000
TOOL_CALLS = pl.List(
    pl.Struct(
        {
            "id": pl.String,
            "type": pl.String,
            "function": pl.Struct({"name": pl.String, "arguments": pl.String}),
        }
    )
)


def export(version: Version, out_dir: Path) -> Path:
    """Write the kept rows of `version` to a new folder and return it; reserve rows stay in the ledger.

    Columns: id, messages (role, content, reasoning, tool_calls, tool_call_id, name, and, where any answer is not to
    be learned, weight 0 or 1), tools, shape, source,
    slice, licence, attributes, weight. Preference pairs have prompt, chosen and rejected (lists of role and
    content, and of the other keys those that any pair uses) in place of messages.
    Raises UsageError if the folder holds something, StoreError.
    """
    out_dir = Path(out_dir).absolute()
    if out_dir.exists() and (not out_dir.is_dir() or any(out_dir.iterdir())):
        raise UsageError(str(out_dir), "something is there", "Nothing was written", "Name a new folder")
    with atomic.storage_errors(out_dir):
        out_dir.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}.", dir=out_dir.parent))
        try:
            _write(version, draft)
            draft.chmod(0o755)
            draft.replace(out_dir)
            atomic.sync_folder(out_dir.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return out_dir


def _write(version: Version, folder: Path) -> None:
    samples = version.samples(*SPLITS)
    is_pair = pl.col("shape").cast(pl.String) == Shape.PREFERENCE.value
    only_read = samples["turns"].list.eval(pl.element().struct.field("learned") == False)  # noqa: E712 (null is no)
    optional = (*OPTIONAL, "weight") if only_read.list.any().any() else OPTIONAL
    message = _message(optional=optional)
    files = _write_splits(
        folder, "data", samples.filter(~is_pair), pl.col("turns").list.eval(message).alias("messages")
    )
    pairs = samples.filter(is_pair)
    files += _write_splits(folder, "preference", pairs, *_sides(pairs))
    ledger = version.ledger().with_columns(
        pl.col(pl.Enum).cast(pl.String), pl.col(pl.Binary).bin.encode("hex")
    )
    atomic.write_file(folder / "ledger.parquet", _parquet(ledger))
    croissant_json = json.dumps(croissant(version.manifest, files), indent=2, ensure_ascii=False)
    atomic.write_file(folder / "croissant.json", croissant_json.encode() + b"\n")
    atomic.write_file(folder / "README.md", readme(version, samples, files).encode())


def _write_splits(folder: Path, kind: str, samples: pl.DataFrame, *texts: pl.Expr) -> list[dict[str, Any]]:
    """Write the samples with these columns of text, and return what each file holds."""
    files = []
    for split, exported in SPLITS.items():
        rows = samples.filter(pl.col("split") == split.value)
        pieces = list(rows.iter_slices(FILE_ROWS)) if rows.height else []  # datasets fails on an empty split
        for number, piece in enumerate(pieces):
            name = f"{kind}/{exported}-{number:05d}-of-{len(pieces):05d}.parquet"
            data = _parquet(_plain(piece, *texts))
            atomic.write_file(folder / name, data)
            files.append(
                {
                    "name": name,
                    "folder": kind,
                    "config": CONFIGS[kind],
                    "split": exported,
                    "rows": piece.height,
                    "bytes": len(data),
                    "sha256": sha256_hex(data),
                }
            )
    return files


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _plain(samples: pl.DataFrame, *texts: pl.Expr) -> pl.DataFrame:
    """Return samples in the types every reader knows: no enums, no binary, tool calls as nested lists."""
    return samples.select(
        pl.col("row_id").bin.encode("hex").alias("id"),
        *texts,
        "tools",
        pl.col("shape").cast(pl.String),
        "source",
        "slice",
        "licence",
        "attributes",
        (pl.col("weight") / WEIGHT_UNIT).alias("weight"),
    )


def _message(role: pl.Expr | None = None, optional: tuple[str, ...] = OPTIONAL) -> pl.Expr:
    """Return a turn as a message; `role` in place of its own."""
    turn = pl.element().struct
    fields = {
        "reasoning": turn.field("reasoning"),
        "tool_calls": turn.field("tool_calls").map_elements(_tool_calls, return_dtype=TOOL_CALLS),
        "tool_call_id": turn.field("tool_call_id"),
        "name": turn.field("name"),
        "weight": pl.when(turn.field("role").cast(pl.String) == Role.ASSISTANT.value).then(
            turn.field("learned").fill_null(True).cast(pl.Int64)
        ),
    }
    return pl.struct(
        (turn.field("role").cast(pl.String) if role is None else role).alias("role"),
        turn.field("text").alias("content"),
        *(fields[name].alias(name) for name in optional),
    )


def _sides(pairs: pl.DataFrame) -> list[pl.Expr]:
    """Return prompt, chosen and rejected of pairs; a key that no pair uses is left out of the messages."""
    turns = pairs.select("turns").explode("turns").unnest("turns")
    used = tuple(name for name in OPTIONAL if turns[name].null_count() < turns.height)
    role = pl.element().struct.field("role").cast(pl.String)
    prompt = pl.col("turns").list.eval(_message(optional=used).filter(~role.is_in(SIDES))).alias("prompt")
    answer = _message(pl.lit(Role.ASSISTANT.value), used)
    return [prompt, *(pl.col("turns").list.eval(answer.filter(role == side)).alias(side) for side in SIDES)]


def _tool_calls(text: str) -> list[dict[str, Any]]:
    """Return canonical tool calls in the form that chat templates read; arguments stay JSON."""

    def arguments(value: Any) -> str:
        return value if isinstance(value, str) else exact_json(value)

    return [
        {
            "id": call.get("id"),
            "type": "function",
            "function": {"name": call.get("name"), "arguments": arguments(call.get("arguments"))},
        }
        for call in json.loads(text)
    ]
