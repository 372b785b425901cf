"""What is said when a run meets a number that is none."""

from __future__ import annotations

from tilth.shards.errors import TrainingError
from tilth.training.model.loss import TokenLoss
from tilth.training.rows.pack import Batch

NAMED_ROWS = 8
# No rate has been applied before the first step, and every row would have to be broken for the first to be.
FIRST_ADVICE = (
    "Nothing was trained yet, so it is the base or its arithmetic: try precision: float32, another training.method or "
    "lora.variant, or another base; `tilth explain ID` shows the rows"
)


def rows_not_finite(batch: Batch, losses: TokenLoss) -> list[bytes]:
    """Return the rows of a batch with a label whose loss is not finite."""
    bad = losses.example_of[~losses.nll.isfinite()].unique().tolist()
    return [batch.examples[i].row_id for i in bad]


def not_finite(step: int, what: str, row_ids: list[bytes]) -> TrainingError:
    """Return the error that names the rows, never their text."""
    named = ", ".join(row_id.hex() for row_id in row_ids[:NAMED_ROWS])
    more = f" and {len(row_ids) - NAMED_ROWS} more" if len(row_ids) > NAMED_ROWS else ""
    return TrainingError(
        f"step {step}",
        f"the {what} is not finite, at row {named}{more}",
        "The run stopped before the weights were touched; no feedback was written",
        FIRST_ADVICE if step == 1 else "Look at the rows with `tilth explain ID`, or lower training.rate",
    )
