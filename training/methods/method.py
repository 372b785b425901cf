"""What a method of tuning is, and the registry that finds methods by their files being there.

A method is a class registered under the name that `training.method` calls it by; it is made from the recipe. What it
says decides the weights that are trained, their rates, the memory they take, the rows that are learned, the loss,
and the files that are left. Its name is compared nowhere. Dropping a new file into this folder registers its methods.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from tilth.shards.discovery import import_all
from tilth.shards.errors import RecipeError
from tilth.training.recipe import TrainingRecipe

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import Tensor


class Method(Protocol):
    """How a base is tuned. The defaults are those of a method that trains the base's own weights.

    default_rate: the highest learning rate where the recipe names none. rate_factor: that of the size rule, in parts
    of what full tuning takes. forwards_per_step: what a trained token costs in forward passes (6N FLOP against 2N).
    frozen_base: the base's weights stay, an adapter beside them learns; `disable_adapter` then gives the base.
    lighter: a change of the recipe that takes less memory, as said to the user and as values.
    """

    recipe: TrainingRecipe
    name: ClassVar[str]
    default_rate: ClassVar[float]
    rate_factor: ClassVar[float] = 1.0
    forwards_per_step: ClassVar[float] = 3.0
    frozen_base: ClassVar[bool] = False
    lighter: ClassVar[tuple[str, dict[str, Any]] | None] = ("training.method: lora", {"method": "lora"})

    def __init__(self, recipe: TrainingRecipe) -> None:
        self.recipe = recipe

    def check(self) -> None:
        """Raise RecipeError for keys of the recipe that contradict the method."""

    # what is trained

    def trainable(self, model: Any) -> Any:
        """Return the model with what the method trains, and nothing else, requiring gradients."""

    def optimizer(self, model: Any) -> torch.optim.Optimizer:
        """Return the optimizer over what is trained; a group's `scale` is its part of the run's rate."""
        from tilth.training.model.optim import optimizer_for

        return optimizer_for(model, weight_decay=self.recipe.weight_decay)

    def before_step(self, model: Any, total_steps: int) -> Callable[[int], None]:
        """Return what is called with every step before it is taken; it must be a pure function of the step."""
        return lambda step: None

    @property
    def peak_rate(self) -> float:
        """The highest learning rate of the run: the recipe's, else the default of the method."""
        return self.recipe.rate if self.recipe.rate is not None else self.default_rate

    # memory and processes

    def quantisation(self, device: torch.device) -> Any:
        """Return how transformers is to hold the base, None for as it is. Raises TrainingError where it cannot."""
        return None

    @property
    def bits(self) -> int | None:
        """Bits a weight of the base's linear layers takes, None for those of its type."""
        return None

    @property
    def side_by_side(self) -> bool:
        """Whether packs may be computed by a thread each: they must share nothing, and little must be trained.

        Each thread holds gradients of its own; where a step draws random numbers, their order would be seen in it.
        """
        return False

    @property
    def unsharded(self) -> str:
        """What several processes cannot do together, or ""."""
        return "retention.kl with all weights trained" if self.recipe.retention.kl else ""

    # what is left

    @property
    def artefact(self) -> str:
        """The name of the folder that holds what was trained."""
        return "adapter" if self.frozen_base else "model"

    def save(self, model: Any, folder: Path) -> None:
        """Write what was trained to `folder` as safetensors."""
        model.save_pretrained(folder, safe_serialization=True)

    def untuned(
        self, model: Any, trained: Sequence[tuple[str, Tensor]], base: Callable[[], Any]
    ) -> dict[str, Tensor]:
        """Return what the trained weights, by name, are at the base: where the line of interpolation begins.

        base: loads it. A weight that is left out keeps its tuned value all along the line.
        """
        weights = dict(base().named_parameters())
        return {name: weights[name] for name, _ in trained}


M = TypeVar("M", bound=Method)
_REGISTRY: dict[str, type[Method]] = {}


def method(name: str) -> Callable[[type[M]], type[M]]:
    """Register a method class under the name that recipes call it by."""

    def register(cls: type[M]) -> type[M]:
        if name in _REGISTRY and _REGISTRY[name].__qualname__ != cls.__qualname__:
            raise ValueError(f"two methods are named {name!r}")
        cls.name = name
        _REGISTRY[name] = cls
        return cls

    return register


@cache
def registry() -> dict[str, type[Method]]:
    """Return every method class by name, importing the files of this folder and nothing else."""
    import_all("tilth.training.methods")
    return dict(sorted(_REGISTRY.items()))


def method_of(recipe: TrainingRecipe) -> Method:
    """Return the method of a recipe. Raises RecipeError, with the nearest name, where there is none of that name."""
    known = registry()
    if recipe.method not in known:
        close = difflib.get_close_matches(recipe.method, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(known)}"
        raise RecipeError(("training", "method"), f"there is no method {recipe.method!r}", hint)
    return known[recipe.method](recipe)


def check(recipe: TrainingRecipe) -> None:
    """Raise RecipeError where the method of a recipe is unknown, or its keys contradict each other."""
    method_of(recipe).check()


def attach(model: Any, recipe: TrainingRecipe, seed: int, *, recompute: bool = False) -> Any:
    """Return the model with what the method trains made trainable: adapters, or weights of its own.

    recompute: its layers keep their inputs alone and are computed again in the backward pass.
    """
    import torch

    from tilth.training.model.recompute import recompute_layers

    torch.manual_seed(seed)
    model = method_of(recipe).trainable(model)
    if recompute:
        recompute_layers(model)
    return model.train()
