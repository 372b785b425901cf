"""What the screen says of a choice of base."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console

from tilth.training.search.choose_base import BaseChoice, Candidate
from tilth.training.search.scaling_law import Law
from tilth.workbench.running.search import show_bases


def candidate(base: str, law: Law | None, longest: float) -> Candidate:
    points = [(0.0, 3.0), *([(80.0, 2.25)] if law else [])]
    tuned = (None, None) if law is None else (law.loss(1000), law.doubling(1000))
    return Candidate(base, 1e-3, 1000.0, points, longest, 0.05, law, *tuned)


def test_the_ranking_says_what_it_rests_on_and_what_to_do_next() -> None:
    law = Law(90, 45, 0.6, 0.5)
    ranked = [candidate("first", law, 0.08), candidate("second", law, 0.08), candidate("hopeless", None, 0.0)]
    choice = BaseChoice(ranked, 2, candidate("first", law, 0.08), 2.0, 0.099, 0.02)
    written = StringIO()
    show_bases(Console(file=written, width=120), Path("recipe.yaml"), choice)
    text = written.getvalue()
    assert "2.250 (8.0%)" in text
    assert "the first 2 by their longest runs" in text
    assert "filtered out" in next(line for line in text.splitlines() if line.startswith("hopeless"))
    assert f"doubling the data buys {2 * law.doubling(1000):.3f} nat/token" in text
    assert "cost: 9.9% of tuning every base in full, and 2.0% for random weights" in text
    assert "train recipe.yaml --set training.base=first" in text
