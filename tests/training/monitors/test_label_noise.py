"""Label noise on mixtures of clean and wrong rows whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.shards.feedback import Finding
from tilth.training.monitors import calibration
from tilth.training.monitors import label_noise as noise

SLICES = 40


def slice_of(seed: int, share: float, rows: int = 1000):
    """Return (is_wrong, contradiction, margin, decoys) of a slice with `share` wrong answers."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(rows) < share
    contradiction = np.where(wrong, rng.normal(4, 1, rows), rng.exponential(0.7, rows))
    margin = np.where(wrong, rng.normal(-3, 1.5, rows), rng.normal(2, 1.5, rows))
    return wrong, contradiction, margin, rng.normal(4, 1, 150)


def judged(share: float):
    """Return (named, wrong among named, wrong, estimated precision of the named) over many slices."""
    named = hits = wrong_rows = 0
    estimates = []
    for seed in range(SLICES):
        wrong, contradiction, margin, decoys = slice_of(seed, share)
        findings, precision, _ = noise.of_slice(contradiction, margin, decoys, slice_name="s")
        noisy = findings == Finding.NOISY.value
        named, hits, wrong_rows = named + noisy.sum(), hits + (noisy & wrong).sum(), wrong_rows + wrong.sum()
        estimates += precision[noisy].tolist()
    return named, hits, wrong_rows, np.array(estimates)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_realised_precision_keeps_what_the_estimate_promises(share):
    named, hits, wrong, estimates = judged(share)
    assert (estimates >= calibration.MIN_PRECISION).all()
    assert hits / named >= 0.85
    assert hits / wrong >= 0.2


def test_a_clean_slice_is_left_alone():
    named, _, _, _ = judged(0.0)
    assert named / (SLICES * 1000) < 0.001


def test_few_decoys_abstain():
    _, contradiction, margin, decoys = slice_of(0, 0.3)
    findings, _, signal = noise.of_slice(contradiction, margin, decoys[:29], slice_name="s")
    assert signal.finding is Finding.INCONCLUSIVE
    assert set(findings) == {Finding.NONE.value}


def test_contradiction_alone_is_uncertain():
    """Rows that were never trained on have no margin, so no second evidence."""
    seen = set()
    for seed in range(SLICES):
        _, contradiction, margin, decoys = slice_of(seed, 0.3)
        findings, _, signal = noise.of_slice(
            contradiction, np.full_like(margin, np.nan), decoys, slice_name="s"
        )
        seen |= set(findings)
        assert signal.finding is Finding.NONE
    assert seen == {Finding.NONE.value, Finding.UNCERTAIN.value}


def test_a_model_that_cannot_tell_decoys_from_rows_names_nobody():
    rng = np.random.default_rng(0)
    scores = rng.exponential(0.7, 1000)
    findings, _, signal = noise.of_slice(scores, -scores, rng.exponential(0.7, 100), slice_name="s")
    assert set(findings) == {Finding.NONE.value}
    assert signal.finding is Finding.INCONCLUSIVE


def test_separation_is_the_area_under_the_curve():
    rng = np.random.default_rng(0)
    rows, decoys = rng.integers(0, 9, 50), rng.integers(2, 12, 40)
    pairs = (decoys[:, None] > rows[None]).mean() + (decoys[:, None] == rows[None]).mean() / 2
    assert calibration.separation(rows, decoys) == pytest.approx(pairs)


def mixture_of_tasks(seed: int, learned: int = 1200, hard: int = 500):
    """Return (is_wrong, contradiction, margin, decoys, kinds, decoy_kinds) of a slice of two tasks.

    One is learned; of the other the model knows next to nothing, and clean rows look as decoys do.
    """
    wrong, contradiction, margin, decoys = slice_of(seed, 0.12, learned)
    rng = np.random.default_rng(1000 + seed)
    score = rng.normal(4.0, 1.2, hard)
    return (
        np.concatenate([wrong, rng.random(hard) < 0.12]),
        np.concatenate([contradiction, score]),
        np.concatenate([margin, rng.normal(-3, 1.5, hard)]),
        np.concatenate([decoys, rng.normal(4.3, 1.2, 60)]),
        np.repeat([0, 1], [learned, hard]),
        np.repeat([0, 1], [len(decoys), 60]),
    )


@pytest.mark.parametrize("apart", [False, True])
def test_a_task_that_was_not_learned_is_left_alone_where_it_is_judged_apart(apart: bool) -> None:
    named = hits = 0
    for seed in range(10):
        wrong, contradiction, margin, decoys, kinds, decoy_kinds = mixture_of_tasks(seed)
        found, _, signal = noise.of_slice(
            contradiction, margin, decoys, slice_name="s",
            kinds=kinds if apart else None, decoy_kinds=decoy_kinds if apart else None,
        )  # fmt: skip
        noisy = found == Finding.NOISY.value
        named, hits = named + noisy.sum(), hits + (noisy & wrong).sum()
        assert ("nothing is said of 500 rows" in signal.evidence) == apart
    # Judged as one they are what made this necessary: few of the named are wrong.
    assert named > 0 and (hits / named >= 0.85) == apart


def test_a_slice_whose_answers_serve_each_other_names_nobody() -> None:
    rng = np.random.default_rng(3)
    decoys = rng.normal(4.0, 1.0, 60)
    # Nearly half of the rows look like decoys: as 46 rows of one slice did, of which 9 were wrong.
    scores = np.concatenate([rng.normal(4.0, 1.0, 280), rng.normal(-2.0, 1.0, 320)])
    found, precision, signal = noise.of_slice(scores, np.full(600, -1.0), decoys, slice_name="polite")
    assert set(found) == {Finding.NONE.value} and not precision.any()
    assert signal.finding is Finding.INCONCLUSIVE and "too much alike" in signal.evidence
