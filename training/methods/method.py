"""What a method of tuning is, and the registry that finds methods by their files being there.

A method is a class registered under the name that `training.method` calls it by; it is made from the recipe. What it
says decides the weights that are trained, their rates, the memory they take, the rows that are learned, the loss,
and the files that are left. Its name is compared nowhere. Dropping a new file into this folder registers its methods.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeVar

from tilth.shards.discovery import import_all
from tilth.shards.errors import RecipeError
from tilth.shards.tables import Shape
from tilth.training.recipe import TrainingRecipe

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl
    import torch
    from torch import Tensor

    from tilth.training.model.loss import TokenLoss
    from tilth.training.rows.pack import Batch
    from tilth.training.rows.text import Example, Rendered, Renderer


TEXTS = frozenset({Shape.CHAT.value, Shape.INSTRUCTION.value, Shape.DOCUMENT.value})


class Units(NamedTuple):
    """What the losses of a step are divided by: those of its rows, and of parts that are means of their own."""

    values: float
    answer_tokens: float = 1.0
    replayed: float = 1.0


class Method(Protocol):
    """How a base is tuned. The defaults are those of a method that trains the base's own weights.

    default_rate: the highest learning rate where the recipe names none. rate_factor: that of the size rule, in parts
    of what full tuning takes. forwards_per_step: what a trained token costs in forward passes (6N FLOP against 2N).
    frozen_base: the base's weights stay, an adapter beside them learns; `disable_adapter` then gives the base.
    lighter: a change of the recipe that takes less memory, as said to the user and as values. shapes: of the rows that
    it learns from. unit: of the loss. aspects: what `score` measures of a row beside its loss, as two columns each,
    ASPECT_nll and ASPECT_tokens; monitors then find the panels "probe ASPECT", "twin ASPECT", "feedback ASPECT".
    """

    recipe: TrainingRecipe
    name: ClassVar[str]
    default_rate: float
    rate_factor: float = 1.0
    forwards_per_step: float = 3.0
    frozen_base: bool = False
    lighter: tuple[str, dict[str, Any]] | None = ("training.method: lora", {"method": "lora"})
    shapes: frozenset[str] = TEXTS
    unit: str = "nat/token"
    aspects: tuple[str, ...] = ()

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

    def rate_for(self, width: int) -> float:
        """Return the highest rate for a base of a width where the recipe names none."""
        return self.default_rate

    # which rows, and what is learned of them

    def advice(self, shape: str) -> str:
        """Return what to do with rows of a shape that this method does not take."""
        takers = [name for name, other in registry().items() if shape in other.shapes]
        return (
            f"training.method: {' or '.join(takers)} does, in a run of its own" if takers else "export them"
        )

    def render(self, samples: pl.DataFrame, renderer: Renderer, cache: Path | None) -> Rendered:
        """Return the examples of rows of the method's shapes (columns of Version.samples)."""
        from tilth.training.rows.token_cache import render

        return render(samples, renderer, cache)

    def referred(
        self, model: Any, examples: list[Example], pack_tokens: int, kept: Path | None
    ) -> list[Example]:
        """Return examples with what the loss needs to know of the untuned base; kept: a file to keep it in."""
        return examples

    def units(self, batches: Sequence[Batch], replayed: Sequence[Batch]) -> Units:
        """Return what the losses of a step are divided by; replayed: rows of the base's domain in the same step."""
        return Units(sum(batch.label_count for batch in [*batches, *replayed]))

    def losses(self, model: Any, batch: Batch, units: Units, *, statistics: bool) -> tuple[TokenLoss, Tensor]:
        """Return the losses of a batch, a value a label, and its part of the mean loss of the step."""
        from tilth.training.model.loss import token_losses

        losses = token_losses(model, batch, statistics=statistics)
        return losses, losses.nll.sum() / units.values

    def score(
        self, model: Any, examples: list[Example], pack_tokens: int, *, statistics: bool = True
    ) -> pl.DataFrame:
        """Return the loss of each example in order, as `model.loss.score`, and the aspects of the method."""
        from tilth.training.model.loss import score

        return score(model, examples, pack_tokens, statistics=statistics)

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
