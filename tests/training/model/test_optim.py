"""The learning rate is a function of the step and nothing else (R14)."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from tests import tiny
from tilth.training.model.optim import optimizer_for, rate_at


def test_the_rate_rises_to_its_peak_and_falls_to_nothing() -> None:
    rates = [rate_at(step, total_steps=100, peak=2.0, warmup=0.1) for step in range(100)]
    assert rates[:10] == pytest.approx([0.2 * (step + 1) for step in range(10)])
    assert max(rates) == rates[10] == rates[9] == 2.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(1.0)
    assert 0 < rates[-1] < 0.002


def test_a_run_of_one_step_learns() -> None:
    assert rate_at(0, total_steps=1, peak=2.0, warmup=0.03) == 2.0


def test_the_rate_knows_no_world_size() -> None:
    known = {"step", "total_steps", "peak", "warmup", "schedule"}
    assert set(inspect.signature(rate_at).parameters) == known


@pytest.mark.parametrize(
    ("schedule", "middle", "last"),
    [
        ("cosine", 1.0, 0.000609),
        ("linear", 1.0, 0.022222),
        ("constant", 2.0, 2.0),
        ("slanted", 1.03125, 0.084028),
    ],
)
def test_each_schedule_has_its_shape(schedule: Any, middle: float, last: float) -> None:
    def rate(step: int) -> float:
        return rate_at(step, total_steps=100, peak=2.0, warmup=0.1, schedule=schedule)

    assert rate(0) == pytest.approx(0.2) and rate(9) == rate(10) == 2.0
    assert rate(55) == pytest.approx(middle, abs=1e-6)
    assert rate(99) == pytest.approx(last, abs=1e-6)


def test_a_slanted_triangle_is_ulmfits() -> None:
    """Howard & Ruder 2018, equation 3, with cut_frac 0.1 and ratio 32, but for the first step's zero."""
    total, cut = 1000, 100
    for step in range(cut, total, 37):
        p = 1 - (step - cut) / (cut * (1 / 0.1 - 1))
        wanted = 0.01 * (1 + p * (32 - 1)) / 32
        assert rate_at(step, total_steps=total, peak=0.01, warmup=0.1, schedule="slanted") == pytest.approx(
            wanted
        )


def test_only_matrices_decay() -> None:
    groups = optimizer_for(tiny.make_model(), weight_decay=0.1).param_groups
    assert {(p.ndim >= 2, group["weight_decay"]) for group in groups for p in group["params"]} == {
        (True, 0.1),
        (False, 0.0),
    }
