"""Answers judged by the other rows: exact leaving out, calibrated probabilities, silence where nothing is told."""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
import pytest

from tilth.shards.feedback import Finding
from tilth.training.monitors import label_noise, left_out, noise_model, outside
from tilth.training.monitors.observations import Rows
from tilth.training.rows.text import Example

WIDTH = 24


def world(
    seed: int,
    share: float,
    *,
    rows: int = 600,
    kinds: int = 12,
    confusable: bool = False,
    spread: float = 0.7,
) -> tuple[dict[bytes, np.ndarray], dict[bytes, bytes], dict[bytes, bytes]]:
    """Return (states, answers as they stand, true answers) of clusters, a share of whose answers is wrong."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 1, (kinds, WIDTH))
    truth = rng.integers(0, kinds, rows)
    states = centres[truth] + rng.normal(0, spread, (rows, WIDTH))
    stands = truth.copy()
    for row in np.flatnonzero(rng.random(rows) < share):
        if confusable:
            near = np.argsort(np.linalg.norm(centres - centres[truth[row]], axis=1))[1:4]
            stands[row] = rng.choice(near)
        else:
            stands[row] = (truth[row] + rng.integers(1, kinds)) % kinds
    ids = [int(i).to_bytes(8, "big") for i in rng.permutation(rows)]
    return (
        dict(zip(ids, states, strict=True)),
        {i: b"%d" % a for i, a in zip(ids, stands, strict=True)},
        {i: b"%d" % a for i, a in zip(ids, truth, strict=True)},
    )


def named_of(found: outside.Outside) -> set[bytes]:
    sure = (found.precision >= label_noise.NOMINAL) & (found.wrong > 0.5)
    return {row for row, is_sure in zip(found.row_ids, sure, strict=True) if is_sure}


def test_leaving_out_in_closed_form_is_leaving_out() -> None:
    states, answers, _ = world(0, 0.2, rows=40, kinds=4)
    alike = left_out.kernel(np.stack(list(states.values())))
    stands = np.array([int(a) for a in answers.values()])
    trusted = np.arange(40) % 7 != 3
    scores = left_out.left_out_scores(alike, stands, trusted, 1e-2)
    for row in range(40):
        others = np.flatnonzero(trusted & (np.arange(40) != row))
        wanted = np.eye(4)[stands[others]] - 1 / 4
        weights = np.linalg.solve(alike[np.ix_(others, others)] + 1e-2 * np.eye(len(others)), wanted)
        assert np.allclose(scores[row], alike[row, others] @ weights + 1 / 4, atol=1e-8)


def test_a_rows_own_answer_has_no_say_in_its_prediction() -> None:
    states, answers, _ = world(1, 0.0, rows=60, kinds=3)
    alike = left_out.kernel(np.stack(list(states.values())))
    stands = np.array([int(a) for a in answers.values()])
    other = stands.copy()
    other[5] = (stands[5] + 1) % 3
    all_rows = np.ones(60, dtype=bool)
    before, after = (left_out.left_out_scores(alike, a, all_rows, 1e-3)[5] for a in (stands, other))
    assert np.allclose(before, after, atol=1e-8)


@pytest.mark.parametrize("confusable", [False, True])
@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_nine_in_ten_of_the_named_are_wrong_and_most_wrong_ones_are_named(
    share: float, confusable: bool
) -> None:
    named = hits = wrong = repaired = 0
    for seed in range(3):
        states, answers, truth = world(seed, share, confusable=confusable)
        found = outside.judge(states, answers)
        assert found is not None and not found.silence
        assert abs(found.noise - share) < 0.07
        mine = named_of(found)
        bad = {row for row in answers if answers[row] != truth[row]}
        named, hits, wrong = named + len(mine), hits + len(mine & bad), wrong + len(bad)
        proposed = dict(zip(found.row_ids, found.proposed, strict=True))
        repaired += sum(answers[proposed[row]] == truth[row] for row in mine)
    assert hits / named >= 0.9 and hits / wrong >= 0.6
    assert repaired / named >= 0.8


def test_of_clean_rows_fewer_than_one_in_a_hundred_are_named() -> None:
    for seed in range(4):
        states, answers, _ = world(seed, 0.0)
        found = outside.judge(states, answers)
        assert found is not None and len(named_of(found)) <= 0.01 * len(answers)


def test_a_base_that_cannot_tell_names_nobody() -> None:
    states, answers, _ = world(0, 0.2, spread=60.0)
    found = outside.judge(states, answers)
    assert found is not None and "cannot tell" in found.silence


@pytest.mark.parametrize("kinds", [1, 600])
def test_one_answer_for_all_or_one_each_is_not_judged(kinds: int) -> None:
    states, _, _ = world(0, 0.0)
    answers = {row: b"%d" % (i % kinds) for i, row in enumerate(states)}
    assert outside.judge(states, answers) is None


def test_fewer_rows_than_can_be_judged_are_not() -> None:
    states, answers, _ = world(0, 0.2, rows=50, kinds=3)
    assert outside.judge(states, answers) is None


def test_rounding_changes_no_more_than_one_named_row_in_fifty() -> None:
    states, answers, _ = world(3, 0.2, confusable=True, rows=1000)
    rounded = {row: state.astype(np.float16).astype(np.float32) for row, state in states.items()}
    first, second = (outside.judge(s, answers) for s in (states, rounded))
    assert first is not None and second is not None
    assert len(named_of(first) ^ named_of(second)) <= 0.02 * len(named_of(first))


def test_rows_beyond_one_block_are_judged_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "MAX_ROWS", 400)
    states, answers, truth = world(0, 0.2, rows=1000)
    found = outside.judge(states, answers)
    assert found is not None and sorted(found.row_ids) == sorted(states)
    named = named_of(found)
    assert sum(answers[row] != truth[row] for row in named) / len(named) >= 0.9


def test_the_noise_model_is_calibrated_on_its_own_draws() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 0.15, (4000, 10))
    likely = np.exp(20 * scores) / np.exp(20 * scores).sum(1, keepdims=True)
    truth = np.array([rng.choice(10, p=p) for p in likely])
    wrong = rng.random(4000) < 0.2
    confused = noise_model._confusions(likely)
    stands = np.where(wrong, [rng.choice(10, p=confused[answer]) for answer in truth], truth)
    model = noise_model.fit(scores, stands)
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
        inside = (model.wrong >= low) & (model.wrong < high)
        assert abs(model.wrong[inside].mean() - wrong[inside].mean()) < 0.06


def test_a_row_with_a_rare_answer_needs_a_low_margin_in_training_too() -> None:
    states, answers, _ = world(0, 0.2)
    rare = min(Counter(answers.values()).items(), key=lambda item: item[1])[0]
    found = outside.judge(states, answers)
    assert found is not None
    mine = [row for row in named_of(found) if answers[row] == rare]
    found.rarity[[found.row_ids.index(row) for row in mine]] = label_noise.RARE
    for margin, finding in ((9.0, Finding.UNCERTAIN), (-9.0, Finding.NOISY)):
        scores = pl.DataFrame(
            {
                "row_id": pl.Series(sorted(answers), dtype=pl.Binary),
                "slice": "s",
                "margin_mean": [
                    margin if row in mine else float(i % 7) for i, row in enumerate(sorted(answers))
                ],
            }
        )
        rows = Rows(scores, pl.DataFrame(), {}, found)
        said = label_noise._judged(rows, "s").rows
        assert said is not None
        assert set(said.filter(pl.col("row_id").is_in(mine))["finding"]) == {finding.value}


def test_answers_are_those_of_rows_that_have_exactly_one() -> None:
    def example(row: bytes, labels: list[int]) -> Example:
        return Example(row, "s", 1.0, np.arange(len(labels), dtype=np.int32), np.array(labels, dtype=bool))

    one, two = example(b"1", [0, 0, 1, 1]), example(b"2", [0, 1, 0, 1])
    found = outside.answers_of(
        [one, two, example(b"3", [1, 1]), example(b"4", [0, 1]), example(b"4", [0, 1])]
    )
    assert set(found) == {b"1"} and found[b"1"] == one.input_ids[2:].tobytes()
