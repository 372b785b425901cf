"""The word of a run, over outcomes that are planted: rows and answers are made up, what they mean is known."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tilth.training.evaluation.evaluate import LoadedTask, Question, TaskScores
from tilth.training.evaluation.judge import Judgement, loss_result, slice_results, task_results
from tilth.training.evaluation.tasks import Item
from tilth.training.run.word import Cause, Evidence, Weighed, weigh

ROWS, ITEMS = 200, 100
KEPT = {"rows": 60, "base": 2.0, "tuned": 2.005, "note": ""}
QUIET = {"value": 0.005, "low": -0.001, "high": 0.01}


def losses(level: float, seed: int, *, rows: int = ROWS, of_slice_b: float = 0.0) -> pl.DataFrame:
    hard = np.random.default_rng(7).gamma(4, 0.4, rows)
    noise = np.random.default_rng(seed).normal(0, 0.1, rows)
    in_b = np.arange(rows) % 4 == 0
    return pl.DataFrame(
        {
            "row_id": [i.to_bytes(16, "big") for i in range(rows)],
            "slice": np.where(in_b, "b", "a"),
            "nll_sum": (hard + level + noise + in_b * of_slice_b) * 20,
            "n_tokens": np.full(rows, 20),
        },
        schema_overrides={"row_id": pl.Binary},
    )


def task(
    items: int = ITEMS, *, distinct: int | None = None, told: int = 0, reference: str = "x"
) -> LoadedTask:
    questions = [
        Question(
            Item(
                i, [{"role": "user", "content": f"q{i % (distinct or items)}"}], None, reference, "ab"[i % 2]
            ),
            [],
            told=i < told,
        )
        for i in range(items)
    ]
    return LoadedTask("desk", "exact", 8, questions, 0)


def right(share: float, items: int = ITEMS) -> np.ndarray:
    return (np.random.default_rng(3).permutation(items) < share * items).astype(float)


def weighed(
    before: float | np.ndarray = 0.3,
    after: float | np.ndarray = 0.8,
    *,
    loaded: LoadedTask | None = None,
    loss: tuple[float, float] = (0.0, -0.5),
    of_slice_b: float = 0.0,
    kept=KEPT | {"change": QUIET},
    rows: int = ROWS,
    **changes,
) -> Weighed:
    tasks = [loaded] if loaded else []
    scores = [
        [TaskScores(t.name, t.metric, right(s, len(t.questions)) if np.isscalar(s) else s, []) for t in tasks]
        for s in (before, after)
    ]
    base = Judgement(losses(loss[0], 1, rows=rows), scores[0])
    tuned = Judgement(losses(loss[1], 2, rows=rows, of_slice_b=of_slice_b), scores[1])
    found = {"kept": kept, "max_forgotten": 0.1} | changes
    return weigh(
        Evidence(
            loss_result(base, tuned), slice_results(base, tuned), task_results(base, tuned, tasks), **found
        )
    )


def forgetting(value: float, spread: float, **changes):
    change = {"value": value, "low": value - spread, "high": value + spread}
    fired = {"monitor": "forgetting", "slice": "", "finding": "forgetting", "triggered": True, "bound": 0.02}
    return {"kept": KEPT | {"change": change}, "monitors": [fired | {"evidence": ""}], **changes}


half_worse = np.array([float(i % 2 == 0) for i in range(ITEMS)])
PLANTED = {
    "good": ({"loaded": task()}, "USE", Cause.BETTER),
    "gibberish at a lower loss, no task": ({}, "NOT ENOUGH EVIDENCE", Cause.NO_TASK),
    "gibberish at a lower loss, task at 0": (
        {"loaded": task(), "before": 0.0, "after": 0.0},
        "NOT ENOUGH EVIDENCE",
        Cause.BLIND,
    ),
    "leaked": ({"loaded": task(told=90)}, "NOT ENOUGH EVIDENCE", Cause.FEW),
    "forgetting": ({"loaded": task(), **forgetting(0.3, 0.05)}, "DO NOT USE", Cause.FORGOT),
    "perhaps forgetting": ({"loaded": task(), **forgetting(0.12, 0.05)}, "NOT ENOUGH EVIDENCE", Cause.FORGOT),
    "forgetting that the recipe allows": (
        {"loaded": task(), **forgetting(0.05, 0.01)},
        "USE",
        Cause.FORGOT,
    ),
    "forgetting that nothing bounds": (
        {"loaded": task(), **forgetting(3.0, 0.1, max_forgotten=None)},
        "USE",
        Cause.FORGOT,
    ),
    "tiny": ({"loaded": task(5), "before": 0.0, "after": 1.0}, "NOT ENOUGH EVIDENCE", Cause.FEW),
    "one question": ({"loaded": task(1), "before": 0.0, "after": 1.0}, "NOT ENOUGH EVIDENCE", Cause.FEW),
    "one question a hundred times": (
        {"loaded": task(distinct=1), "before": 0.0, "after": 1.0},
        "NOT ENOUGH EVIDENCE",
        Cause.FEW,
    ),
    "equal to its base": (
        {"loaded": task(), "before": 0.5, "after": 0.5},
        "NOT ENOUGH EVIDENCE",
        Cause.NOT_SURE,
    ),
    "better on average and worse on a slice": (
        {
            "loaded": task(200),
            "before": np.arange(200) % 2 * 0.6 + 0.4,
            "after": np.arange(200) % 2 * -0.4 + 1.0,
        },
        "DO NOT USE",
        Cause.TASK_WORSE,
    ),
    "better on the task and worse on a slice of the loss": (
        {"loaded": task(), "of_slice_b": 1.5},
        "DO NOT USE",
        Cause.LOSS_WORSE,
    ),
    "worse": ({"loaded": task(), "before": 0.8, "after": 0.3}, "DO NOT USE", Cause.TASK_WORSE),
    "NaN": ({"loaded": task(), "loss": (0.0, np.nan)}, "DO NOT USE", Cause.NOT_FINITE),
    "empty references": ({"loaded": task(reference=" ")}, "NOT ENOUGH EVIDENCE", Cause.EMPTY),
    "no promotion rows and a task": ({"loaded": task(), "rows": 0}, "USE", Cause.BETTER),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_word_of_a_planted_outcome(name):
    given, word, cause = PLANTED[name]
    found = weighed(**given)
    assert (found.word, found.causes[0]) == (word, cause), found.reasons


def test_a_model_equal_to_its_base_is_said_to_be():
    same = Judgement(losses(0, 1), [TaskScores("desk", "exact", right(0.5), [])])
    evidence = Evidence(
        loss_result(same, same), slice_results(same, same), task_results(same, same, [task()])
    )
    found = weigh(evidence)
    assert (found.word, found.causes[0]) == ("NOT ENOUGH EVIDENCE", Cause.NOTHING)


def test_likelier_chosen_answers_are_no_better_answers():
    def judged(share: float, seed: int) -> Judgement:
        return Judgement(losses(0, seed), [TaskScores("pairs", "accuracy", right(share), [], written=False)])

    gained = task_results(judged(0.2, 1), judged(0.9, 2), [])
    found = weigh(Evidence(loss_result(judged(0.2, 1), judged(0.9, 2)), tasks=gained))
    assert (found.word, found.causes[0]) == ("NOT ENOUGH EVIDENCE", Cause.NO_TASK)
    lost = task_results(judged(0.9, 1), judged(0.2, 2), [])
    assert weigh(Evidence(None, tasks=lost)).word == "DO NOT USE"


def test_what_was_forgotten_stands_in_the_first_reason_of_use():
    found = weighed(loaded=task(), **forgetting(3.0, 0.1, max_forgotten=None))
    assert "+3.000" in found.reasons[0]
    assert "1 finding: forgetting" in found.reasons[-1]


def test_without_a_task_the_line_that_adds_one_is_said():
    assert "evaluation: {tasks: [{path:" in weighed().reasons[0]


def test_questions_that_were_trained_on_are_counted_and_decide_nothing():
    after = right(0.3)
    after[:60] = 1
    found = weighed(0.3, after, loaded=task(told=60))
    assert found.word == "NOT ENOUGH EVIDENCE"
    assert any("60 of 100 questions of desk stand in train rows" in reason for reason in found.reasons)


def test_tuning_that_gives_no_more_than_examples_is_said():
    loaded, base = task(), Judgement(losses(0, 1), [TaskScores("desk", "exact", right(0.2), [])])
    base.few_shot.append(TaskScores("desk", "exact", right(0.8), []))
    tuned = Judgement(losses(-1, 2), [TaskScores("desk", "exact", right(0.8), [])])
    said = weigh(Evidence(loss_result(base, tuned), tasks=task_results(base, tuned, [loaded]))).reasons[0]
    assert "the base with examples 0.800" in said
    assert "does not show that tuning gives more" in said


def test_of_many_tasks_that_did_not_change_few_runs_call_one_better_or_worse():
    rng, words = np.random.default_rng(0), []
    for _ in range(150):
        results = []
        for number in range(10):
            moved = rng.random(100)
            before = (moved < 0.1).astype(float)
            after = (moved > 0.9).astype(float)
            scores = [Judgement(losses(0, 1), [TaskScores("t", "exact", s, [])]) for s in (before, after)]
            results += [t | {"name": str(number)} for t in task_results(*scores, [SIMPLE])]
        words.append(weigh(Evidence(None, tasks=results)).word)
    assert words.count("USE") <= 0.06 * len(words)
    assert words.count("DO NOT USE") <= 0.06 * len(words)


SIMPLE = LoadedTask(
    "t",
    "exact",
    8,
    [Question(Item(i, [{"role": "user", "content": f"{i}"}], None, "x"), []) for i in range(100)],
    0,
)
