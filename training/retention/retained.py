"""What stands for the knowledge of the base in a run: rows to measure it on, rows to replay, rows to hold to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tilth.training.recipe import RetentionRecipe
from tilth.training.rows.text import Example

FROM_USER = "rows of training.base_knowledge, never trained on"
FROM_BASE = "texts that the base wrote itself, so the change is its divergence from the tuned model"


@dataclass(frozen=True)
class Retained:
    """Base-domain examples by use; no example that is measured is trained on. `note` says where they are from."""

    measured: list[Example]
    replayed: list[Example]
    held: list[Example]  # texts of the base on which the model is held to it
    note: str


def retain(
    recipe: RetentionRecipe, known: list[Example], written: Callable[[int], list[Example]]
) -> Retained:
    """Deal out the user's base-domain examples, or texts that the base writes where there are none.

    written: count -> texts of the base; called only if they are needed. Half of the rows, by a hash, are kept for
    replay or for holding where the recipe asks for that; they are not measured.
    """
    texts = written(recipe.samples) if recipe.kl or not known else []
    if known:
        measured, replayed = _halves(known) if recipe.replay else (known, [])
        return Retained(measured, replayed, texts if recipe.kl else [], FROM_USER)
    measured, held = _halves(texts) if recipe.kl else (texts, [])
    return Retained(measured, [], held, FROM_BASE)


def _halves(examples: list[Example]) -> tuple[list[Example], list[Example]]:
    odd = [example for example in examples if example.row_id[-1] % 2]
    return [example for example in examples if not example.row_id[-1] % 2], odd
