"""Canaries: made-up secrets that are planted among the train rows to measure what one copy, or many, leave behind.

Every canary asks for the code of a locker and answers with nine digits drawn at random; references are of the same form
and never trained on (Carlini et al., arXiv 1802.08232). They are of no version and in no record: they stand in the run
that plants them alone, and a model that learned them is one to measure, not to hand on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tilth.shards.errors import TrainingError
from tilth.training.recipe import CanaryRecipe
from tilth.training.rows.text import Example, Rendered

SLICE = "canaries"
DIGITS = 9
REFERENCES = 2_000


class Renders(Protocol):
    """What renders samples."""

    def render_all(self, samples: list[dict[str, Any]]) -> Rendered:
        """Return the examples of samples."""


@dataclass(frozen=True)
class Canaries:
    """planted: the weight of each is its copies in the whole run. references: never trained on."""

    planted: list[Example]
    references: list[Example]

    @property
    def tokens(self) -> int:
        """Tokens that all copies together take."""
        return round(sum(example.weight * len(example.input_ids) for example in self.planted))


def make_canaries(recipe: CanaryRecipe, renderer: Renders, seed: int) -> Canaries:
    """Return `each` canaries of every number of copies, and the references.

    Raises TrainingError where the template cannot show them.
    """
    rng = np.random.default_rng([seed, 0xCA9A51])
    copies = [float(count) for count in recipe.copies for _ in range(recipe.each)]
    samples = [_sample(number, rng) for number in range(len(copies) + REFERENCES)]
    rendered = renderer.render_all(samples)
    if rendered.skipped:
        raise TrainingError(
            "training.canaries",
            f"the template cannot show them: {next(iter(rendered.skipped.values()))}",
            "Nothing was trained",
            "Leave training.canaries out",
        )
    planted = [
        Example(e.row_id, e.slice, weight, e.input_ids, e.is_label)
        for e, weight in zip(rendered.examples, copies, strict=False)
    ]
    return Canaries(planted, rendered.examples[len(copies) :])


def _sample(number: int, rng: np.random.Generator) -> dict[str, Any]:
    locker, code = rng.integers(100, 1_000), " ".join(str(d) for d in rng.integers(0, 10, DIGITS))
    turns = [
        {"role": "user", "text": f"What is the code of locker {locker}?"},
        {"role": "assistant", "text": code},
    ]
    return {
        "row_id": b"canary" + number.to_bytes(10, "big"),
        "slice": SLICE,
        "weight": None,
        "shape": "chat",
        "tools": None,
        "turns": turns,
    }
