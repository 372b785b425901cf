"""The rectified scaling law finds the parameters that made a curve, and says when a curve is flatter than a power."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.training.scaling_law import Law, fit, in_power_phase

ROWS = (0, 25, 50, 100, 200, 400, 800)


@pytest.mark.parametrize("planted", [Law(30, 60, 0.7, 0.5), Law(8, 2, 0.4, 0.1), Law(500, 900, 0.95, 1.2)])
def test_fit_recovers_what_was_planted(planted: Law) -> None:
    found = fit([[(rows, planted.loss(rows)) for rows in ROWS]])[0]
    assert found.exponent == pytest.approx(planted.exponent, rel=0.02)
    assert found.floor == pytest.approx(planted.floor, rel=0.1)
    assert found.prelearned == pytest.approx(planted.prelearned, rel=0.05)
    assert found.loss(5000) == pytest.approx(planted.loss(5000), rel=0.01)
    assert found.doubling(5000) == pytest.approx(planted.doubling(5000), rel=0.05)


def test_noise_of_one_curve_does_not_move_the_exponent_of_all() -> None:
    planted = [Law(scale, 30, 0.6, 0.6) for scale in (20, 30, 45, 70, 100)]
    noise = np.random.default_rng(0).normal(1, 0.01, (len(planted), 5))
    curves = [
        [(rows, law.loss(rows) * factor) for rows, factor in zip((0, 16, 33, 69, 137), factors)]
        for law, factors in zip(planted, noise.tolist())
    ]
    found = fit(curves)
    assert len({law.exponent for law in found}) == 1
    assert found[0].exponent == pytest.approx(0.6, abs=0.15)
    order = sorted(range(len(found)), key=lambda i: found[i].loss(3000))
    assert order == sorted(range(len(planted)), key=lambda i: planted[i].loss(3000))


def test_a_smaller_subset_below_the_power_line_ends_the_halving() -> None:
    larger = [(rows, 20 * rows**-0.5) for rows in (800.0, 400.0, 200.0)]
    assert in_power_phase(larger, 100.0, 20 * 100**-0.5)
    assert not in_power_phase(larger, 100.0, 0.8 * 20 * 100**-0.5)
