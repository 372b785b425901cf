"""The loop's view of what is learned, with a tiny model and rows made of tokens."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from tilth.shards.feedback import FEEDBACK_ROWS, FEEDBACK_SLICES, Finding
from tilth.training.model.base import choose_attention
from tilth.training.model.loss import token_losses
from tilth.training.monitors import decoys
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
from tilth.training.rows.pack import pack
from tilth.training.rows.text import Example
from tilth.training.run.learning import Learning, Watched

VOCABULARY, PROMPT, ANSWER, STOP = 64, 6, 4, 1
STEPS = 60
RECIPE = TrainingRecipe(
    base="none", batch_tokens=512, pack_tokens=256, rate=1e-2, method="full", mixture=True
)
EVALUATION = EvaluationRecipe(share=1.0, every=0.2, max_rows_per_slice=30)


def make_model(seed: int = 0):
    from transformers import LlamaConfig, LlamaForCausalLM

    from tilth.training.model import attention

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    attention.register()
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=48,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=64,
        )
    )
    assert choose_attention(model)
    return model


def rows(slice_name: str, count: int, seed: int, *, rule: bool = True) -> list[Example]:
    """Answers repeat the first token of the prompt; or follow no rule at all."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(count):
        prompt = rng.integers(2, VOCABULARY, PROMPT)
        answer = np.repeat(prompt[0], ANSWER)
        if not rule:
            answer = rng.integers(2, VOCABULARY, ANSWER)
        ids = np.concatenate([prompt, answer, [STOP]]).astype(np.int32)
        is_label = np.arange(len(ids)) >= PROMPT
        row_id = f"{slice_name}{seed}{i}".encode().rjust(16, b"\0")[-16:]
        made.append(Example(row_id, slice_name, 1.0, ids, is_label))
    return made


def make_learning(train, twin, feedback, base=(), steps: int = 40, **changes) -> Learning:
    watched = Watched(train, twin, feedback, list(base))
    return Learning(watched, RECIPE.model_copy(update=changes), EVALUATION, seed=0, total_steps=steps)


