"""Direct preference optimisation: the answer that was preferred becomes likelier than the one that was not.

DPO (Rafailov et al., arXiv 2305.18290) on pairs, packed two sequences a pair, with the weights of another method.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tilth.shards.tables import Shape
from tilth.training.methods.method import Method, Units, method, registry
from tilth.training.recipe import TrainingRecipe

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl
    import torch
    from torch import Tensor

    from tilth.training.model.loss import TokenLoss
    from tilth.training.rows.pack import Batch
    from tilth.training.rows.text import Example, Rendered, Renderer

RATE = 0.05  # of that at which the same weights learn from answers: 1e-5 for LoRA, 5e-7 for all


@method("dpo")
class Dpo(Method):
    """Learn from preference pairs (training.dpo) with the weights of `lora`, `full` or `gradual`."""

    default_rate = 1e-5  # of LoRA's weights
    shapes = frozenset({Shape.PREFERENCE.value})
    unit = "nat/pair"
    aspects = ("chosen",)

    def __init__(self, recipe: TrainingRecipe) -> None:
        super().__init__(recipe)
        self.settings = recipe.dpo
        self.weights = registry()[recipe.dpo.weights](recipe)
        self.default_rate = RATE * self.weights.default_rate
        self.rate_factor = RATE * self.weights.rate_factor
        self.forwards_per_step = self.weights.forwards_per_step
        self.frozen_base = self.weights.frozen_base
        adapters = {"dpo": recipe.dpo.model_copy(update={"weights": "lora"})}
        self.lighter = ("training.dpo.weights: lora", adapters) if self.weights.lighter else None

    def rate_for(self, width: int) -> float:
        """Return a twentieth of the rate at which the same weights learn from answers."""
        return RATE * self.weights.rate_for(width)

    def check(self) -> None:
        """Refuse what the method whose weights are trained refuses."""
        self.weights.check()

    def trainable(self, model: Any) -> Any:
        """Return the model with the weights of the other method made trainable."""
        return self.weights.trainable(model)

    def optimizer(self, model: Any) -> torch.optim.Optimizer:
        """Return the optimizer of the other method."""
        return self.weights.optimizer(model)

    def before_step(self, model: Any, total_steps: int) -> Callable[[int], None]:
        """Return what the other method does before a step."""
        return self.weights.before_step(model, total_steps)

    def quantisation(self, device: torch.device) -> Any:
        """Return how the other method holds the base."""
        return self.weights.quantisation(device)

    @property
    def bits(self) -> int | None:
        """Bits a weight of the base takes."""
        return self.weights.bits

    @property
    def side_by_side(self) -> bool:
        """Whether the other method allows packs side by side: pairs are whole in a pack."""
        return self.weights.side_by_side

    @property
    def unsharded(self) -> str:
        """What the other method cannot do in several processes."""
        return self.weights.unsharded

    def save(self, model: Any, folder: Path) -> None:
        """Write what the other method trained."""
        self.weights.save(model, folder)

    def untuned(
        self, model: Any, trained: Sequence[tuple[str, Tensor]], base: Callable[[], Any]
    ) -> dict[str, Tensor]:
        """Return what the other method's weights are at the base."""
        return self.weights.untuned(model, trained, base)

    def render(self, samples: pl.DataFrame, renderer: Renderer, cache: Path | None) -> Rendered:
        """Return pairs of sequences; they are rendered anew by every run."""
        from tilth.training.rows.pairs import render_pairs

        return render_pairs(samples, renderer)

    def referred(
        self, model: Any, examples: list[Example], pack_tokens: int, kept: Path | None
    ) -> list[Example]:
        """Return pairs with the log-probabilities of their answers under the untuned base, computed once."""
        from dataclasses import replace

        from tilth.shards.atomic import write_file
        from tilth.shards.digest import canonical_json
        from tilth.training.model.preference import answer_sums
        from tilth.training.rows.pairs import Pair

        pairs = [example for example in examples if isinstance(example, Pair)]
        known = _read(kept)
        missing = [pair for pair in pairs if pair.row_id.hex() not in known]
        if missing:
            sums = answer_sums(model, missing, pack_tokens)
            known |= {p.row_id.hex(): [-c, -r] for p, (c, r, *_) in zip(missing, sums.tolist(), strict=True)}
            if kept is not None:
                write_file(kept, canonical_json(known))
        found: list[Example] = []
        for pair in pairs:
            chosen, rejected = known[pair.row_id.hex()]
            found.append(replace(pair, reference=(chosen, rejected)))
        return found

    def units(self, batches: Sequence[Batch], replayed: Sequence[Batch]) -> Units:
        """Return the pairs of a step and the tokens of its chosen answers.

        Replayed rows weigh by their share of the step's tokens, as they do beside rows of their kind.
        """
        pairs = [example for batch in batches for example in batch.examples]
        chosen = sum(int(pair.parts[0].is_label.sum()) for pair in pairs)
        own, others = (sum(len(b.input_ids) for b in some) for some in (batches, replayed))
        labels = sum(batch.label_count for batch in replayed)
        return Units(len(pairs), max(1, chosen), labels * (own + others) / max(1, others))

    def losses(self, model: Any, batch: Batch, units: Units, *, statistics: bool) -> tuple[TokenLoss, Tensor]:
        """Return the loss and the margin of each pair, a value a pair, and the batch's part of the step's mean.

        Rows that are no pairs are replayed ones: they are learned by the loss of their tokens.
        """
        import torch

        from tilth.training.model import preference
        from tilth.training.model.loss import TokenLoss, token_losses
        from tilth.training.rows.pairs import Pair

        tokens = token_losses(model, batch, statistics=False)
        if not isinstance(batch.examples[0], Pair):
            return tokens, tokens.nll.sum() / units.replayed
        sides = preference.sides_of(tokens, batch, preference.labels_in(batch))
        reference = preference.references_of(batch, tokens.nll.device).to(tokens.nll.dtype)
        margin = preference.margins(sides, reference, length_normalised=self.settings.length_normalised)
        loss = preference.pair_losses(margin, self.settings.beta)
        part = loss.sum() / units.values
        if self.settings.sft_weight:
            part = part + self.settings.sft_weight * sides.nll[:, 0].sum() / units.answer_tokens
        each = torch.arange(len(batch.examples), device=loss.device)
        return TokenLoss(loss, margin.detach(), loss.new_empty(0), each), part

    def score(
        self, model: Any, examples: list[Example], pack_tokens: int, *, statistics: bool = True
    ) -> pl.DataFrame:
        """Return the loss of each pair (n_tokens is 1), what speaks against it, and what the model prefers.

        chosen_nll, chosen_tokens: of the chosen answer. preferred: log p(chosen) - log p(rejected), per token if the
        loss is so normalised; above 0 the model prefers the chosen answer. Examples that are no pairs are scored as
        they are.
        """
        import polars as pl
        import torch

        from tilth.training.model import preference
        from tilth.training.rows.pairs import Pair

        pairs = [example for example in examples if isinstance(example, Pair)]
        if not pairs:
            return super().score(model, examples, pack_tokens, statistics=statistics)
        sums = torch.from_numpy(preference.answer_sums(model, pairs, pack_tokens))
        sides = preference.Sides(sums[:, :2], sums[:, 2:])
        normalised = self.settings.length_normalised
        reference = torch.tensor([pair.reference for pair in pairs], dtype=torch.float64)
        margin = preference.margins(sides, reference, length_normalised=normalised)
        loss = preference.pair_losses(margin, self.settings.beta)
        preferred = preference.margins(sides, torch.zeros_like(reference), length_normalised=normalised)
        return pl.DataFrame(
            {
                "row_id": pl.Series([pair.row_id for pair in pairs], dtype=pl.Binary),
                "slice": pl.Series([pair.slice for pair in pairs], dtype=pl.String),
                "nll_sum": loss.numpy(),
                "n_tokens": pl.Series([1] * len(pairs), dtype=pl.Int64),
                "contradiction": loss.numpy(),
                "chosen_nll": sides.nll[:, 0].numpy(),
                "chosen_tokens": sides.tokens[:, 0].to(torch.int64).numpy(),
                "preferred": preferred.numpy(),
            }
        )


def _read(kept: Path | None) -> dict[str, list[float]]:
    """Return the log-probabilities that are kept; none where the file is gone or damaged."""
    try:
        values = json.loads(kept.read_bytes()) if kept else {}
        return {str(row): [float(chosen), float(rejected)] for row, (chosen, rejected) in values.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
