"""Packs side by side: threads that each compute whole packs, with their share of the cores.

Threads that share one product wait for each other thousands of times a step. At the widths that are tuned on CPUs a
second core then adds little, in 16 bits nothing; with a pack of its own it adds nearly all it has
(benchmarks/suite/trl.py, docs/lab-notes.md).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, TypeVar

import torch

from tilth.training.hardware.device import Device
from tilth.training.recipe import TrainingRecipe

Item = TypeVar("Item")
Result = TypeVar("Result")

MIN_TOKENS = 512  # of a lane's packs: shorter products do not fill a core
CHANGING_ROPE = {"dynamic", "longrope"}  # families that rewrite their rotations while they read


def to_train(recipe: TrainingRecipe, config: Any, device: Device, *, side_by_side: bool) -> int:
    """Return in how many lanes a step may be computed, before memory is asked: 1 where they would share anything.

    side_by_side: whether the method allows it. A base that drops out at random draws from one generator, and the order
    of threads would be seen in it.
    """
    text = config.get_text_config()
    draws = any(getattr(text, name, 0) for name in vars(text) if name.endswith(("dropout", "pdrop")))
    alone = not side_by_side or draws or recipe.recompute == "on"
    return 1 if alone else _most(config, device.device, recipe.pack_tokens)


def to_read(model: Any, pack_tokens: int) -> Lanes:
    """Return the lanes in which a model without gradients reads packs."""
    return _lanes(_most(model.config, model.device, pack_tokens))


class Lanes:
    """`count` threads for work on one pack each; one lane is the calling thread itself, with every core."""

    def __init__(self, count: int = 1) -> None:
        self.count = count
        cores = max(1, torch.get_num_threads() // count)
        self._threads = (
            ThreadPoolExecutor(count, "lane", partial(torch.set_num_threads, cores)) if count > 1 else None
        )

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield the result of each item in order; the first error, in order, is raised."""
        return map(work, items) if self._threads is None else self._threads.map(work, items)


@cache
def _lanes(count: int) -> Lanes:
    return Lanes(count)


def _most(config: Any, device: torch.device, pack_tokens: int) -> int:
    """Return how many lanes the cores and the packs allow: 1 on a card, in a shared run, or where reading changes."""
    ropes = _rope_types(getattr(config.get_text_config(), "rope_parameters", None) or {})
    alone = device.type != "cpu" or int(os.environ.get("WORLD_SIZE", "1")) > 1 or ropes & CHANGING_ROPE
    return 1 if alone else max(1, min(torch.get_num_threads(), pack_tokens // MIN_TOKENS))


def _rope_types(parameters: dict[str, Any]) -> set[str]:
    """Return the kinds of rotary embedding of a configuration, whose layers may differ."""
    parts = [parameters, *(part for part in parameters.values() if isinstance(part, dict))]
    return {str(part["rope_type"]) for part in parts if "rope_type" in part}
