"""Drawing ahead changes nothing: not what a step sees, nor where the sampler stands after it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tilth.training.rows.pack import Batch
from tilth.training.rows.prefetch import Prefetch
from tilth.training.rows.sampler import Sampler

STEPS, TOKENS = 12, 256


@pytest.fixture
def pair(make_examples) -> tuple[Sampler, Sampler]:
    first, second = (Sampler(make_examples(60), seed=3, pack_tokens=128) for _ in range(2))
    assert len(first.mixture) > 1
    return first, second


def ids(batches: list[Batch]) -> list[list[bytes]]:
    return [[e.row_id for e in batch.examples] for batch in batches]


def step(prefetch: Prefetch, number: int) -> list[list[bytes]]:
    return ids(prefetch.batches((number + 1) * TOKENS, (number + 2) * TOKENS))


def test_batches_and_states_are_those_of_the_sampler(pair) -> None:
    plain, sampler = pair
    prefetch = Prefetch(sampler, pin=False)
    for number in range(STEPS):
        assert step(prefetch, number) == ids(plain.batches((number + 1) * TOKENS))
        assert sampler.state_dict() == plain.state_dict()


def test_a_changed_mixture_and_a_restored_state_draw_anew(pair) -> None:
    plain, sampler = pair
    prefetch = Prefetch(sampler, pin=False)
    first, *others = plain.mixture
    tilted = {first: 0.7} | dict.fromkeys(others, 0.3 / len(others))
    kept: dict[str, Any] = {}
    for number in range(STEPS):
        if number == 4:
            plain.reweight(tilted)
            sampler.reweight(tilted)
            kept = plain.state_dict()
        if number == 8:
            plain.load_state_dict(kept)
            sampler.load_state_dict(kept)
        assert step(prefetch, number) == ids(plain.batches((number + 1) * TOKENS))
        assert sampler.state_dict() == plain.state_dict()


def test_the_next_step_is_drawn_by_another_thread(pair, monkeypatch: pytest.MonkeyPatch) -> None:
    _, sampler = pair
    threads: list[str] = []
    draw = Sampler.batches

    def watched(self: Sampler, until: float) -> list[Batch]:
        threads.append(threading.current_thread().name)
        return draw(self, until)

    monkeypatch.setattr(Sampler, "batches", watched)
    prefetch = Prefetch(sampler, pin=False)
    step(prefetch, 0)
    ids(prefetch.batches(2 * TOKENS, None))
    assert threads == [threading.main_thread().name, "prefetch_0"]  # nothing is drawn after the last step


def test_what_goes_wrong_there_is_raised_here(pair, monkeypatch: pytest.MonkeyPatch) -> None:
    _, sampler = pair
    prefetch = Prefetch(sampler, pin=False)
    monkeypatch.setattr(prefetch._ahead, "_next", lambda name: 1 / 0)
    step(prefetch, 0)
    with pytest.raises(ZeroDivisionError):
        step(prefetch, 1)
