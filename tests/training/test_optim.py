"""The learning rate is a function of the step and nothing else (R14)."""

from __future__ import annotations

import inspect

import pytest
import tiny

from tilth.training.optim import optimizer_for, rate_at


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
    assert set(inspect.signature(rate_at).parameters) == {"step", "total_steps", "peak", "warmup"}


def test_only_matrices_decay() -> None:
    groups = optimizer_for(tiny.make_model(), weight_decay=0.1).param_groups
    assert {(p.ndim >= 2, group["weight_decay"]) for group in groups for p in group["params"]} == {
        (True, 0.1),
        (False, 0.0),
    }
