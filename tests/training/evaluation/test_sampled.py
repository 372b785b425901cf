"""What judges a run keeps to its share, is the same for every seed, and says what was left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.training.evaluation.evaluate import LoadedTask, Question
from tilth.training.evaluation.sampled import Judging, all_of, sampled
from tilth.training.evaluation.tasks import Item
from tilth.training.rows.text import Example


def task(count: int, name: str = "desk", tokens: int = 20) -> LoadedTask:
    asked = [
        Question(Item(i + 1, [{"role": "user", "content": f"{name} {i}"}], None, "yes"), list(range(tokens)))
        for i in range(count)
    ]
    return LoadedTask(name, "exact", 8, asked, 0)


def rows(count: int, slice_name: str = "a", parts: int = 1) -> list[Example]:
    return [
        Example(
            f"{slice_name}{number}".encode(), slice_name, 1.0, np.zeros(50, np.int32), np.ones(50, dtype=bool)
        )
        for number in range(count)
        for _ in range(parts)
    ]


def lines_of(judging: Judging) -> list[int]:
    return [question.item.line for question in judging.tasks[0].questions]


WHOLE = Judging([task(400)], rows(1_000), task(20, "prompts"), shots=3)


def test_what_the_share_allows_is_judged_whole_and_nothing_is_said():
    judged = sampled(WHOLE, 0.05, 100_000_000)
    assert replace(judged, tokens=0, share=0.0) == WHOLE
    assert judged.tokens == all_of(WHOLE, 100_000_000).tokens
    assert judged.share < 0.05


def test_a_short_run_is_judged_by_a_sample_that_keeps_to_the_share():
    judged = sampled(WHOLE, 0.05, 2_000_000)
    assert 30 < judged.questions < 400
    assert 30 < judged.rows < 1_000
    assert 0.045 < judged.share <= 0.05
    assert judged.tasks[0].left_out == 400 - judged.questions
    (line,) = judged.said
    assert f"{judged.questions} of 400 questions of desk, {judged.rows} of 1,000 held-out rows" in line
    asks_all = float(line.partition("evaluation.share: ")[2].split()[0])
    assert not sampled(WHOLE, asks_all, 2_000_000).said


def test_the_shortest_run_still_asks_what_can_decide_and_says_what_that_costs():
    judged = sampled(replace(WHOLE, promotion=rows(200) + rows(80, "b")), 0.05, 1_000)
    assert judged.questions == 30
    assert sorted({(e.slice) for e in judged.promotion}) == ["a", "b"]
    assert judged.rows == 60
    assert judged.held is not None and len(judged.held.questions) == 4
    assert judged.share > 1
    assert "a longer run asks more" in judged.said[0]


def test_a_longer_run_asks_what_a_shorter_one_asked_and_more_in_the_order_of_the_file():
    short, long = (sampled(WHOLE, 0.05, tokens) for tokens in (1_000_000, 2_000_000))
    assert set(lines_of(short)) < set(lines_of(long))
    assert lines_of(long) == sorted(lines_of(long))
    assert {e.row_id for e in short.promotion} < {e.row_id for e in long.promotion}


def test_a_row_of_several_examples_is_kept_whole():
    judged = sampled(Judging(promotion=rows(500, parts=2)), 0.05, 300_000)
    counts = np.unique([example.row_id for example in judged.promotion], return_counts=True)[1]
    assert set(counts) == {2} and 30 < len(counts) < 500


def test_base_and_tuned_together_cost_what_is_planned():
    judged = sampled(WHOLE, 0.05, 2_000_000)
    of_base = judged.tokens - judged.tuned_tokens
    assert of_base > judged.tuned_tokens > 0
    assert all_of(replace(WHOLE, shots=0), 1).tuned_tokens * 2 == all_of(replace(WHOLE, shots=0), 1).tokens


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 90), max_size=3), st.integers(0, 300), st.integers(1, 10**7), st.floats(0.01, 1)
)
def test_a_sample_never_exceeds_share_unless_at_its_floor(counts, count, run_tokens, share):
    whole = Judging([task(n, f"t{i}") for i, n in enumerate(counts)], rows(count))
    judged = sampled(whole, share, run_tokens)
    for before, after in zip(whole.tasks, judged.tasks):
        assert min(30, len(before.questions)) <= len(after.questions) <= len(before.questions)
        assert len(after.questions) + after.left_out == len(before.questions)
    assert min(30, count) <= judged.rows <= count
    above = [t for t in judged.tasks if len(t.questions) > 30]
    if above and judged.rows > 30:
        floors = all_of(Judging([t for t in judged.tasks if t not in above]), 1).tokens
        assert judged.tokens - floors <= share * max(1, run_tokens) + 1
    assert bool(judged.said) == (judged.questions < whole.questions or judged.rows < count)
