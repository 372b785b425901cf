"""A fortnight of the simulated quarter: what goes wrong costs a night at most, and what is served stays good."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.quarter import Quarter, page

EVENTS = {
    1: "killed before the run",
    2: "broken batch",
    3: "batch mended",
    4: "source gone",
    5: "source back",
    7: "machine off",
    9: "row retracted",
    10: "server silent",
}


@pytest.mark.slow
def test_a_fortnight_goes_as_it_should(tmp_path: Path) -> None:
    quarter = Quarter(tmp_path, EVENTS, 11)
    facts = quarter.run()
    states = [run["state"] for run in reversed(facts["runs"])]
    assert states == [
        "done", "killed", "done", "checks failed", "done", "checks failed", "done", "no news", "done", "done", "failed",
        "done",
    ]  # fmt: skip
    by_start = {run["started"][:10]: run for run in facts["runs"]}
    assert by_start["2026-09-09"]["missed"] == 1
    served = {day["day"]: day["version"] for day in facts["served"]}
    assert served["2026-09-03"] == served["2026-09-02"] != served["2026-09-04"] == served["2026-09-05"]
    assert served["2026-09-11"] != served["2026-09-10"]
    assert "| 2026-09-05 | source gone |" in page(facts, quarter.notes)
