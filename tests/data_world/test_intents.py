"""The sample of a real task: what was planted is what the truth says, its licence is there, and it curates."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from click.testing import CliRunner

from tilth.shards.store import Store
from tilth.training.model.named_bases import bases_folder
from tilth.training.monitors import outside
from tilth.training.plan.job import prepare
from tilth.training.run import assemble
from tilth.training.run.assemble import asked_states
from tilth.workbench.commands.demo import main
from tilth.workbench.recipes.recipe_file import load
from tilth.workbench.running.curate import curate_recipe
from tilth.workbench.running.demo import REAL, prepare_sample
from tilth.workbench.running.train import request_of

TRUTH = Path(__file__).parents[1] / "data" / "planted_intents.jsonl"


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_tenth_bears_another_intent_of_its_domain_and_no_question_does(tmp_path: Path) -> None:
    folder = prepare_sample(tmp_path / "demo", REAL).parent / "intents"
    messages, questions = lines(folder / "messages.jsonl"), lines(folder / "questions.jsonl")
    truth = {int(line["line"]): line["intent"] for line in lines(TRUTH)}
    assert (len(messages), len(questions), len(truth)) == (800, 200, 80)
    domain = {line["answer"]: line["slice"] for line in questions}
    for number, message in enumerate(messages, 1):
        right = truth.get(number, message["intent"])
        assert domain[right] == domain[message["intent"]] == message["domain"]
        assert (number in truth) == (right != message["intent"])
    assert not {m["text"] for m in messages} & {q["question"] for q in questions}


def test_its_licence_goes_with_it_and_the_truth_does_not() -> None:
    with as_file(files("tilth.data")) as data:
        assert "Attribution 3.0" in (data / "intents" / "LICENSE").read_text(encoding="utf-8")
        assert "Larson" in (data / "intents" / "README.md").read_text(encoding="utf-8")
        assert {path.name for path in (data / "intents").iterdir()} == {
            "LICENSE",
            "README.md",
            "messages.jsonl",
            "questions.jsonl",
            "template.jinja",
        }


def test_it_curates_and_keeps_what_people_wrote(tmp_path: Path) -> None:
    recipe = prepare_sample(tmp_path / "demo", REAL)
    outcome = curate_recipe(load(recipe), Store.open(recipe.parent / ".tilth"))
    assert outcome.passed
    assert outcome.version.manifest.counts["kept"] >= 0.98 * 800


def test_without_its_base_nothing_is_done_and_the_command_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILTH_BASES", str(tmp_path / "bases"))
    done = CliRunner().invoke(main, ["--real", "--dir", str(tmp_path / "demo")])
    assert done.exit_code == 2
    assert "tilth base smollm2-135m" in done.output
    assert not (tmp_path / "demo").exists()


@pytest.mark.skipif(not (bases_folder() / REAL.base).is_dir(), reason="tilth base smollm2-135m brings it")
def test_what_is_planted_is_named_by_what_the_real_base_makes_of_the_questions(tmp_path: Path) -> None:
    recipe = prepare_sample(tmp_path / "demo", REAL)
    loaded, store = load(recipe), Store.open(recipe.parent / ".tilth")
    version = curate_recipe(loaded, store).version
    job = prepare(request_of(loaded, version), store)
    answers = outside.answers_of(job.roles.train + job.roles.twin)
    judged = outside.judge(asked_states(job, assemble.load(job)), answers)
    assert judged is not None
    truth = {int(line["line"]) for line in lines(TRUTH)}
    ledger = version.ledger()
    line_of = dict(zip(ledger["row_id"], ledger["line"]))
    planted = {row for row in judged.row_ids if line_of[row] in truth}
    named = {row for row, wrong in zip(judged.row_ids, judged.wrong) if wrong > 0.5}
    assert len(named & planted) >= 0.9 * len(named)
    assert len(named & planted) >= 0.8 * len(planted)
