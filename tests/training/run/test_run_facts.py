"""From a finished run to its page and its feedback record."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest

from tests.drafts import Line, make_draft
from tests.training.run.test_learning import make_learning, make_model, rows, run
from tilth.shards.feedback import FEEDBACK_ROWS, FEEDBACK_SLICES, FeedbackHeader
from tilth.training.evaluation.evaluate import TaskScores
from tilth.training.evaluation.judge import Judgement, judge
from tilth.training.evaluation.sampled import Judging
from tilth.training.monitors.monitor import versions
from tilth.training.rows.text import Example
from tilth.training.run import feedback, run_facts
from tilth.validators.facts.run import RunHead
from tilth.validators.report import run_page

STEPS = 12


@pytest.fixture(scope="module")
def world():
    """A short run: learning, and the judgements of the model before and after."""
    train, model = rows("rule", 200, 0) + rows("heart", 30, 1, rule=False), make_model()
    promotion = rows("rule", 40, 8)
    learning = make_learning(
        train, rows("rule", 20, 2), rows("rule", 30, 3), rows("base", 20, 4), steps=STEPS
    )
    before = judge(model, None, Judging(promotion=promotion), 256)
    said = run(learning, model, train, steps=STEPS)
    learning.finish(model)
    best = [e["step"] for e, s in zip(learning.evaluations, said) if s.best][-1]
    return learning, before, judge(model, None, Judging(promotion=promotion), 256), best


def facts_of(world, **changes):
    learning, before, after, best = world
    head = RunHead(
        kind="run",
        next="curate recipe.yaml",
        name="n",
        run_id="r",
        version="0" * 12,
        base="tiny",
        method="full",
        seed=0,
        device="cpu",
        steps=STEPS,
        planned_steps=STEPS,
        best_step=best,
        stopped_early=False,
        tokens=1000,
        rate={"step": [1], "rate": [1e-3]},
        plan=[],
    )
    measured = run_facts.Measured(before, after, Judging(), note="40 rows of base.jsonl")
    return run_facts.run_facts(head, learning, replace(measured, **changes))


def test_the_page_can_be_made_of_the_facts(world, tmp_path):
    facts = facts_of(world)
    json.dumps(facts, allow_nan=False)
    assert run_page(tmp_path, facts).stat().st_size > 1000
    assert facts["verdict"] == "NOT ENOUGH EVIDENCE"
    assert "no task judges the answers" in facts["reasons"][0]
    assert facts["loss"]["change"]["high"] < 0
    (line,) = facts["slices"]
    assert line["tuned"]["value"] < line["base"]["value"]
    assert line["change"]["value"] == pytest.approx(line["tuned"]["value"] - line["base"]["value"], abs=1e-5)


def test_curves_and_monitors_cover_every_slice(world):
    learning, *_ = world
    facts = facts_of(world)
    assert [curve["slice"] for curve in facts["curves"]] == ["heart", "rule"]
    assert facts["curves"][1]["step"] == [e["step"] for e in learning.evaluations]
    assert facts["curves"][0]["feedback"] == [None] * len(learning.evaluations)
    spoken = {(m["monitor"], m["slice"]) for m in facts["monitors"]}
    assert {("twin gap", "rule"), ("validation rise", ""), ("forgetting", "")} <= spoken


def test_forgetting_is_one_figure_of_the_weights_kept(world):
    facts = facts_of(world)
    (line,) = [m for m in facts["monitors"] if m["monitor"] == "forgetting"]
    change = facts["retention"]["change"]
    assert line["value"] == change["value"]
    assert line["triggered"] == (change["low"] > line["bound"])
    assert f"{change['value']:+.3f} nat/token" in line["evidence"]
    counted = sum(m["triggered"] for m in facts["monitors"])
    assert f"{counted} finding" in facts["reasons"][-1]


def test_a_run_that_was_not_watched_has_no_curves(world):
    unwatched = copy.copy(world[0])
    unwatched.slice_lines = []
    assert run_facts.curves(unwatched) == []


def test_without_promotion_rows_nothing_is_claimed(world, tmp_path):
    _, before, after, _ = world
    none = Judgement(before.losses.clear(), []), Judgement(after.losses.clear(), [])
    facts = facts_of(world, base=none[0], tuned=none[1])
    assert facts["verdict"] == "NOT ENOUGH EVIDENCE"
    assert run_page(tmp_path, facts).exists()


def test_samples_show_gains_and_losses_first():
    import numpy as np

    from tilth.training.evaluation.evaluate import LoadedTask, Question
    from tilth.training.evaluation.tasks import Item

    questions = [Question(Item(i, [{"role": "user", "content": f"q{i}"}], None, "x"), []) for i in range(6)]
    task = LoadedTask("t", "exact", 4, questions, 0)
    base = TaskScores("t", "exact", np.array([1, 1, 0, 0, 1, 0.0]), list("abcdef"))
    tuned = TaskScores("t", "exact", np.array([1, 1, 0, 0, 0, 1.0]), list("ABCDEF"))
    shown = run_facts.samples([task], [base], [tuned], 4)
    assert [s["prompt"] for s in shown] == ["q5", "q4", "q2", "q0"]
    assert (shown[0]["base"], shown[0]["tuned"]) == ("f", "F")


def test_the_record_is_stored_as_its_schemas_say(store):
    version, _ = store.publish("n", make_draft([Line(f"p{i}") for i in range(40)]))
    ids = version.rows(["row_id"])["row_id"].to_list()
    train = [Example(row_id, "s", 1.0, e.input_ids, e.is_label) for row_id, e in zip(ids, rows("s", 40, 0))]
    learning, model = make_learning(train[:30], train[30:], [], steps=2), make_model()
    run(learning, model, train[:30], steps=2)
    learning.finish(model)
    run_of = FeedbackHeader(
        run_id="r",
        version=version.id,
        content_id=version.manifest.content_id,
        recipe_digest="0" * 64,
        base_digest="1" * 64,
        seeds=[3],
        steps=2,
        tokens=880,
        twin_folds=[0],
        row_count=0,
        rows="",
        slices="",
    )
    digest = feedback.store_feedback(learning, store, version, run_of)
    assert feedback.store_feedback(learning, store, version, run_of) == digest
    assert store.feedback_digests("n") == [digest]
    header, of_rows, of_slices = store.feedback(digest)
    assert (of_rows.schema, of_slices.schema) == (FEEDBACK_ROWS, FEEDBACK_SLICES)
    assert header.row_count == of_rows.height == 40
    assert header.monitors == versions()
    assert header.twin_folds == [0]
    expected = version.rows(["row_id", "text_digest"])
    assert of_rows.select("row_id", "text_digest").equals(expected)
    assert of_rows["in_twin"].sum() == 10
