"""Rows seen and rows left out add up to the rows of the version; too many left out is a refusal."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests import drafts, tiny
from tests.faults.training_run import run
from tilth.shards.errors import TrainingError
from tilth.shards.store import Store
from tilth.training.methods.method import Method, Units
from tilth.training.rows.pack import Batch

PARTS = ("train", "twin", "feedback", "promotion", "excluded", "weightless", "skipped")


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def publish(folder: Path, lines: list[drafts.Line]) -> list[str]:
    """Publish lines and return the ids of the rows to be trained on."""
    version = tiny.make_version(Store.open(folder / "store"), lines)
    samples = version.samples("train")
    chosen = samples.filter((samples["fold"] != 0) & (samples["weight"] > 0))
    return [row.hex() for row in chosen["row_id"]]


def test_every_row_is_seen_as_often_as_epochs_or_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_long = [drafts.Line("how much is " + "9 " * 300, answer="1", decision=tiny.sums(2)[1].decision)]
    weightless = [drafts.Line("never", decision=tiny.sums(2)[1].decision | {"weight": 0})]
    to_train = publish(tmp_path, tiny.sums(300) + too_long + weightless)
    seen: Counter[str] = Counter()
    real = Method.losses

    def watch(self: Method, model: Any, batch: Batch, units: Units, *, statistics: bool) -> Any:
        seen.update(example.row_id.hex() for example in batch.examples)
        return real(self, model, batch, units, statistics=statistics)

    monkeypatch.setattr(Method, "losses", watch)
    result = run(tmp_path, {"epochs": 2, "mixture": False, "early_stop": False})
    rows = json.loads((result.run_dir / "run.json").read_bytes())["rows"]
    assert rows["rows"] == sum(rows[part] for part in PARTS) == 302
    assert rows["skipped_rows"] == {too_long[0].row_id.hex(): "no label within max_tokens"}
    assert rows["weightless"] == 1
    assert set(seen) == set(to_train) - set(rows["skipped_rows"])
    assert set(seen.values()) == {2}


def test_more_than_half_a_percent_without_labels_is_refused_before_the_first_step(tmp_path: Path) -> None:
    lines = tiny.sums(100)
    lines += [
        drafts.Line(f"how much is {number} " + "9 " * 300, decision=lines[1].decision) for number in range(3)
    ]
    publish(tmp_path, lines)
    with pytest.raises(TrainingError, match="3 of 71 rows have nothing to learn from"):
        run(tmp_path)
    assert not list(tmp_path.glob("store/runs/*/metrics.jsonl"))


def test_a_version_without_train_rows_is_refused(tmp_path: Path) -> None:
    publish(tmp_path, tiny.sums(20, split="feedback"))
    with pytest.raises(TrainingError, match="no row to train on"):
        run(tmp_path)
