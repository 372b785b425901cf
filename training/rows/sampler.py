"""Which rows a step sees: a pure function of the seed, the mixture and where each slice's reading stands.

A slice is read in passes. In a pass a row of weight w appears floor(w) times, and once more if u < frac(w),
with u from sha256(seed, pass, row_id): nothing depends on order of arrival, on a global generator, or on
which other rows there are. Slices are interleaved by their share of tokens, so with an unchanged mixture
all of them end a pass together and every row has then been seen exactly as often as its weight says.
"""

from __future__ import annotations

import hashlib
from copy import copy
from typing import Any

import numpy as np

from tilth.training.rows.pack import Batch, pack
from tilth.training.rows.text import Example

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # odd: multiples of it spread over all 64 bits


class Sampler:
    """Draws the batches of each step; `state_dict` holds all that a resumed run needs."""

    def __init__(self, examples: list[Example], *, seed: int, pack_tokens: int) -> None:
        self._examples, self._seed = examples, seed
        self._pack_tokens = pack_tokens
        self._lengths = [len(example.input_ids) for example in examples]
        drawn = [i for i, example in enumerate(examples) if example.weight > 0]
        names = sorted({examples[i].slice for i in drawn})
        self._pools = {name: [i for i in drawn if examples[i].slice == name] for name in names}
        self.pass_tokens = {
            name: sum(examples[i].weight * self._lengths[i] for i in pool)
            for name, pool in self._pools.items()
        }
        self.mixture = {name: tokens / self.tokens_per_epoch for name, tokens in self.pass_tokens.items()}
        self._cursors = dict.fromkeys(names, (0, 0))  # pass, position in it
        self._since = dict.fromkeys(names, 0)  # tokens drawn since the mixture changed
        self._orders: dict[str, tuple[int, np.ndarray]] = {}
        self.tokens = 0

    @property
    def tokens_per_epoch(self) -> float:
        """Expected tokens of one pass over every slice."""
        return sum(self.pass_tokens.values())

    def batches(self, until: float) -> list[Batch]:
        """Draw the examples of one step, packed: until `until` tokens were drawn in all, and at least one."""
        chosen: list[Example] = []
        while not chosen or self.tokens < until:
            name = min(self._pools, key=lambda name: self._since[name] / self.mixture[name])
            index = self._next(name)
            self._since[name] += self._lengths[index]
            self.tokens += self._lengths[index]
            chosen.append(self._examples[index])
        return pack(chosen, self._pack_tokens)

    def reweight(self, mixture: dict[str, float]) -> None:
        """Draw by another mixture (slice → share of tokens, all positive) from the next step on."""
        if mixture != self.mixture:
            self.mixture = {name: mixture[name] for name in self._pools}
            self._since = dict.fromkeys(self._pools, 0)

    def state_dict(self) -> dict[str, Any]:
        """Return the state as plain JSON."""
        return {
            "tokens": self.tokens,
            "mixture": dict(self.mixture),
            "cursors": {name: list(cursor) for name, cursor in self._cursors.items()},
            "since": dict(self._since),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.tokens, self.mixture, self._since = state["tokens"], dict(state["mixture"]), dict(state["since"])
        self._cursors = {name: (cursor[0], cursor[1]) for name, cursor in state["cursors"].items()}

    def copy(self) -> Sampler:
        """Return a sampler over the same examples that stands where this one does and goes on by itself."""
        other = copy(self)
        other._orders = {}
        other.load_state_dict(self.state_dict())
        return other

    def _next(self, name: str) -> int:
        number, position = self._cursors[name]
        while position >= len(self._order(name, number)):
            number, position = number + 1, 0
        self._cursors[name] = (number, position + 1)
        return int(self._order(name, number)[position])

    def _order(self, name: str, number: int) -> np.ndarray:
        if self._orders.get(name, (-1, None))[0] != number:
            pool = self._pools[name]
            chosen = [self._examples[i] for i in pool]
            self._orders[name] = number, np.array(pool)[order_of_pass(chosen, self._seed, number)]
        return self._orders[name][1]


def order_of_pass(examples: list[Example], seed: int, number: int) -> np.ndarray:
    """Return indices into `examples` in the order of pass `number`, repeated by weight."""
    prefix = f"{seed}:{number}:".encode()
    digests = b"".join(hashlib.sha256(prefix + example.row_id).digest()[:16] for example in examples)
    draws = np.frombuffer(digests, dtype=">u8").astype(np.uint64).reshape(-1, 2)
    weights = np.array([example.weight for example in examples])
    repeats = np.floor(weights) + (draws[:, 0] / 2.0**64 < weights % 1)
    index = np.repeat(np.arange(len(examples)), repeats.astype(np.int64))
    nth = _occurrence([examples[i].row_id for i in index.tolist()])
    return index[np.argsort(draws[index, 1] + nth * GOLDEN, kind="stable")]


def _occurrence(row_ids: list[bytes]) -> np.ndarray:
    """Return how often each id occurred before, so that copies of a row land apart."""
    seen: dict[bytes, int] = {}
    counts = []
    for row_id in row_ids:
        counts.append(seen.get(row_id, 0))
        seen[row_id] = counts[-1] + 1
    return np.array(counts, dtype=np.uint64)
