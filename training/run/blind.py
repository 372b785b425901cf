"""What no monitor of a run can see, said on its page beside what they saw."""

from __future__ import annotations

import numpy as np

from tilth.training.monitors.signal import MIN_GROUPS
from tilth.training.rows.recital import SPAN_TOKENS
from tilth.training.run.learning import Learning

SHOWN_SLICES = 5


def blind_spots(learning: Learning) -> list[str]:
    """Return in words what the monitors of a watched run cannot see; nothing for a run that was not watched."""
    if not learning.evaluations:
        return []
    return [
        "a fault that all rows share, trained, withheld and held out alike: a wrong rule taught everywhere, one style, "
        "a bias of whoever wrote the answers",
        "wrong answers that other rows of the same kind support, or that the base gave before it was tuned",
        *_few_rows(learning),
        *_not_measured(learning),
        f"what can be drawn out by other prompts than the rows' own, or in stretches under {SPAN_TOKENS} tokens",
    ]


def _few_rows(learning: Learning) -> list[str]:
    found = []
    for panel, what in (("twin", "withheld"), ("feedback", "held-out")):
        track = learning.tracks[panel]
        few = [
            name
            for code, name in enumerate(learning.slices)
            if len(np.unique(track.of_slice(code)[1])) < MIN_GROUPS
        ]
        if few:
            names = ", ".join(name or "(none)" for name in few[:SHOWN_SLICES])
            more = f" and {len(few) - SHOWN_SLICES} more" if len(few) > SHOWN_SLICES else ""
            found.append(f"slices with fewer than {MIN_GROUPS} independent {what} rows, alone: {names}{more}")
    return found


def _not_measured(learning: Learning) -> list[str]:
    found = []
    if not learning.tracks["base"].panel.row_ids:
        found.append("what was forgotten: nothing stands for what the base knew (training.base_knowledge)")
    if learning.canaries is None:
        found.append(
            "how much one copy of a secret leaves behind: no canaries were planted (training.canaries)"
        )
    if not learning.past.runs:
        found.append(
            "what changed over versions (collapse, a burned feedback split): this is the first run of its name"
        )
    return found
