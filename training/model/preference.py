"""What a model makes of preference pairs: how likely each answer is, and the loss of preferring the wrong one.

DPO (Rafailov et al., arXiv 2305.18290): -log sigmoid(beta * margin), where the margin is by how much more the model
has raised log p(chosen) over its reference than log p(rejected). Length-normalised (Tülu 3, arXiv 2411.15124): each
answer's log-ratio is divided by its tokens first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tilth.training.model.loss import TokenLoss, measured, token_losses
from tilth.training.rows.pack import Batch, sequence_of
from tilth.training.rows.pairs import Pair

SIDES = 2


class Sides(NamedTuple):
    """The two answers of each pair, (pairs, 2), the chosen one first: -log p in nat, and tokens."""

    nll: Tensor
    tokens: Tensor


def sides_of(losses: TokenLoss, batch: Batch, place: Tensor) -> Sides:
    """Return the answers of a batch of pairs from the loss of its labels; place: (labels,) their tokens."""
    of_sequence = sequence_of(batch).to(place.device)[place]
    zeros = losses.nll.new_zeros(SIDES * len(batch.examples))
    nll = zeros.index_add(0, of_sequence, losses.nll)
    tokens = zeros.index_add(0, of_sequence, torch.ones_like(losses.nll))
    return Sides(nll.view(-1, SIDES), tokens.view(-1, SIDES))


def margins(sides: Sides, reference: Tensor, *, length_normalised: bool) -> Tensor:
    """Return by how much more each pair's chosen answer rose over its reference than the rejected one, (pairs,).

    reference: (pairs, 2) log-probabilities in nat.
    """
    ratios = -sides.nll - reference
    ratios = ratios / sides.tokens.clamp(min=1) if length_normalised else ratios
    return ratios[:, 0] - ratios[:, 1]


def pair_losses(margin: Tensor, beta: float) -> Tensor:
    """Return -log sigmoid(beta * margin), nat a pair."""
    return -F.logsigmoid(beta * margin)


def references_of(batch: Batch, device: torch.device) -> Tensor:
    """Return what the base gives the answers of a batch, (pairs, 2) in double precision."""
    known = [example.reference for example in batch.examples if isinstance(example, Pair)]
    return torch.tensor(known, dtype=torch.float64, device=device)


def answer_sums(model: Any, pairs: list[Pair], pack_tokens: int) -> np.ndarray:
    """Return -log p(chosen), -log p(rejected), and the tokens of each, (pairs, 4), in eval mode without gradients."""

    def measure(batch: Batch) -> np.ndarray:
        losses = token_losses(model, batch, statistics=False)
        losses = TokenLoss(losses.nll.double(), losses.margin, losses.gap, losses.example_of)
        sides = sides_of(losses, batch, labels_in(batch))
        return torch.cat([sides.nll, sides.tokens], dim=1).cpu().numpy()

    return measured(model, list(pairs), pack_tokens, measure, 2 * SIDES)


def labels_in(batch: Batch) -> Tensor:
    """Return the places of a batch that carry a loss, in the order of `token_losses`."""
    from tilth.training.rows.pack import IGNORED

    return (batch.targets != IGNORED).nonzero()[:, 0]