def run(learning: Learning, model, train, steps: int = 40, start: int = 0, step_rows: int = 40):
    """Train for `steps` on rows in turn, evaluating when due; return what the evaluations said."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    said = []
    for step in range(start, steps + 1):
        if learning.due(step):
            said.append(learning.evaluate(model, step, step * step_rows * 11))
        if step == steps:
            break
        model.train()
        first = step * step_rows
        for batch in pack([train[(first + i) % len(train)] for i in range(step_rows)], 256):
            losses = token_losses(model, batch, statistics=True)
            (losses.nll.sum() / batch.label_count).backward()
            learning.add_step(batch, losses)
        optimizer.step()
        optimizer.zero_grad()
    return said


@pytest.fixture(scope="module")
def world():
    """Two slices: a rule that generalises, and few rows without one, repeated until known by heart."""
    many, few = rows("rule", STEPS * 20, 0), rows("heart", 20, 1, rule=False)
    return {
        "train": many + few,
        "order": [e for pair in zip(many, few * (len(many) // len(few))) for e in pair],
        "twin": rows("rule", 30, 2) + rows("heart", 30, 3, rule=False),
        "feedback": rows("rule", 60, 4) + rows("heart", 60, 5, rule=False),
        "base": rows("base", 20, 6, rule=False),
    }


@pytest.fixture(scope="module")
def finished(world):
    learning = make_learning(
        world["train"], world["twin"], world["feedback"], world["base"], steps=STEPS, early_stop=True
    )
    model = make_model()
    said = run(learning, model, world["order"], steps=STEPS)
    learning.finish(model)
    return learning, said


def test_repetition_is_found_where_it_is_and_only_there(finished):
    _, said = finished
    found = {(s.slice, s.finding) for e in said for s in e.findings}
    assert ("heart", Finding.MEMORISING) in found
    assert ("heart", Finding.REPEATED) in found
    assert ("rule", Finding.MEMORISING) not in found


def test_the_mixture_leaves_the_repeated_slice(finished):
    learning, said = finished
    heart = learning.slices.index("heart")
    last = [e.mixture for e in said if e.mixture][-1]
    assert last["heart"] < learning.curated[heart]
    assert sum(last.values()) == pytest.approx(1)
    assert said[0].mixture is None


def test_feedback_frames_follow_their_schemas(finished, world):
    learning, said = finished
    of_rows, of_slices = learning.feedback_frames()
    assert of_rows.schema == FEEDBACK_ROWS
    assert of_slices.schema == FEEDBACK_SLICES
    assert of_slices.height == 2 * len(said)
    assert of_rows.height == len({e.row_id for e in world["train"] + world["twin"]})
    trained = of_rows.filter(~pl.col("in_twin"))
    assert trained["n_exposures"].sum() == STEPS * 40
    assert trained.filter(pl.col("slice") == "heart")["finding"].unique().to_list() == [
        Finding.REPEATED.value
    ]
    withheld = of_rows.filter("in_twin")
    assert withheld["n_exposures"].sum() == 0
    assert withheld["loss_first"].null_count() == withheld.height
    assert withheld["oos_loss"].null_count() == 0
    assert trained["oos_loss"].null_count() == trained.height


def test_the_first_best_is_the_untouched_model(finished):
    _, said = finished
    assert said[0].best
    assert not said[0].stop


def test_a_resumed_run_learns_the_same(world):
    args = world["train"], world["twin"], world["feedback"], world["base"]
    model, batches = make_model(), pack(world["order"][:40], 256)

    def go_on(learning, steps):
        for step in steps:
            for batch in batches:
                learning.add_step(batch, token_losses(model, batch, statistics=True))
            learning.evaluate(model, step, step * 440)

    whole, half, resumed = (make_learning(*args) for _ in range(3))
    go_on(whole, range(4))
    go_on(half, range(2))
    resumed.load_state_dict(half.state_dict())
    assert not resumed.due(0)
    go_on(resumed, range(2, 4))
    for kind, (a, b) in enumerate(zip(whole.feedback_frames(), resumed.feedback_frames())):
        assert a.equals(b), kind
    for name, value in whole.state_dict().items():
        other = resumed.state_dict()[name]
        assert np.array_equal(value, other) if isinstance(value, np.ndarray) else value == other


@pytest.mark.parametrize("early_stop", [True, False])
def test_a_run_that_overfits_as_a_whole_is_stopped(early_stop):
    train, held = rows("s", 20, 0, rule=False), rows("s", 60, 1, rule=False)
    learning = make_learning(train, [], held, steps=40, early_stop=early_stop, mixture=False)
    said = run(learning, make_model(), train, steps=40)
    assert any(e.stop for e in said[:-1]) is early_stop
    assert not said[-1].stop
    best = [i for i, e in enumerate(said) if e.best][-1]
    assert learning.evaluations[best]["loss"] == min(e["loss"] for e in learning.evaluations)
    assert (None, Finding.OVERFIT) in {(s.slice, s.finding) for e in said for s in e.findings}


def test_state_is_arrays_and_json(finished):
    import json

    for value in finished[0].state_dict().values():
        assert isinstance(value, np.ndarray) or json.dumps(value)


def test_dynamics_are_those_of_a_plain_loop():
    train = rows("rule", 6, 0)
    learning = make_learning(train, [], [])
    expected: dict[bytes, list[tuple[float, float]]] = {e.row_id: [] for e in train}
    model = make_model()
    for _ in range(3):
        batch = pack(train, 1000)[0]
        losses = token_losses(model, batch, statistics=True)
        learning.add_step(batch, losses)
        for i, example in enumerate(batch.examples):
            mine = losses.example_of == i
            expected[example.row_id].append(
                (losses.nll[mine].mean().item(), losses.margin[mine].mean().item())
            )
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.05)
    frame = learning.dynamics.frame()
    for line in frame.iter_rows(named=True):
        seen = np.array(expected[line["row_id"]])
        assert line["n_exposures"] == 3
        assert line["loss_first"] == pytest.approx(seen[0, 0], rel=1e-5)
        assert line["loss_last"] == pytest.approx(seen[-1, 0], rel=1e-5)
        assert line["loss_mean"] == pytest.approx(seen[:, 0].mean(), rel=1e-5)
        assert line["margin_mean"] == pytest.approx(seen[:, 1].mean(), rel=1e-4)


def test_a_row_of_two_examples_is_exposed_once_when_both_were_seen():
    one, two = rows("rule", 2, 0)
    two = Example(one.row_id, one.slice, 1.0, two.input_ids, two.is_label)
    learning = make_learning([one, two], [], [])
    model = make_model()
    for examples, exposures in (([one], 1), ([two], 1), ([one, two], 2)):
        batch = pack(examples, 1000)[0]
        learning.add_step(batch, token_losses(model, batch, statistics=True))
        assert learning.dynamics.frame()["n_exposures"].to_list() == [exposures]


def test_evaluations_keep_to_their_share():
    train, feedback = rows("rule", 3000, 0), rows("rule", 600, 1)
    for share in (0.05, 0.2):
        learning = Learning(
            Watched(train, [], feedback, []),
            RECIPE.model_copy(update={"batch_tokens": 8192}),
            EvaluationRecipe(share=share),
            seed=0,
            total_steps=200,
        )
        assert learning.plan.share <= share
        assert len(learning.plan.steps) >= 6
        assert (learning.plan.steps[0], learning.plan.steps[-1]) == (0, 200)


def test_panels_do_not_depend_on_the_seed_or_on_other_rows():
    from tilth.training.evaluation.panels import draw

    every = rows("rule", 100, 0)
    panel = draw("probe", every, ["rule"], 10)
    assert len(panel.row_ids) == 10
    assert draw("probe", every[::-1], ["rule"], 10).row_ids == panel.row_ids
    fewer = [e for e in every if e.row_id in panel.row_ids or e.row_id[-1] % 2]
    assert draw("probe", fewer, ["rule"], 10).row_ids == panel.row_ids


def test_decoys_are_rows_with_the_answer_of_another():
    twin, train = rows("rule", 10, 1), rows("rule", 150, 0)
    made = decoys.make(twin, train)
    assert len(made) == decoys.MIN_PER_SLICE
    originals = {e.row_id: e for e in twin + train}
    answers = {tuple(e.input_ids[PROMPT:]) for e in twin + train}
    for decoy in made:
        original = originals[decoy.row_id]
        assert (decoy.input_ids[:PROMPT] == original.input_ids[:PROMPT]).all()
        assert not np.array_equal(decoy.input_ids, original.input_ids)
        assert tuple(decoy.input_ids[PROMPT:]) in answers
        assert (decoy.is_label == original.is_label).all()
    assert {e.row_id for e in twin} <= {e.row_id for e in made}


def test_documents_and_equal_answers_give_no_decoys():
    document = [
        Example(bytes([i]) * 16, "d", 1.0, e.input_ids, np.arange(len(e.input_ids)) > 0)
        for i, e in enumerate(rows("d", 50, 0))
    ]
    assert decoys.make([], document) == []
    same = [
        Example(e.row_id, "s", 1.0, np.concatenate([e.input_ids[:PROMPT], [9, STOP]]), np.arange(8) >= PROMPT)
        for e in rows("s", 50, 0)
    ]
    assert decoys.make([], same) == []


@pytest.mark.parametrize("share", [0.0, 0.15])
def test_planted_wrong_answers_are_named_and_clean_rows_are_not(share):
    rng = np.random.default_rng(50)
    train, wrong = rows("rule", 4000, 0), set()
    for i, example in enumerate(train):
        if rng.random() < share:
            ids = example.input_ids.copy()
            ids[PROMPT:-1] = rng.integers(2, VOCABULARY)
            train[i] = Example(example.row_id, example.slice, 1.0, ids, example.is_label)
            wrong.add(example.row_id)
    learning, model = make_learning(train, rows("rule", 60, 100), [], steps=100), make_model()
    run(learning, model, train, steps=100)
    learning.finish(model)
    found, _ = learning.feedback_frames()
    named = found.filter(pl.col("finding") == Finding.NOISY.value)["row_id"].to_list()
    assert len(named) >= 10 if share else not named
    assert sum(row_id in wrong for row_id in named) >= 0.85 * len(named)
