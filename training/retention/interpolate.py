"""How far to go from the base to the tuned weights: chosen on rows that neither was trained on.

WiSE-FT (Wortsman et al., arXiv 2109.01903) mixes the weights linearly; for an adapter the same line is walked by
scaling its update. Held-out loss decides among the mixes that forget no more than is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class Mix:
    """One point of the line: loss on held-out rows and rise of the loss on base knowledge, nat/token."""

    share: float
    loss: float
    forgotten: float | None


def choose(mixes: list[Mix], max_forgotten: float | None) -> Mix:
    """Return the mix of least held-out loss within `max_forgotten`; where none is, the one that forgets least."""
    allowed = [
        mix
        for mix in mixes
        if max_forgotten is None or mix.forgotten is None or mix.forgotten <= max_forgotten
    ]
    if allowed:
        return min(allowed, key=lambda mix: (mix.loss, mix.share))
    return min(mixes, key=lambda mix: (mix.forgotten or 0.0, mix.share))


class Line:
    """The weights between the base and the tuned model, set in place."""

    def __init__(self, trained: list[tuple[str, torch.nn.Parameter]], base: dict[str, Tensor]) -> None:
        """base: what they are at the base, by name; a weight that is not in it keeps its tuned value."""
        self._trained = trained
        self._tuned = {name: p.detach().to("cpu", copy=True) for name, p in trained}
        self._base = base

    @torch.no_grad()
    def set(self, share: float) -> None:
        """Set the weights to base + share × (tuned - base)."""
        for name, parameter in self._trained:
            if name in self._base:
                tuned = self._tuned[name]
                parameter.copy_(torch.lerp(self._base[name].to(tuned), tuned, share))


def mixes_of(line: Line, measure: Any) -> list[Mix]:
    """Measure every share of the line; `measure()` returns (held-out loss, forgotten or None)."""
    found = []
    for share in SHARES:
        line.set(share)
        loss, forgotten = measure()
        found.append(Mix(share, round(loss, 6), None if forgotten is None else round(forgotten, 6)))
    return found
