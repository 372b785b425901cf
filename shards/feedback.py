"""Schema of the feedback record: what one training run learned about the data.

A record is a canonical-JSON header object that names a `rows` table object and a `slices` table object by
digest; the digest of the header identifies the record. Training writes it, the next curation reads it.
Policy (what is done about it) lives in curation/feedback/pushback.py.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import polars as pl


class Finding(StrEnum):
    """What a monitor concluded about a row, a slice or the run; NONE where it abstained."""

    NONE = "none"
    NOISY = "noisy"
    UNCERTAIN = "uncertain"
    REPEATED = "repeated"
    MEMORISING = "memorising"
    OVERFIT = "overfit"
    FORGETTING = "forgetting"
    COVERAGE_GAP = "coverage_gap"
    INCONCLUSIVE = "inconclusive"
    NOTED = "noted"  # nothing acts on it; its evidence and what it proposes say what it is
    EXTRACTABLE = "extractable"
    MEMORISATION_HIGH = "memorisation_high"
    STARVED = "starved"
    TOP_UP = "top_up"
    VAL_BURNED = "val_burned"
    SLICE_COLLAPSE = "slice_collapse"


FINDING = pl.Enum([f.value for f in Finding])

# One line per train or twin row seen by the run. Losses are nat/token over assistant tokens.
# margin_mean: mean of log p(label) - max other log p over the exposures (AUM, arXiv 2001.10528).
# contradiction: mean over label tokens of max log p - log p(label) at the end of the run, in eval mode.
# proposed_row: a row of the version that bears the likeliest answer to this one's question, where another is likelier
# than its own; proposed_probability: of that answer. The record holds no text.
FEEDBACK_ROWS = pl.Schema(
    {
        "row_id": pl.Binary(),
        "text_digest": pl.Binary(),
        "slice": pl.String(),
        "n_exposures": pl.UInt32(),
        "loss_first": pl.Float64(),
        "loss_last": pl.Float64(),
        "loss_mean": pl.Float64(),
        "margin_mean": pl.Float64(),
        "contradiction": pl.Float64(),
        "oos_loss": pl.Float64(),
        "in_twin": pl.Boolean(),
        "finding": FINDING,
        "est_precision": pl.Float64(),
        "evidence": pl.String(),
        "proposed_row": pl.Binary(),
        "proposed_probability": pl.Float64(),
    }
)

# One line per slice and evaluation.
FEEDBACK_SLICES = pl.Schema(
    {
        "slice": pl.String(),
        "evaluation": pl.UInt32(),
        "step": pl.UInt32(),
        "tokens_seen": pl.Int64(),
        "unique_tokens": pl.Int64(),
        "epochs": pl.Float64(),
        "repetition_value": pl.Float64(),
        "n_probe": pl.UInt32(),
        "loss_probe": pl.Float64(),
        "se_probe": pl.Float64(),
        "n_twin": pl.UInt32(),
        "loss_twin": pl.Float64(),
        "se_twin": pl.Float64(),
        "n_feedback": pl.UInt32(),
        "loss_feedback": pl.Float64(),
        "se_feedback": pl.Float64(),
        "gap": pl.Float64(),
        "finding": FINDING,
        "lcb": pl.Float64(),
        "alpha": pl.Float64(),
        "evidence": pl.String(),
    }
)


@dataclass(frozen=True)
class FeedbackHeader:
    """Header of a feedback record; digests are hex sha256."""

    run_id: str
    version: str
    content_id: str
    recipe_digest: str
    base_digest: str
    seeds: list[int]
    steps: int
    tokens: int
    twin_folds: list[int]
    row_count: int
    rows: str
    slices: str
    # Of the run: finding, monitor, slice, evidence, proposes.
    findings: list[dict[str, Any]] = field(default_factory=list)
    monitors: dict[str, str] = field(default_factory=dict)  # name -> version
    validation_queries: dict[str, int] = field(default_factory=dict)  # split -> evaluations on it
    # By how much less the promotion rows gained than the feedback rows: mean, se (nat/token) and whether it was
    # beyond what chance allows; empty where it was not measured.
    promotion_drift: dict[str, float] = field(default_factory=dict)
    effective_rows: dict[str, float] = field(
        default_factory=dict
    )  # slice -> (sum w)^2 / sum w^2 of its train rows
    alpha_spent: float = 0.0
    repetition_constant: float = 15.39
    format: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return the header as plain JSON values."""
        return asdict(self)
