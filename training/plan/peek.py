"""Rendered samples for the terminal, with the tokens that carry loss marked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.text import Text

from tilth.shards.tables import TURNS, Split
from tilth.shards.version import SHORT_HEX, Version
from tilth.training.methods.method import method_of
from tilth.training.model.base import find_base
from tilth.training.plan.plan import renderer_for
from tilth.training.recipe import TrainingRecipe
from tilth.training.rows.left_out import left_out, unshown
from tilth.training.rows.text import Example, Rendered, Renderer

SHOWN = 3
LEARNED = "reverse"
SIDES = ("chosen", "rejected")  # of a preference pair
TURN_COLUMNS = [column for column in TURNS if column not in ("row_id", "turn")]


def peek(recipe: TrainingRecipe, version: Version, *, base_dir: Path, count: int = SHOWN) -> Iterator[Text]:
    """Yield samples of a version as the run would see them, spread over its train rows."""
    renderer = renderer_for(recipe, find_base(recipe.base, base_dir), base_dir)
    tuning = method_of(recipe)
    samples = version.samples(Split.TRAIN)
    samples = samples.filter(samples["shape"].cast(pl.String).is_in(sorted(tuning.shapes)))
    places = np.unique(np.linspace(0, max(0, samples.height - 1), count).astype(int))
    for place in places.tolist() if samples.height else ():
        sample = samples[place]
        row_id, name = sample["row_id"].item().hex()[:SHORT_HEX], sample["slice"].item() or ""
        yield _shown(renderer, tuning.render(sample, renderer, None), f"{row_id} {name}")


@dataclass(frozen=True)
class Look:
    """Rows that are in no version yet as a base's template has them: a few to read, and what it says of all."""

    shown: list[Text]
    lines: list[str]


def look_at(base: str, rows: list[dict[str, Any]], shown: int, base_dir: Path = Path()) -> Look:
    """Return `shown` of the rows, spread over them, and lines on what of all of them no example would hold.

    rows: dicts with `turns`, `shape` and `tools` where they have any, and `place`. Raises TrainingError.
    """
    renderer = renderer_for(TrainingRecipe(base=base), find_base(base, base_dir), base_dir)
    samples = [_sample(number, row) for number, row in enumerate(rows)]
    rendered = renderer.render_all(samples)
    places = {sample["row_id"]: str(sample["place"]) for sample in samples}
    lines = [f"cannot be learned: {line}" for line in left_out(rendered, renderer.max_tokens, places)]
    lines += [f"not shown: {line}" for line in unshown(rendered)]
    some = samples[:: max(1, len(samples) // shown)][:shown]
    return Look(
        [_shown(renderer, renderer.render_all([row]), f"sample {n}") for n, row in enumerate(some, 1)], lines
    )


def _sample(number: int, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row that was read as a sample with all columns."""
    known = {"row_id": number.to_bytes(16), "slice": "", "weight": None, "tools": None, "shape": "chat"}
    turns = [{**dict.fromkeys(TURN_COLUMNS), **turn} for turn in row["turns"]]
    return {"place": "", **known, **row, "turns": turns}


def _shown(renderer: Renderer, rendered: Rendered, title: str) -> Text:
    text = Text(f"── {title.strip()}\n", style="bold", end="")
    for reason in rendered.skipped.values():
        text.append(f"skipped: {reason}\n", style="yellow")
    for number, example in enumerate(rendered.examples):
        if number:
            text.append("\n── the same row, a later answer\n", style="dim")
        for side, part in enumerate(example.parts):
            if len(example.parts) > 1:
                text.append(f"{chr(10) * side}── {SIDES[side]}\n", style="dim")
            text.append_text(mark(renderer.tokenizer, part))
    tokens = sum(len(example.input_ids) for example in rendered.examples)
    learned = sum(int(example.is_label.sum()) for example in rendered.examples)
    return text.append(f"\n{tokens} tokens, {learned} of them learned", style="dim")


def mark(tokenizer: Any, example: Example) -> Text:
    """Return an example as text: what is learned stands in reverse video, the rest is read only."""
    text = Text()
    for learned, group in groupby(zip(example.input_ids.tolist(), example.is_label.tolist()), lambda p: p[1]):
        piece = tokenizer.decode([token for token, _ in group], skip_special_tokens=False)
        text.append(piece, style=LEARNED if learned else "")
    return text
