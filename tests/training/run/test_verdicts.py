"""What a run says of its rows: parted by how hard they are only where that tells anything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tilth.shards.feedback import Finding
from tilth.training.monitors import label_noise as noise
from tilth.training.monitors.observations import Rows
from tilth.training.run import verdicts

ROWS, DECOYS = 600, 150


def table(contradiction: np.ndarray, first: int = 0) -> pl.DataFrame:
    """Return scores of examples with these contradictions."""
    ids = [(first + i).to_bytes(16, "big") for i in range(len(contradiction))]
    return pl.DataFrame(
        {"row_id": ids, "slice": "s", "nll_sum": contradiction, "n_tokens": 1, "contradiction": contradiction}
    )


def judged(hard_share: float) -> tuple[pl.DataFrame, str, np.ndarray]:
    """Judge a slice of one task, or of a learned and a hard one; return (rows, evidence, is_wrong)."""
    rng = np.random.default_rng(0)
    hard, wrong = np.arange(ROWS) < hard_share * ROWS, rng.random(ROWS) < 0.12
    scores = np.where(wrong | hard, rng.normal(4, 1, ROWS), rng.exponential(0.4, ROWS))
    questions = {
        i.to_bytes(16, "big"): np.concatenate([100 * h + rng.integers(0, 20, 9), rng.integers(200, 230, 6)])
        for i, h in enumerate(hard.tolist())
    }
    dynamics = table(scores).select("row_id", slice_code=pl.lit(0), margin_mean=-pl.col("contradiction"))
    decoys = table(rng.normal(4.2, 1, DECOYS)).with_columns(
        row_id=pl.Series([i.to_bytes(16, "big") for i in rng.permutation(ROWS)[:DECOYS].tolist()])
    )
    rows = verdicts.by_row(table(scores), dynamics)
    signal = noise._judged(Rows(rows, decoys, questions), "s")
    found = verdicts.found_of_rows([replace(signal, monitor="label_noise")])
    named = rows.join(found, on="row_id", how="left", maintain_order="left")
    return named.with_columns(pl.col("finding").fill_null("none")), signal.evidence, wrong


def test_a_slice_of_one_task_is_judged_by_all_of_its_decoys() -> None:
    rows, evidence, wrong = judged(0.0)
    named = (rows["finding"] == Finding.NOISY.value).to_numpy()
    assert f"by {DECOYS} decoys" in evidence
    assert named.any() and wrong[named].mean() >= 0.85


@pytest.mark.parametrize("parted", [True, False])
def test_a_hard_task_in_a_slice_is_judged_apart(parted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not parted:
        monkeypatch.setattr(noise, "MAX_VARIANCE_RATIO", np.inf)
        monkeypatch.setattr(noise, "MAX_NOISE", 1.0)
    rows, evidence, wrong = judged(0.3)
    named = (rows["finding"] == Finding.NOISY.value).to_numpy()
    clean_hard = named[: int(0.3 * ROWS)] & ~wrong[: int(0.3 * ROWS)]
    assert (clean_hard.sum() == 0) == parted
    assert ("nothing is said of" in evidence) == parted
