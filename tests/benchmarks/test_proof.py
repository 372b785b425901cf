"""The proof's own parts on a world of a few rows: what is planted, what arms keep, and what is said of the runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.proof import arms, confident, page, registered, verdict, worlds
from benchmarks.proof.one import auroc


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a task of 6 intents with 40 rows each and register a world of 180 of them."""
    import zstandard

    lines = [
        json.dumps(
            {"id": f"{k}-{i}", "text": f"word{k} says {i} and word{(k + i % 2) % 6}", "label": f"intent_{k}"}
        )
        for k in range(6)
        for i in range(40)
    ]
    raw = zstandard.ZstdCompressor().compress("\n".join(lines).encode())
    (tmp_path / "clinc150_train.jsonl.zst").write_bytes(raw)
    monkeypatch.setattr(worlds, "ROWS", {"clinc150": (180, 6)})
    monkeypatch.setattr(worlds, "HELD_OUT", 40)
    return tmp_path


@pytest.mark.parametrize("kind", ["random", "confusable"])
def test_the_asked_share_is_wrong_and_held_out_rows_are_others(kind: str, data: Path) -> None:
    rows = worlds.read(registered.World("clinc150", kind, 0.2), 0, data)
    assert rows.wrong.sum() == 36 and len(rows.held_texts) == 40
    assert not set(rows.texts) & set(rows.held_texts)
    again = worlds.read(registered.World("clinc150", kind, 0.2), 1, data)
    assert again.texts == rows.texts and not np.array_equal(again.stands, rows.stands)


def test_pushback_repairs_what_is_wrong_and_random_removal_does_not() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 8, 400)
    states = rng.normal(0, 1, (8, 16))[truth] + rng.normal(0, 0.5, (400, 16))
    stands = np.where(rng.random(400) < 0.2, (truth + 1) % 8, truth)
    seen = arms.Evidence(states, stands, rng.normal(0, 1, 400), rng.random(400))
    chosen, changed, wrong = arms.pushback(seen, rounds=3)
    assert (chosen.answers[chosen.keep] != truth[chosen.keep]).mean() < 0.03
    assert changed[0] > 50 and changed[2] <= 4
    assert auroc(stands != truth, wrong) > 0.95
    at_random = arms.removed(stands, rng.random(400), changed[0])
    assert (at_random.answers != truth)[at_random.keep].mean() > 0.15


def test_confident_learning_finds_swapped_answers() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 500)
    likely = 0.8 * np.eye(5)[truth] + 0.04
    stands = np.where(rng.random(500) < 0.1, (truth + 1) % 5, truth)
    named = confident.confident_learning(likely, stands)
    assert (named == (stands != truth)).mean() > 0.99


def test_gap_closure_has_an_interval_and_oracle_closes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registered, "HELD_OUT", 200)
    monkeypatch.setattr(verdict, "DRAWS", 300)
    world, rng = registered.WORLDS[0], np.random.default_rng(0)

    def run(share: float) -> dict[str, object]:
        return {"right": "".join("01"[int(r)] for r in rng.random(200) < share)}

    shares = {"noisy": 0.6, "pushback": 0.8, "oracle": 0.9}
    runs = {(world, seed, arm): run(share) for seed in registered.SEEDS for arm, share in shares.items()}
    found = verdict._against(world, "pushback", runs)
    estimate, lower, upper = found["gap_closure"]
    assert 0.4 < lower < estimate < upper < 1.1
    assert verdict._against(world, "oracle", runs)["gap_closure"][0] == 1.0


def test_the_page_is_what_the_committed_results_make() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page(), "run python -m benchmarks.proof.page"
