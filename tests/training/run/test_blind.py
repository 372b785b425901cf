"""What no monitor can see is said, and only what is true of the run."""

from __future__ import annotations

from tests.training.run.test_learning import make_learning, make_model, rows, run
from tilth.training.run.blind import blind_spots


def told(held: int, base: int) -> str:
    known = rows("base", base, 6)
    learning = make_learning(rows("rule", 60, 0), rows("rule", 10, 1), rows("rule", held, 2), known, steps=2)
    assert blind_spots(learning) == []  # nothing was watched yet
    run(learning, make_model(), learning.train, steps=2)
    return "; ".join(blind_spots(learning))


def test_slices_with_few_rows_and_what_was_not_measured_are_named() -> None:
    few = told(3, 0)
    assert "fewer than 8 independent held-out rows, alone: rule" in few and "withheld rows" not in few
    assert "what was forgotten" in few and "no canaries" in few and "first run of its name" in few


def test_what_was_measured_is_not_said_to_be_unseen() -> None:
    enough = told(20, 10)
    assert "held-out rows, alone" not in enough and "what was forgotten" not in enough
    assert "a fault that all rows share" in enough
