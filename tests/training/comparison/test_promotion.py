"""What serving a child asks for: each requirement met, missed, and not measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tilth.training.comparison.endpoints import Endpoint
from tilth.training.comparison.promotion import may_promote, refusal

SEEDS, ROWS = 3, 400


def endpoint(
    label: str, effect: float, *, seed: int = 0, primary: bool = False, retention: bool = False
) -> Endpoint:
    """Return the loss of an endpoint, of which the child has `effect` more."""
    rng = np.random.default_rng(seed)
    level = np.tile(rng.gamma(4, 0.4, ROWS), (SEEDS, 1))
    values = {"parent": level, "child": level + effect + rng.normal(0, 0.02, (SEEDS, ROWS))}
    return Endpoint(label, "nat/token", True, values, np.ones(ROWS), None, primary, retention=retention)


def asked(
    mean: float = -0.05, slices: tuple[float, ...] = (-0.05, -0.05), kept: float | None = 0.0
) -> list[Endpoint]:
    found = [endpoint("loss, all slices", mean, primary=True)]
    found += [endpoint(f"loss, {i}", effect, seed=i + 1) for i, effect in enumerate(slices)]
    return found + ([] if kept is None else [endpoint("loss, base knowledge", kept, seed=9, retention=True)])


def unmet(endpoints: list[Endpoint], answer: Any = "better", **findings: list[str]) -> list[str]:
    promotion = may_promote(endpoints, answer, findings)
    found = [r["what"] for r in promotion["requirements"] if r["met"] is False]
    assert promotion["allowed"] is not bool(found)
    assert bool(refusal(promotion)) == bool(found)
    return found


def test_a_child_that_is_better_and_worse_in_nothing_is_allowed() -> None:
    assert unmet(asked()) == []


def test_no_difference_shown_is_not_enough() -> None:
    assert unmet(asked(mean=0.0, slices=(0.0, 0.0)), "no difference shown") == [
        "surely better than its parent and than random removal"
    ]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"mean": 0.02}, "child - parent, loss, all slices"),
        ({"slices": (-0.2, 0.05)}, "child - parent, loss, 1"),
        ({"kept": 0.03}, "child - parent, loss, base knowledge"),
    ],
)
def test_what_got_worse_is_named(changes: dict[str, Any], what: str) -> None:
    assert unmet(asked(**changes)) == [what]


def test_what_is_not_measured_is_said_and_does_not_refuse() -> None:
    promotion = may_promote(asked(kept=None), "better", {})
    assert promotion["allowed"]
    (line,) = [r for r in promotion["requirements"] if r["met"] is None]
    assert "training.base_knowledge" in line["what"]


def test_what_its_own_run_found_and_its_parents_did_not_refuses() -> None:
    assert unmet(asked(), child=["extractable", "overfit"], parent=["overfit"]) == [
        "what can be drawn out of it, and what is left of its slices"
    ]
    assert unmet(asked(), child=["extractable"], parent=["extractable"]) == []


def test_one_seed_shows_nothing_about_seeds_and_a_few_noisy_rows_show_nothing() -> None:
    noisy = endpoint("loss, all slices", 0.0, primary=True)
    noisy.values["child"] = noisy.values["parent"] + np.random.default_rng(0).normal(0, 1, (SEEDS, ROWS))
    assert unmet([noisy]) == ["child - parent, loss, all slices"]
