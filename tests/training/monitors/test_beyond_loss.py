"""Monitors that look at coverage, starvation, memory and what was steered: each on a plant and on a null."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.training.monitors.test_monitors import EVALUATIONS, learning_curve, series
from tilth.shards.feedback import Finding
from tilth.training.evaluation.intervals import Estimate
from tilth.training.monitors import (
    canary_exposure,
    collapse,
    extraction,
    shift_gap,
    twin_gap,
    validation_burn,
)
from tilth.training.monitors.monitor import registry
from tilth.training.monitors.observations import Observations, Past, Planted


def observed(panels: dict[str, dict[str, np.ndarray]], **changes: Any) -> Observations:
    """Return what a run has seen. panels: panel -> slice -> losses (evaluations, rows)."""
    slices = sorted(panels["feedback"])

    def of_slice(panel: str, code: int | None) -> tuple[np.ndarray, np.ndarray]:
        parts = [panels[panel][name] for name in (slices if code is None else [slices[code]])]
        losses = np.hstack(parts)
        return losses, np.arange(losses.shape[1])

    tracks: Any = {
        name: SimpleNamespace(of_slice=lambda code, name=name: of_slice(name, code)) for name in panels
    }
    dynamics: Any = changes.pop("dynamics", None)
    return Observations(tracks, dynamics, slices, **changes)


def findings(name: str, observations: Observations) -> dict[str | None, Finding]:
    return {s.slice: s.finding for s in registry()[name].examine(observations)}


# Shift gap


def test_held_out_rows_that_are_harder_than_withheld_ones_are_a_gap_of_coverage() -> None:
    rng, curve = np.random.default_rng(0), learning_curve()
    harder = {"a": series(rng, 150, curve) + 0.8, "b": series(rng, 150, curve)}
    twin = {"a": series(rng, 80, curve), "b": series(rng, 80, curve)}
    found = findings("shift_gap", observed({"feedback": harder, "twin": twin}))
    assert (found["a"], found["b"]) == (Finding.COVERAGE_GAP, Finding.NONE)


def test_shift_false_alarms() -> None:
    curve, alarms = learning_curve(), 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        held, twin = series(rng, 60, curve), series(rng, 40, curve)
        said = [
            shift_gap.of_slice(
                (held[:t], np.arange(60)), (twin[:t], np.arange(40)), slice_name="s", slices=1
            ).fired
            for t in range(2, EVALUATIONS + 1)
        ]
        alarms += any(said)
    assert alarms <= 10


# Twin gap where rows are few


def test_a_few_rows_read_many_times_are_found_though_only_a_handful_is_withheld() -> None:
    """315 rows read 24 times: train loss .001 and a gap of 2.5 nat, with seven withheld rows."""
    rng = np.random.default_rng(0)
    trained = np.array([3.0, 1.5, 0.5, 0.1, 0.01, 0.001])
    probe, twin = np.outer(trained, np.ones(200)), series(rng, 7, np.array([1.4, 0.9, 0.9, 1.0, 1.1, 1.1]))
    held = series(rng, 30, np.array([1.4, 0.9, 0.9, 1.0, 1.1, 1.1]))
    panels = {"probe": {"s": probe}, "twin": {"s": twin}, "feedback": {"s": held}}
    assert twin_gap.of_slice(twin, probe, slice_name="s", slices=1).finding is Finding.INCONCLUSIVE
    assert findings("twin_gap", observed(panels))["s"] is Finding.MEMORISING


def test_held_out_rows_that_are_only_harder_are_no_gap() -> None:
    rng, curve = np.random.default_rng(0), learning_curve()
    panels = {
        "probe": {"s": series(rng, 200, curve)},
        "twin": {"s": series(rng, 7, curve)},
        "feedback": {"s": series(rng, 40, curve) + 2.0},
    }
    assert findings("twin_gap", observed(panels))["s"] is Finding.NONE


# Starvation


def dynamics(epochs: dict[str, float]) -> Any:
    names = sorted(epochs)
    return SimpleNamespace(
        drawn_tokens=np.array([1000 * epochs[name] for name in names]),
        unique_tokens=np.full(len(names), 1000),
    )


FALLS = -0.1 * np.arange(EVALUATIONS)


def starved(held: dict[str, np.ndarray], epochs: dict[str, float], past: Past) -> dict[str | None, Finding]:
    rows: Any = object()
    return findings(
        "starvation", observed({"feedback": held}, dynamics=dynamics(epochs), past=past, rows=rows)
    )


@pytest.mark.parametrize(
    ("epochs", "finding"), [(1.0, Finding.STARVED), (3.0, Finding.NONE), (9.0, Finding.TOP_UP)]
)
def test_a_slice_that_is_behind_and_learns_wants_more_of_the_mixture_or_more_rows(
    epochs: float, finding: Finding
) -> None:
    """Behind by what earlier runs reached, and not by its loss: the noisy slice has most of that."""
    rng = np.random.default_rng(0)
    held = {
        "easy": series(rng, 200, FALLS),
        "hard": series(rng, 200, FALLS) + 3,
        "noisy": series(rng, 200, FALLS) + 9,
    }
    last = {name: float(losses[-1].mean()) for name, losses in held.items()}
    past = Past(runs=1, best_loss={**last, "easy": last["easy"] - 0.5})
    found = starved(held, {"easy": epochs, "hard": 1, "noisy": 1}, past)
    assert found == {"easy": finding, "hard": Finding.NONE, "noisy": Finding.NONE}
    assert starved(held, {"easy": epochs, "hard": 1, "noisy": 1}, Past()) == {}


def test_a_slice_that_is_behind_and_learns_no_more_is_not_starved() -> None:
    rng = np.random.default_rng(0)
    held = {name: series(rng, 200, np.zeros(EVALUATIONS)) for name in "ab"}
    past = Past(runs=1, best_loss={"a": 0.1, "b": 1.0})
    assert set(starved(held, {"a": 1, "b": 1}, past).values()) == {Finding.NONE}


def test_starvation_false_alarms() -> None:
    """Runs on the same data reach the same, give or take which rows were drawn."""
    alarms = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        held = {name: series(rng, 60, FALLS) for name in "abc"}
        past = Past(runs=1, best_loss={name: 1.6 + FALLS[-1] for name in "abc"})
        alarms += Finding.STARVED in starved(held, dict.fromkeys("abc", 1.0), past).values()
    assert alarms <= 10


# Collapse


def test_effective_rows_are_kishs() -> None:
    assert collapse.effective_rows(np.ones(50)) == 50
    assert collapse.effective_rows(np.array([1.0, 1.0, 0.0, 0.0])) == 2
    assert collapse.effective_rows(np.zeros(0)) == 0


def test_a_slice_that_lost_half_its_effective_rows_has_collapsed() -> None:
    past = Past(effective_rows={"a": 100.0, "b": 100.0, "gone": 40.0})
    seen = observed({"feedback": {"a": np.zeros((1, 0))}}, past=past, effective_rows={"a": 49.0, "b": 51.0})
    assert findings("collapse", seen) == {
        "a": Finding.SLICE_COLLAPSE,
        "b": Finding.NONE,
        "gone": Finding.SLICE_COLLAPSE,
    }
    assert findings("collapse", replace(seen, past=Past())) == {}


# Extraction


def table(trained: int, by_heart: int, withheld: int, generalise: float = 0.0, seed: int = 0) -> pl.DataFrame:
    """Return rows of a slice: `by_heart` trained ones were seen 24 times and are recited, others follow a rule."""
    rng = np.random.default_rng(seed)
    rows = trained + withheld
    follows = rng.random(rows) < generalise
    known = np.arange(rows) < by_heart
    seen = np.where(np.arange(rows) < trained, np.where(known, 24, 2), 0)
    return pl.DataFrame(
        {
            "row_id": [i.to_bytes(16, "big") for i in range(rows)],
            "slice": "s",
            "recited": follows | known,
            "n_exposures": [int(n) or None for n in seen],
            "loss_first": np.full(rows, 3.0),
            "loss": np.where(follows | known, 0.01, 1.0),
        },
        schema_overrides={"n_exposures": pl.UInt32},
    )


def test_rows_that_are_recited_and_not_by_a_rule_are_named() -> None:
    signal = extraction.of_slice(table(400, 30, 40), "s", 1)
    assert signal.finding is Finding.EXTRACTABLE and "seen most often" in signal.evidence
    assert signal.rows is not None and signal.rows.height == 30
    assert signal.rows["evidence"][0] == "32 tokens word for word, seen 24 times"


def test_answers_that_follow_from_a_rule_are_no_memory() -> None:
    fired = [extraction.of_slice(table(400, 0, 40, 0.5, seed), "s", 1).fired for seed in range(200)]
    assert np.mean(fired) <= 0.05


def test_answers_the_model_found_likely_at_first_sight_are_no_memory() -> None:
    rows = table(400, 200, 40).with_columns(loss_first=pl.lit(0.2))
    assert not extraction.of_slice(rows, "s", 1).fired


def test_the_exact_test_is_fishers() -> None:
    from scipy.stats import fisher_exact

    for hits, rows, others, of in [(3, 10, 1, 12), (0, 5, 3, 9), (20, 20, 0, 25)]:
        expected = fisher_exact([[hits, rows - hits], [others, of - others]], alternative="greater").pvalue
        assert extraction.p_more(hits, rows, others, of) == pytest.approx(expected)


# Canaries


def test_exposure_is_the_rank_among_references_in_bits() -> None:
    references = np.arange(1.0, 1024.0)
    assert canary_exposure.exposure(np.array([0.0, 511.5, 2000.0]), references) == pytest.approx([10, 1, 0])


def test_one_copy_known_by_heart_is_told_and_many_copies_alone_are_not() -> None:
    rng = np.random.default_rng(0)
    references, fresh, known = rng.normal(5, 1, 2000), rng.normal(5, 1, 12), rng.normal(0, 1, 12)
    copies = np.repeat([1, 16], 12)
    for ones, finding in ((fresh, Finding.NONE), (known, Finding.MEMORISATION_HIGH)):
        planted = Planted(np.concatenate([ones, known]), copies, references)
        seen = observed({"feedback": {}}, canaries=planted)
        (said,) = registry()["canary_exposure"].examine(seen)
        assert said.finding is finding
        assert float(said.evidence.split("16: ")[1].split(" ")[0]) > 8


def test_canary_false_alarms() -> None:
    rng = np.random.default_rng(0)
    fired = [
        canary_exposure.of_run(
            {1: canary_exposure.exposure(rng.normal(0, 1, 8), rng.normal(0, 1, 2000))}, 2000
        ).fired
        for _ in range(500)
    ]
    assert np.mean(fired) <= 0.05


# Validation burn


def gains(rng: np.random.Generator, drift: float, rows: int = 300) -> tuple[Estimate, Estimate]:
    return tuple(Estimate(float(rng.normal(d, 0.3 / rows**0.5)), 0.3 / rows**0.5, rows) for d in (drift, 0.0))  # type: ignore[return-value]


def burned(seed: int, drift: float, runs: int = 20) -> int | None:
    """Return the run at which the runs of a name are told that feedback is burned, None for never."""
    rng, past = np.random.default_rng(seed), Past()
    for run in range(runs):
        found = validation_burn.measure(gains(rng, drift * run), past, seed=run)
        if validation_burn.of_run(found, past).fired:
            return run
        first = past.first_drift or found.now
        past = Past(runs=run + 1, first_drift=first, drifts_beyond=past.drifts_beyond + found.is_beyond)
    return None


def test_feedback_that_is_fitted_to_is_burned_and_one_that_is_only_used_is_not() -> None:
    assert all(burned(seed, 0.02) is not None for seed in range(20))
    assert sum(burned(seed, 0.0) is not None for seed in range(100)) <= 5
