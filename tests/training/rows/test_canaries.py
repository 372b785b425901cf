"""Canaries: planted as often as asked, in no record, told on the page; and what one run leaves for the next."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests import tiny
from tilth.shards.errors import TrainingError
from tilth.shards.store import Store
from tilth.training.plan.request import Request
from tilth.training.recipe import CanaryRecipe
from tilth.training.rows import canaries
from tilth.training.rows.canaries import make_canaries
from tilth.training.rows.sampler import Sampler
from tilth.training.rows.text import Rendered, Renderer
from tilth.training.run.past import past_of
from tilth.training.train import train
from tilth.validators.report import read_facts


@pytest.fixture(autouse=True)
def _few_references(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canaries, "REFERENCES", 60)


def test_every_canary_is_drawn_as_often_as_it_has_copies() -> None:
    renderer = Renderer(tiny.make_tokenizer(), max_tokens=256)
    made = make_canaries(CanaryRecipe(each=2, copies=(1, 5)), renderer, seed=3)
    assert len(made.planted) == 4 and len(made.references) == 60
    shown = {bytes(e.input_ids.tobytes()) for e in made.planted + made.references}
    assert len(shown) == 64
    sampler, seen = Sampler(made.planted, seed=0, pack_tokens=256), Counter[bytes]()
    for step in range(10):
        due = sampler.tokens_per_epoch * (step + 1) / 10
        if sampler.tokens < due:
            seen.update(e.row_id for batch in sampler.batches(due) for e in batch.examples)
    assert [seen[e.row_id] for e in made.planted] == [1, 1, 5, 5]
    assert sampler.tokens == made.tokens


def test_a_template_that_cannot_show_them_refuses_the_run() -> None:
    class Blind:
        def render_all(self, samples: list[dict]) -> Rendered:
            return Rendered(skipped={samples[0]["row_id"]: "no answer"})

    with pytest.raises(TrainingError, match="no answer"):
        make_canaries(CanaryRecipe(), Blind(), seed=0)


def test_a_run_tells_what_copies_leave_behind_and_keeps_canaries_out_of_its_record(
    tmp_path: Path, store: Store
) -> None:
    version = tiny.make_version(store)
    base = tiny.save_base(tmp_path / "base")
    recipe = tiny.make_recipe(
        base, merge=False, method="full", epochs=8, canaries={"each": 8, "copies": [1, 40]}
    )
    recipe = type(recipe).model_validate(recipe.model_dump())
    run = train(Request(version, recipe, base_dir=tmp_path), store)
    lines = read_facts(run.run_dir / "report.html")["monitors"]
    (line,) = [line for line in lines if line["monitor"] == "canary exposure"]
    told = {int(copies): float(bits) for copies, bits in re.findall(r"(\d+): (\d+\.\d+)", line["evidence"])}
    assert set(told) == {1, 40}
    assert told[40] > told[1] == pytest.approx(line["value"], abs=0.01)
    header, rows, slices = store.feedback(str(run.feedback_digest))
    assert not any(row.startswith(b"canary") for row in rows["row_id"])
    assert canaries.SLICE not in set(slices["slice"])

    past = past_of(store, "sums", header.base_digest, "another")
    assert past.runs == 1 and past.first_drift is not None
    assert set(past.effective_rows) == {"odd", "even"}
    assert set(past.best_loss) == {"even"}  # the only slice with feedback rows
    assert past_of(store, "sums", header.base_digest, header.run_id).runs == 0
    assert past_of(store, "sums", "another base", "another").best_loss == {}
