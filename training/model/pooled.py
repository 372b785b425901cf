"""What the lower layers of the untuned base make of a question: one vector a row, by which rows are compared.

The mean over the tokens that ask of the states at a quarter of the base's depth. There words have met their neighbours,
and the base has not yet turned to what comes next: of SmolLM2-135M these states tell the intents of BANKING77 and
CLINC150 better than those of the half, of three quarters and of the last layer (docs/lab-notes.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from tilth.training.model.loss import causal_model
from tilth.training.model.lower import below, frozen_depth, states_below
from tilth.training.rows.pack import bins, collate
from tilth.training.rows.text import Example

DEPTH = 0.25  # of the layers


def question_states(model: Any, examples: Sequence[Example], pack_tokens: int) -> dict[bytes, np.ndarray]:
    """Return row id -> the mean state of what the row asks, float32 (width,): a quarter of a forward pass.

    model: the untuned base. Empty for a base whose layers are not called in turn. Of several examples of a row, and of
    what asks nothing, the first that asks counts.
    """
    causal = causal_model(model)
    _, layers = frozen_depth(causal)
    if not layers:
        return {}
    depth = max(1, round(DEPTH * len(getattr(causal.base_model, layers))))
    asking = {e.row_id: e for e in reversed(examples) if not e.is_label[:2].any() and len(e.parts) == 1}
    asked = [_question(e) for e in asking.values()]
    lowest, rows = below(causal, depth), list(asking)
    found: dict[bytes, np.ndarray] = {}
    for chosen in bins([len(e.input_ids) for e in asked], pack_tokens):
        batch = collate([asked[i] for i in chosen]).to(causal.device)
        with torch.no_grad():
            states = states_below(lowest, batch).float().cpu().numpy()
        ends = np.cumsum([len(asked[i].input_ids) for i in chosen])
        for i, part in zip(chosen, np.split(states, ends[:-1]), strict=True):
            found[rows[i]] = part.mean(0)
    return found


def _question(example: Example) -> Example:
    """Return what stands before the first label."""
    end = int(np.argmax(example.is_label))
    return Example(
        example.row_id, example.slice, example.weight, example.input_ids[:end], np.zeros(end, dtype=bool)
    )
