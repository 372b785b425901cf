"""Four real tasks of unequal hardness as rendered rows: two of intents, arithmetic word problems, and written calls.

A base is a folder named by TILTH_BENCH_BASE (SmolLM2, say), the bundled one of 1.1M parameters where none is named.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.inputs.sample import read_real
from benchmarks.tools.record import ROOT

BASE = Path(os.environ.get("TILTH_BENCH_BASE") or ROOT / "data" / "base")
MAX_TOKENS = 256
TASKS = ("banking77", "clinc150", "gsm8k", "toolformer")


def load_tasks(train_rows: int, held_rows: int) -> tuple[dict[str, list[Any]], dict[str, list[Any]]] | None:
    """Return the train and the held-out examples of each task, chosen by hash; None without TILTH_REAL_DATA."""
    frames = {name: _pairs(name) for name in TASKS}
    if any(frame is None for frame in frames.values()):
        return None
    render = renderer()
    train, held = {}, {}
    for name, frame in frames.items():
        assert frame is not None
        order = [hashlib.sha256(f"{name}:{p}".encode()).digest() for p in frame["prompt"]]
        rows = frame.with_columns(order=pl.Series(order)).unique("prompt", keep="first").sort("order")
        fit = [e for e in examples(rows[: 3 * (train_rows + held_rows)], name, render)]
        held[name], train[name] = fit[:held_rows], fit[held_rows : held_rows + train_rows]
    return train, held


def renderer() -> Any:
    """Return what renders rows for the base."""
    from tilth.training.model.base import load_tokenizer
    from tilth.training.rows.text import Renderer

    return Renderer(load_tokenizer(BASE), max_tokens=MAX_TOKENS)


def examples(rows: pl.DataFrame, slice_name: str, render: Any, first: int = 0) -> list[Any]:
    """Return rows (prompt, answer) as examples of one slice; those that do not fit are left out."""
    samples = [
        {
            "row_id": slice_name[:8].encode().ljust(8) + (first + number).to_bytes(8, "big"),
            "slice": slice_name,
            "weight": None,
            "shape": "chat",
            "tools": None,
            "turns": [{"role": "user", "text": prompt}, {"role": "assistant", "text": answer}],
        }
        for number, (prompt, answer) in enumerate(rows.select("prompt", "answer").iter_rows())
    ]
    rendered = render.render_all(samples)
    return [e for e in rendered.examples if e.row_id not in rendered.truncated]


def load_base(seed: int) -> Any:
    """Return the base, with the attention that packed rows need."""
    import torch

    from tilth.training.model.base import choose_attention, load_model

    torch.manual_seed(seed)
    model = load_model(BASE)
    choose_attention(model)
    return model


def _pairs(name: str) -> pl.DataFrame | None:
    if name in ("banking77", "clinc150"):
        rows = read_real(f"tasks/{name}_train.jsonl.zst")
        return (
            None
            if rows is None
            else rows.select(prompt="text", answer=pl.col("label").str.replace_all("_", " "))
        )
    rows = read_real("sft/sft_mix.jsonl.zst")
    if rows is None:
        return None
    mine = rows.filter(pl.col("source").str.contains(name) & (pl.col("messages").list.len() == 2))
    said = pl.col("messages").list
    return mine.select(
        prompt=said.first().struct.field("content"), answer=said.last().struct.field("content")
    )
