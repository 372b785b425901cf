"""A version as a plain dataset folder: Parquet per split, a card, croissant.json, the ledger.

`datasets.load_dataset(folder)` reads it offline.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from tilth.shards import atomic
from tilth.shards.card import croissant, readme
from tilth.shards.digest import sha256_hex
from tilth.shards.errors import UsageError
from tilth.shards.tables import WEIGHT_UNIT, Split
from tilth.shards.version import Version

SPLITS = {
    Split.TRAIN: "train",
    Split.FEEDBACK: "validation",
    Split.PROMOTION: "promotion",
    Split.FINAL: "test",
}
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

    Columns: id, messages (role, content, reasoning, tool_calls, tool_call_id, name), tools, shape, source,
    slice, licence, attributes, weight. Raises UsageError if the folder holds something, StoreError.
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
    files: list[dict[str, Any]] = []
    samples = version.samples(*SPLITS)
    for split, exported in SPLITS.items():
        rows = samples.filter(pl.col("split") == split.value)
        pieces = list(rows.iter_slices(FILE_ROWS)) if rows.height else []  # datasets fails on an empty split
        for number, piece in enumerate(pieces):
            name = f"data/{exported}-{number:05d}-of-{len(pieces):05d}.parquet"
            data = _parquet(_plain(piece))
            atomic.write_file(folder / name, data)
            files.append(
                {
                    "name": name,
                    "split": exported,
                    "rows": piece.height,
                    "bytes": len(data),
                    "sha256": sha256_hex(data),
                }
            )
    ledger = version.ledger().with_columns(
        pl.col(pl.Enum).cast(pl.String), pl.col(pl.Binary).bin.encode("hex")
    )
    atomic.write_file(folder / "ledger.parquet", _parquet(ledger))
    croissant_json = json.dumps(croissant(version.manifest, files), indent=2, ensure_ascii=False)
    atomic.write_file(folder / "croissant.json", croissant_json.encode() + b"\n")
    atomic.write_file(folder / "README.md", readme(version, samples, files).encode())


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _plain(samples: pl.DataFrame) -> pl.DataFrame:
    """Return samples in the types every reader knows: no enums, no binary, tool calls as nested lists."""
    message = pl.element().struct
    messages = pl.col("turns").list.eval(
        pl.struct(
            role=message.field("role").cast(pl.String),
            content=message.field("text"),
            reasoning=message.field("reasoning"),
            tool_calls=message.field("tool_calls").map_elements(_tool_calls, return_dtype=TOOL_CALLS),
            tool_call_id=message.field("tool_call_id"),
            name=message.field("name"),
        )
    )
    return samples.select(
        pl.col("row_id").bin.encode("hex").alias("id"),
        messages.alias("messages"),
        "tools",
        pl.col("shape").cast(pl.String),
        "source",
        "slice",
        "licence",
        "attributes",
        (pl.col("weight") / WEIGHT_UNIT).alias("weight"),
    )


def _tool_calls(text: str) -> list[dict[str, Any]]:
    """Return canonical tool calls in the form that chat templates read; arguments stay JSON."""

    def arguments(value: Any) -> str:
        return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()

    return [
        {
            "id": call.get("id"),
            "type": "function",
            "function": {"name": call.get("name"), "arguments": arguments(call.get("arguments"))},
        }
        for call in orjson.loads(text)
    ]
