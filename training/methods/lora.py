"""Low-rank adapters on every linear layer, and the variants of them that PEFT offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tilth.shards.errors import RecipeError
from tilth.training.methods.method import Method, method

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import Tensor

MAX_RATE = 2e-3  # whatever the width: the rule was fitted to bases of 1,000 and more
DECOMPOSED = ("pissa", "osf")  # variants that begin with a decomposition of the weights


@method("lora")
class Lora(Method):
    """Train adapters beside a frozen base (Hu et al., arXiv 2106.09685), in the variant of `training.lora`."""

    default_rate = 2e-4
    rate_factor = 10.0
    forwards_per_step = 2.0
    frozen_base = True
    lighter = None

    def check(self) -> None:
        """Refuse what is for weights of the base's own, and what a variant cannot be combined with."""
        recipe, lora = self.recipe, self.recipe.lora
        if recipe.retention.l2_sp:
            what = "pulls the weights of the base; lora's adapters start at 0"
            raise RecipeError(("training", "retention", "l2_sp"), what, "use weight_decay")
        if recipe.freeze_layers and lora.variant == "osf":
            what = "leaves layers without adapters, which osf gives to all"
            raise RecipeError(("training", "freeze_layers"), what, "choose another lora.variant")
        if lora.variant in DECOMPOSED and lora.bits is not None:
            what = f"{lora.variant} decomposes weights, which bits: {lora.bits} does not hold"
            raise RecipeError(("training", "lora", "variant"), what, "say lora: {bits: null}")
        if lora.variant == "osf" and lora.dropout:
            raise RecipeError(("training", "lora", "dropout"), "osf has none", "say lora: {dropout: 0}")
        if lora.variant == "pissa" and recipe.retention.kl:
            what = "needs the base, of which pissa has taken a part into its adapters"
            raise RecipeError(("training", "retention", "kl"), what, "choose another lora.variant")

    def rate_for(self, width: int) -> float:
        """Return the rate of the size rule: narrower bases bear more."""
        from tilth.training.model.optim import size_rule

        return min(MAX_RATE, size_rule(width, self.rate_factor))

    def trainable(self, model: Any) -> Any:
        """Return the model with new adapters, which compute nothing yet: it answers as the base."""
        from tilth.training.model.lora import adapt

        return adapt(model, self.recipe)

    def quantisation(self, device: torch.device) -> Any:
        """Return how to hold the base in NF4 (QLoRA, arXiv 2305.14314) where the recipe says 4 bits."""
        from tilth.training.model.lora import quantisation

        return quantisation(self.bits, device)

    @property
    def bits(self) -> int | None:
        """Bits a weight of the base's linear layers takes."""
        return self.recipe.lora.bits

    @property
    def side_by_side(self) -> bool:
        """Adapters are small; only those that drop out at random share something, the generator."""
        return self.recipe.lora.dropout == 0

    @property
    def unsharded(self) -> str:
        """A base in 4 bits, and decomposed weights, stay in one process."""
        lora = self.recipe.lora
        asked = ["lora.bits"] if lora.bits is not None else []
        return ", ".join(asked + [f"lora.variant: {lora.variant}"] * (lora.variant in DECOMPOSED))

    def save(self, model: Any, folder: Path) -> None:
        """Write the adapters so that they add to the base as it is."""
        if self.recipe.lora.variant == "pissa":
            from tilth.training.model.variants import save_as_lora

            return save_as_lora(model, folder)
        return super().save(model, folder)

    def untuned(
        self, model: Any, trained: Sequence[tuple[str, Tensor]], base: Callable[[], Any]
    ) -> dict[str, Tensor]:
        """Return the values under which the adapters add nothing."""
        from tilth.training.model.variants import untuned

        return untuned(model, dict(trained))
