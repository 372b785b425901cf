"""Preference pairs: one prompt, the answer that is preferred to it, and the one that is not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from tilth.shards.tables import Role
from tilth.training.rows.text import Example, Rendered, Renderer

CUT_ALIKE = "the two answers differ only beyond max_tokens"


@dataclass(frozen=True, eq=False)
class Pair(Example):
    """Two sequences end to end, each the prompt and an answer, whose tokens alone are labels: the chosen one first.

    first: tokens of the first sequence. reference: log p(chosen), log p(rejected) under the untuned base, nat.
    """

    first: int = 0
    reference: tuple[float, float] | None = None

    @property
    def parts(self) -> tuple[Example, ...]:
        """The chosen and the rejected sequence."""
        at, ids, labels = self.first, self.input_ids, self.is_label
        spans = (slice(None, at), slice(at, None))
        return tuple(Example(self.row_id, self.slice, self.weight, ids[s], labels[s]) for s in spans)

    def swapped(self) -> Pair:
        """Return the pair with the preference turned round."""
        chosen, rejected = self.parts
        reference = None if self.reference is None else self.reference[::-1]
        return replace(pair_of(rejected, chosen), reference=reference)


def pair_of(chosen: Example, rejected: Example) -> Pair:
    """Return two sequences of one row as a pair."""
    ids, labels = (
        np.concatenate([getattr(side, name) for side in (chosen, rejected)])
        for name in ("input_ids", "is_label")
    )
    first = len(chosen.input_ids)
    return Pair(chosen.row_id, chosen.slice, chosen.weight, ids, labels, first)


def render_pairs(samples: pl.DataFrame | list[dict[str, Any]], renderer: Renderer) -> Rendered:
    """Render preference rows (columns of Version.samples) in order: only the last answer of each side is learned.

    A pair of which max_tokens leaves no label on one side, or nothing that differs, is skipped with the reason.
    """
    rows = list(samples.iter_rows(named=True)) if isinstance(samples, pl.DataFrame) else samples
    chosen, rejected = (
        renderer.render_all([_side(row, left_out) for row in rows], last_only=True)
        for left_out in (Role.REJECTED, Role.CHOSEN)
    )
    rendered = Rendered(
        skipped=chosen.skipped | rejected.skipped,
        truncated={
            row: chosen.truncated.get(row, 0) + rejected.truncated.get(row, 0)
            for row in [*chosen.truncated, *rejected.truncated]
        },
        unshown={
            part: chosen.unshown.get(part, set()) | rejected.unshown.get(part, set())
            for part in [*chosen.unshown, *rejected.unshown]
        },
    )
    others = {example.row_id: example for example in rejected.examples}
    for example in chosen.examples:
        other = others.get(example.row_id)
        if other is None or example.row_id in rendered.skipped:
            continue
        if np.array_equal(example.input_ids, other.input_ids):
            rendered.skipped[example.row_id] = CUT_ALIKE
            continue
        rendered.examples.append(pair_of(example, other))
    return rendered


def _side(row: dict[str, Any], left_out: Role) -> dict[str, Any]:
    """Return a row as the conversation that ends in one of its answers."""
    turns = [
        {**turn, "role": Role.ASSISTANT.value} if turn["role"] in (Role.CHOSEN, Role.REJECTED) else turn
        for turn in row["turns"]
        if turn["role"] != left_out.value
    ]
    return {**row, "shape": "chat", "turns": turns}
