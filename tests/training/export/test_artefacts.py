"""What a run leaves to be served: read in a fresh process (R17), with its card, its answers and its check."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken

from tests import tiny
from tilth.shards.errors import TrainingError
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.evaluation.held_prompts import held_prompts
from tilth.training.evaluation.sampled import MIN_PROMPTS
from tilth.training.export import fresh
from tilth.training.model.base import choose_attention, load_base
from tilth.training.plan.request import Request
from tilth.training.recipe import EvaluationRecipe, Task
from tilth.training.rows.text import Renderer
from tilth.training.train import RunResult, train


@pytest.fixture
def run(store: Store, version: Version, base_path: Path, tmp_path: Path) -> Callable[..., RunResult]:
    """Return a run with a task; changes of the training recipe as keywords."""
    lines = [
        json.dumps({"prompt": f"how much is {n} plus 2?", "response": str(n + 2)}) for n in range(200, 212)
    ]
    (tmp_path / "sums.jsonl").write_text("\n".join(lines) + "\n")
    tasks = (Task(path="sums.jsonl", metric="rouge", max_new_tokens=4),)

    def call(evaluation: EvaluationRecipe | None = None, **changes: Any) -> RunResult:
        recipe = tiny.make_recipe(base_path, **changes)
        evaluation = evaluation or EvaluationRecipe(tasks=tasks, few_shot=2, share=1.0)
        return train(Request(version, recipe, evaluation, base_dir=tmp_path, recipe_digest="r" * 64), store)

    return call


def test_a_run_leaves_what_servers_need(run: Callable[..., RunResult], version: Version) -> None:
    result = run(max_steps=3)
    folder = result.run_dir
    for name in ("adapter/adapter_model.safetensors", "merged/model.safetensors", "Modelfile", "check.json"):
        assert (folder / name).is_file(), name
    for part in ("adapter", "merged"):
        settings = json.loads((folder / part / "generation_config.json").read_bytes())
        assert settings["eos_token_id"] == [2]
        card = (folder / part / "README.md").read_text()
        assert version.manifest.content_id in card
        assert version.id in card
        assert "## Licences" in card
        assert f"--version {version.short}" in card
    assert (folder / "Modelfile").read_text().startswith("FROM ./merged\n")
    check = json.loads((folder / "check.json").read_bytes())
    assert len(check["prompts"]) >= MIN_PROMPTS  # of 20: so short a run is judged by few
    assert [p["answer"] for p in check["prompts"]] == result.tuned.held
    facts = json.loads((folder / "report.json").read_bytes())
    assert [a["name"] for a in facts["artefacts"]] == ["adapter", "merged"]
    assert json.loads((folder / "run.json").read_bytes())["artefacts"]["merged_kl"] < 1e-6


def test_every_answer_is_written_beside_the_base_with_examples(run: Callable[..., RunResult]) -> None:
    result = run(max_steps=2)
    lines = [json.loads(line) for line in (result.run_dir / "answers.jsonl").read_text().splitlines()]
    assert [line["task"] for line in lines] == ["sums"] * 12 + ["held-out rows"] * len(result.tuned.held)
    assert [line["tuned"] for line in lines[:12]] == result.tuned.tasks[0].answers
    assert all(
        line["few_shot"] is not None and set(line["scores"]) == {"base", "few_shot", "tuned"}
        for line in lines[:12]
    )
    page = (result.run_dir / "answers.html").read_text()
    assert page.count("<article") == len(lines)
    facts = json.loads((result.run_dir / "report.json").read_bytes())
    assert facts["tasks"][0]["few_shot"]["items"] == 12
    assert facts["links"] == [{"label": "every answer", "href": "answers.html"}]
    assert "base with examples" in (result.run_dir / "report.html").read_text()


def test_answers_are_kept_to_the_run_where_the_report_shows_no_examples(
    run: Callable[..., RunResult],
) -> None:
    tasks = (Task(path="sums.jsonl", metric="rouge", max_new_tokens=4),)
    result = run(EvaluationRecipe(tasks=tasks, few_shot=0, show_answers=False), max_steps=2)
    assert not list(result.run_dir.glob("answers.*"))
    facts = json.loads((result.run_dir / "report.json").read_bytes())
    assert facts["samples"] == [] and "links" not in facts
    assert facts["tasks"][0]["items"] == 12


def test_without_merging_the_adapter_is_served(run: Callable[..., RunResult], base_path: Path) -> None:
    result = run(EvaluationRecipe(), max_steps=2, merge=False)
    assert not (result.run_dir / "merged").exists()
    assert (result.run_dir / "Modelfile").read_text().startswith(f"FROM {base_path}\nADAPTER ./adapter\n")
    assert "few_shot" not in (result.run_dir / "answers.jsonl").read_text().replace('"few_shot":null', "")


def test_a_fresh_process_reads_the_files_and_answers(run: Callable[..., RunResult]) -> None:
    result = run(EvaluationRecipe(), max_steps=2, reload=True)
    found = json.loads((result.run_dir / "run.json").read_bytes())["artefacts"]["fresh_process"]
    assert found["kl"] < 1e-6
    assert isinstance(found["answer"], str)


@pytest.fixture
def with_added_token(tmp_path: Path) -> Path:
    """A base whose tokenizer was given a token, with a row of weights for it."""
    folder = tmp_path / "grown"
    model, tokenizer = tiny.make_model(), tiny.make_tokenizer()
    tokenizer.add_tokens([AddedToken("plus", normalized=False)])
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(30)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("lost", ["nothing", "the added token", "a row of weights"])
def test_a_token_or_a_row_that_was_not_saved_is_found(
    lost: str, with_added_token: Path, store: Store
) -> None:
    model, tokenizer = load_base(with_added_token)
    choose_attention(model)
    renderer = Renderer(tokenizer, max_tokens=256)
    held = held_prompts(tiny.make_version(store), renderer, 256)
    saved = with_added_token.with_name("saved")
    shutil.copytree(with_added_token, saved)
    if lost == "the added token":
        tiny.make_tokenizer().save_pretrained(saved)
    if lost == "a row of weights":
        weights = load_file(saved / "model.safetensors")
        weights["model.embed_tokens.weight"][held.questions[0].prompt_ids[-2]] = 0
        save_file(weights, saved / "model.safetensors", {"format": "pt"})
    if lost == "nothing":
        assert fresh.reread(model, saved, None, held, 256).kl < 1e-6
        return
    what = "other tokens of the same prompts" if lost == "the added token" else "nat per token from"
    with pytest.raises(TrainingError, match=what):
        fresh.reread(model, saved, None, held, 256)
