"""The rectified scaling law finds the parameters that made a curve, and says when a curve is flatter than a power."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.training.search.scaling_law import Law, accepted, fit

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
    assert [law.exponent for law in found] == pytest.approx([0.6] * 5, abs=0.15)
    order = sorted(range(len(found)), key=lambda i: found[i].loss(3000))
    assert order == sorted(range(len(planted)), key=lambda i: planted[i].loss(3000))


def test_a_curve_has_its_own_exponent_where_its_points_show_one() -> None:
    planted = [Law(60, 30, 0.5, 0.0), Law(60, 30, 0.5, 0.0), Law(60, 30, 0.8, 0.0)]
    found = fit([[(rows, law.loss(rows)) for rows in ROWS] for law in planted])
    assert [law.exponent for law in found] == pytest.approx([0.5, 0.5, 0.8], abs=0.02)


def test_a_curve_of_two_points_takes_the_exponent_of_the_others() -> None:
    planted = [Law(60, 30, 0.5, 0.0), Law(90, 30, 0.5, 0.0), Law(70, 50, 0.9, 0.0)]
    curves = [[(rows, law.loss(rows)) for rows in ROWS] for law in planted]
    found = fit([*curves[:2], [curves[2][0], curves[2][4]]])
    assert found[2].exponent == pytest.approx(0.5, abs=0.03)
    assert found[2].loss(ROWS[4]) == pytest.approx(curves[2][4][1], rel=0.01)


def test_accept_then_stop_leaves_out_what_is_flatter_than_the_power_law() -> None:
    untuned = (0.0, 3.0)
    power = [(rows, 20 * rows**-0.5) for rows in (100.0, 200.0, 400.0, 800.0)]
    flat = [(25.0, 2.1), (50.0, 0.8 * 20 * 50**-0.5)]
    assert accepted([untuned, *power]) == [untuned, *power]
    assert accepted([untuned, *flat, *power]) == [untuned, *power]
    # Beyond the first subset that is left out none is asked, though it may lie on the line by chance.
    by_chance = (25.0, 20 * 25**-0.5)
    assert accepted([untuned, by_chance, flat[1], *power]) == [untuned, *power]
    assert accepted([untuned, *flat]) == [untuned, *flat]
