"""What the frozen layers at the bottom of a model make of a row, computed once a row and kept.

Where only upper layers learn, the states below them never change: a pass reads them and computes what lies above. Each
row is computed by itself, so that its states depend on neither packing nor threads, and a resumed run finds the same.
"""

from __future__ import annotations

import copy
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from tilth.training.model import attention
from tilth.training.rows.pack import Batch, collate
from tilth.training.rows.text import Example

PARITY = (
    1e-4  # of the largest state: rounding stays a tenth of it, what a family does beside its layers does not
)


class Lower:
    """The states of rows where learning begins, at most `max_bytes` of them; further rows are computed anew."""

    def __init__(self, causal: Any, layers: str, depth: int, max_bytes: int) -> None:
        """layers: the name of the list of layers in the base model. depth: how many of them are frozen."""
        self.causal, self.depth, self.max_bytes = causal, depth, max_bytes
        whole = getattr(causal.base_model, layers)
        self._below = _with_layers(causal.base_model, layers, [*whole[:depth], _Stop()])
        self._above = _with_layers(causal.base_model, layers, list(whole[depth:]))
        self._kept: dict[bytes, Tensor] = {}
        self._bytes, self._lock = 0, Lock()

    def last_hidden(self, batch: Batch) -> Tensor:
        """Return the last hidden states of a batch, (tokens, width), as the whole model computes them."""
        return run(self._above, batch, inputs_embeds=self.states(batch)[None])

    def states(self, batch: Batch) -> Tensor:
        """Return the states of a batch where the layers that learn begin, (tokens, width)."""
        parts = [part for example in batch.examples for part in example.parts]
        found = torch.cat([self._of(part) for part in parts]).to(batch.input_ids.device)
        extra = len(batch.input_ids) - len(found)  # tokens that fill up a pack
        return torch.cat([found, found.new_zeros(extra, found.shape[1])]) if extra else found

    def _of(self, part: Example) -> Tensor:
        key = part.input_ids.tobytes()
        kept = self._kept.get(key)
        if kept is None:
            with torch.no_grad():
                kept = states_below(self._below, collate([part]).to(self.causal.device))
            size = kept.numel() * kept.element_size()
            with self._lock:
                if key not in self._kept and self._bytes + size <= self.max_bytes:
                    self._kept[key] = kept
                    self._bytes += size
        return kept


_LOWER: WeakKeyDictionary[Any, Lower] = WeakKeyDictionary()


def lower_of(causal: Any) -> Lower | None:
    """Return what keeps the states of a model's frozen layers, None where nothing does."""
    return _LOWER.get(causal)


def keep_lower(causal: Any, max_bytes: int) -> Lower | None:
    """Keep the states below the lowest layer that learns, from now on; None where that is the lowest or would not do.

    It would not where the model drops out at random, or its family does more between its layers than to call them in
    turn: found out by computing one row both ways. Called again after layers were opened or closed.
    """
    depth, layers = frozen_depth(causal)
    before = _LOWER.get(causal)
    if before is not None and before.depth == depth:
        return before
    _LOWER.pop(causal, None)
    if not depth or not max_bytes or _drops_out(causal):
        return None
    lower = Lower(causal, layers, depth, max_bytes)
    if not _equal(causal, lower):
        return None
    _LOWER[causal] = lower
    return lower


def forget_lower(causal: Any) -> None:
    """Compute every layer again: its weights are about to change, or the model to be used otherwise."""
    _LOWER.pop(causal, None)


def frozen_depth(causal: Any) -> tuple[int, str]:
    """Return how many layers at the bottom, embeddings included, learn nothing, and the name of their list."""
    base = causal.base_model
    name = next(
        (n for n in ("layers", "h", "blocks") if isinstance(getattr(base, n, None), torch.nn.ModuleList)), ""
    )
    if not name or any(p.requires_grad for p in causal.get_input_embeddings().parameters()):
        return 0, name
    depth = 0
    for layer in getattr(base, name):
        if any(p.requires_grad for p in layer.parameters()):
            break
        depth += 1
    return depth if depth < len(getattr(base, name)) else 0, name


def below(causal: Any, depth: int) -> Any:
    """Return the lowest `depth` layers of a model as a model whose forward pass is `states_below`."""
    _, layers = frozen_depth(causal)
    return _with_layers(causal.base_model, layers, [*getattr(causal.base_model, layers)[:depth], _Stop()])


def states_below(lowest: Any, batch: Batch) -> Tensor:
    """Return what the layers of `below` make of a batch, (tokens, width)."""
    try:
        run(lowest, batch, input_ids=batch.input_ids[None])
    except _Reached as reached:
        return reached.states[0]
    raise AssertionError("the layers were not called in turn")


def run(base: Any, batch: Batch, **inputs: Tensor) -> Tensor:
    """Return the last hidden states of a base model, (tokens, width), for a batch's ids or what stands for them."""
    packed = base.config._attn_implementation == attention.NAME
    return base(
        **inputs,
        position_ids=batch.position_ids[None],
        use_cache=False,
        **(attention.lengths_for(batch) if packed else {}),
    ).last_hidden_state[0]


class _Reached(Exception):
    def __init__(self, states: Tensor) -> None:
        super().__init__()
        self.states = states


class _Stop(torch.nn.Module):
    """Stands above the last layer that is wanted, and ends the pass."""

    attention_type = "full_attention"

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        raise _Reached(hidden_states)


def _with_layers(base: Any, name: str, layers: list[Any]) -> Any:
    """Return the same base model, sharing every weight, with other layers in their place."""
    other = copy.copy(base)
    other.__dict__["_modules"] = {**base._modules, name: torch.nn.ModuleList(layers)}
    return other


def _drops_out(causal: Any) -> bool:
    return any(isinstance(module, torch.nn.Dropout) and module.p for module in causal.modules())


def _equal(causal: Any, lower: Lower) -> bool:
    """Tell whether one row of arbitrary tokens comes out alike of the whole model and of its two parts."""
    ids = torch.arange(3, 20).remainder(causal.config.get_text_config().vocab_size).numpy().astype("int32")
    batch = collate([Example(b"", "", 1.0, ids, ids > 0)]).to(causal.device)
    with torch.no_grad():
        try:
            whole = run(causal.base_model, batch, input_ids=batch.input_ids[None]).float()
            parts = lower.last_hidden(batch).float()
        except (TypeError, ValueError, AttributeError, IndexError, AssertionError):
            return False
    allowed = PARITY if causal.dtype == torch.float32 else 3e-2
    return bool((whole - parts).abs().max() <= allowed * whole.abs().max())
