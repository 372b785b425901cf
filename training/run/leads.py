"""Where a run leads: what to do next, after each of its words and for each of their causes.

What comes next is never the bare command that leads back here: a finished run is not judged again, and the next
`curate` is named beside what it would learn.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from tilth.training.evaluation.intervals import MIN_TO_DECIDE
from tilth.training.evaluation.metric import ADD_A_TASK
from tilth.training.plan.job import Job
from tilth.training.run.word import Cause
from tilth.validators.facts.page import DO_NOT_USE, USE, Lead
from tilth.validators.facts.run import RunFacts

SLOWER, MUCH_SLOWER = 3, 10  # how many times lower a rate is tried
MORE_REPLAY = 0.05
ROW_FINDINGS = ("noisy", "uncertain", "repeated", "memorising", "overfit")  # those `tilth rows` can list


class Where(NamedTuple):
    """What commands name: the recipe, the run, its folder as seen from the recipe, and what lies in it."""

    recipe: str
    run_id: str
    folder: str
    artefact: str
    merged: bool


def lead_on(job: Job, facts: RunFacts) -> tuple[str, list[Lead]]:
    """Return the next step, and the others that are open."""
    names = [line["name"] for line in facts.get("artefacts", [])]
    where = Where(
        job.recipe_name,
        job.run_id,
        os.path.relpath(job.run_dir, job.base_dir),
        job.method.artefact,
        "merged" in names and any(a["name"] == "merged" and a["bytes"] for a in facts["artefacts"]),
    )
    causes = [Cause(cause) for cause in facts.get("causes", [])]
    found = _of_findings(where, facts)
    if facts["verdict"] == USE:
        return f"tilth compare {where.run_id}", [*_to_use(job, where), *found]
    if facts["verdict"] == DO_NOT_USE:
        first, *others = _to_change(job, where, causes)
        leads = [first, *others, Lead(what="read what it answers", how=f"{where.folder}/answers.html")]
        return first["how"], [*leads, *found]
    first, *others = _to_know(job, where, causes)
    return first["how"], [first, *others, *_to_use(job, where)[:2], *found]


def _to_use(job: Job, where: Where) -> list[Lead]:
    """Return how to load, serve, check, compare and export what the run left."""
    folder, weights = where.folder, f"{where.folder}/{where.artefact}"
    base, name = job.recipe.base, job.version.manifest.name
    whole = f"{folder}/merged" if where.merged else weights
    load = f'AutoModelForCausalLM.from_pretrained("{whole}")'
    serve = f"vllm serve {whole}"
    if job.method.frozen_base and not where.merged:
        load = f'PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("{base}"), "{weights}")'
        serve = f"vllm serve {base} --enable-lora --lora-modules {name}={weights}"
    leads = [
        Lead(
            what="the weights lie in",
            how=weights + (f", merged into the base in {whole}" if where.merged else ""),
        ),
        Lead(what="load them", how=load),
        Lead(what="serve them", how=f"{serve}; with Ollama: ollama create {name} -f {folder}/Modelfile"),
        Lead(
            what="see that the server says the same",
            how=f"tilth check http://127.0.0.1:8000/v1 --run {where.run_id}",
        ),
        Lead(what="vote, blind, base against tuned", how=f"tilth compare {where.run_id}"),
        Lead(what="let the data it learned from be served", how=f"tilth promote {name}"),
    ]
    if where.merged:
        leads.insert(4, Lead(what="one file for llama.cpp", how=f"tilth gguf {where.run_id}"))
    return leads


def _to_change(job: Job, where: Where, causes: list[Cause]) -> list[Lead]:
    """Return which key to change and why, what helps most first."""
    kept, train = job.recipe.retention, f"train {where.recipe} --set "
    rate, leads = job.method.peak_rate, []
    if Cause.NOT_FINITE in causes:
        key = f"training.rate={rate / MUCH_SLOWER:.2g}"
        leads.append(Lead(what="the loss diverged: a far lower rate", how=train + key))
    if Cause.FORGOT in causes:
        if not kept.interpolate:
            why = "go back towards the base as far as held-out rows say"
            leads.append(Lead(what=why, how=f"{train}training.retention.interpolate=true"))
        if kept.replay < MORE_REPLAY and job.recipe.base_knowledge:
            why = "train on more of what the base knew"
            leads.append(Lead(what=why, how=f"{train}training.retention.replay={MORE_REPLAY}"))
    slower = f"training.rate={rate / SLOWER:.2g}"
    leads.append(Lead(what="a lower rate moves less of the base", how=train + slower))
    leads.append(Lead(what="or let short runs find the rate", how=f"train {where.recipe} --find-rate"))
    return leads


def _to_know(job: Job, where: Where, causes: list[Cause]) -> list[Lead]:
    """Return what would bring the evidence that is missing."""
    train, leads = f"then: train {where.recipe}", []
    if Cause.NO_TASK in causes:
        how = f"write {ADD_A_TASK} into {where.recipe}, {train}"
        leads.append(Lead(what="a task that judges the answers", how=how))
    if Cause.FEW in causes or Cause.TOLD in causes:
        how = (
            f"add questions that are not in the train rows to the task, {MIN_TO_DECIDE} at the least, {train}"
        )
        leads.append(Lead(what="more questions", how=how))
    if Cause.EMPTY in causes:
        leads.append(Lead(what="references", how=f"fill the empty references of the task, {train}"))
    if Cause.BLIND in causes:
        how = f"read {where.folder}/answers.html; change metric, references or max_new_tokens, {train}"
        leads.append(Lead(what="a task that tells models apart", how=how))
    if Cause.FORGOT in causes:
        leads += _to_change(job, where, [Cause.FORGOT])[:1]
    if Cause.NOTHING in causes:
        how = f"train {where.recipe} --set training.epochs={2 * job.recipe.epochs:g}"
        leads.append(Lead(what="nothing was learned that shows: train longer", how=how))
    if Cause.NOT_SURE in causes or not leads:
        how = f"add questions to the task, {train}; four times as many halve the interval"
        leads.append(Lead(what="a surer answer", how=how))
        leads.append(Lead(what="another rate", how=f"train {where.recipe} --find-rate"))
    return leads


def _of_findings(where: Where, facts: RunFacts) -> list[Lead]:
    """Return which rows to look at, and what the next curation learns of them."""
    found = sorted({m["finding"] for m in facts["monitors"] if m["triggered"]})
    leads = [
        Lead(what=f"rows found {finding}", how=f"tilth rows --finding {finding}")
        for finding in found
        if finding in ROW_FINDINGS
    ]
    if found:
        what = "let the next version learn from the findings"
        leads.append(Lead(what=what, how=f"curate {where.recipe}"))
    return leads
