"""Where a run leads, after each word and cause; the job is made up, no model is loaded."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tilth.training.methods.method import method_of
from tilth.training.recipe import TrainingRecipe
from tilth.training.run.leads import lead_on
from tilth.training.run.word import Cause


def job_of(**changes: Any) -> Any:
    recipe = TrainingRecipe(base="small", base_knowledge="known.jsonl", **changes)
    return SimpleNamespace(
        recipe=recipe,
        method=method_of(recipe),
        recipe_name="desk.yaml",
        run_id="abcd",
        run_dir=Path("/here/.tilth/runs/abcd"),
        base_dir=Path("/here"),
        version=SimpleNamespace(manifest=SimpleNamespace(name="desk")),
    )


def facts_of(word: str, *causes: Cause, findings: tuple[str, ...] = (), merged: bool = False) -> Any:
    monitors = [{"finding": finding, "triggered": True} for finding in findings]
    artefacts = [{"name": "adapter", "bytes": 1, "note": ""}] + [
        {"name": "merged", "bytes": 1, "note": ""}
    ] * merged
    return {
        "verdict": word,
        "causes": [c.value for c in causes],
        "monitors": monitors,
        "artefacts": artefacts,
    }


def said(leads: list[Any]) -> str:
    return "\n".join(f"{lead['what']}: {lead['how']}" for lead in leads)


def test_use_says_where_the_weights_lie_and_how_to_load_serve_compare_and_export_them() -> None:
    first, leads = lead_on(job_of(), facts_of("USE", Cause.BETTER, merged=True))
    assert first == "tilth compare abcd"
    for part in (
        ".tilth/runs/abcd/adapter",
        "from_pretrained",
        "vllm serve",
        "tilth check",
        "tilth gguf abcd",
    ):
        assert part in said(leads), part


def test_an_adapter_alone_is_loaded_onto_its_base() -> None:
    assert 'PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("small")' in said(
        lead_on(job_of(), facts_of("USE", Cause.BETTER))[1]
    )


@pytest.mark.parametrize(
    ("cause", "key"),
    [
        (Cause.FORGOT, "training.retention.interpolate=true"),
        (Cause.TASK_WORSE, "training.rate="),
        (Cause.NOT_FINITE, "training.rate="),
    ],
)
def test_do_not_use_names_the_key_to_change(cause: Cause, key: str) -> None:
    first, leads = lead_on(job_of(), facts_of("DO NOT USE", cause))
    assert first.startswith("train desk.yaml --set ") and key in first
    assert leads[0]["how"] == first


def test_a_key_that_is_set_already_is_not_advised() -> None:
    first, _ = lead_on(job_of(retention={"interpolate": True}), facts_of("DO NOT USE", Cause.FORGOT))
    assert "replay=0.05" in first


@pytest.mark.parametrize(
    ("cause", "part"),
    [
        (Cause.NO_TASK, "evaluation: {tasks:"),
        (Cause.FEW, "add questions"),
        (Cause.BLIND, "answers.html"),
        (Cause.EMPTY, "empty references"),
        (Cause.NOT_SURE, "add questions"),
        (Cause.NOTHING, "training.epochs=4"),
    ],
)
def test_not_enough_evidence_says_what_would_be(cause: Cause, part: str) -> None:
    assert part in lead_on(job_of(), facts_of("NOT ENOUGH EVIDENCE", cause))[0]


def test_findings_name_the_rows_and_who_learns_of_them() -> None:
    first, leads = lead_on(job_of(), facts_of("USE", Cause.BETTER, findings=("noisy", "forgetting")))
    assert "tilth rows --finding noisy" in said(leads)
    assert "curate desk.yaml" in said(leads)
    assert "curate" not in first
