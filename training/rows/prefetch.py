"""The batches of the next step, drawn and packed by another thread while the device computes this one.

What a sampler draws follows from its state alone. So the thread works on a copy, and what it drew is taken only if
the sampler still stands where the copy began: a changed mixture or a restored checkpoint draws anew.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

from tilth.training.rows.pack import Batch
from tilth.training.rows.sampler import Sampler


class _Drawn(NamedTuple):
    batches: list[Batch]
    state: dict[str, Any]  # of the sampler after them


class Prefetch:
    """Gives what `sampler.batches` gives, and leaves the sampler as that would."""

    def __init__(self, sampler: Sampler, *, pin: bool) -> None:
        """pin: hold batches in page-locked memory, from which a card copies while it computes."""
        self._sampler, self._ahead, self._pin = sampler, sampler.copy(), pin
        self._thread = ThreadPoolExecutor(1, "prefetch")
        self._waiting: tuple[dict[str, Any], float, Future[_Drawn]] | None = None

    def batches(self, until: float, then_until: float | None) -> list[Batch]:
        """Return the batches of a step, and begin those of the next; then_until: None after the last step."""
        drawn = self._taken(until)
        if drawn is None:
            batches = self._sampler.batches(until)
        else:
            batches = drawn.batches
            self._sampler.load_state_dict(drawn.state)
        if then_until is not None:
            state = self._sampler.state_dict()
            self._waiting = state, then_until, self._thread.submit(self._draw, state, then_until)
        return batches

    def _taken(self, until: float) -> _Drawn | None:
        """Return what was drawn ahead for this step; None where the sampler went another way."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return None
        state, drawn_until, future = waiting
        drawn = future.result()
        return drawn if (state, drawn_until) == (self._sampler.state_dict(), until) else None

    def _draw(self, state: dict[str, Any], until: float) -> _Drawn:
        self._ahead.load_state_dict(state)
        batches = self._ahead.batches(until)
        return _Drawn([b.pinned() for b in batches] if self._pin else batches, self._ahead.state_dict())
