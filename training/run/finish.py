"""After the last step: judge, export, write down what was learned, and the page of the run."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from tilth.shards.atomic import write_file
from tilth.shards.digest import canonical_json
from tilth.shards.feedback import FeedbackHeader
from tilth.shards.progress import Progress, silent
from tilth.training.evaluation.answers import write_answers
from tilth.training.evaluation.intervals import Estimate, clustered_mean
from tilth.training.evaluation.judge import Judgement, by_row, clusters, paired
from tilth.training.evaluation.sampled import Judging
from tilth.training.export.artefacts import Artefacts, write_artefacts, write_cards
from tilth.training.hardware.device import peak_bytes
from tilth.training.model.base import load_model
from tilth.training.plan.job import Job
from tilth.training.plan.judged import expected_judging_seconds
from tilth.training.plan.rate_search import rate_facts, stored
from tilth.training.retention.interpolate import Line, choose, mixes_of
from tilth.training.run.assemble import learning_of
from tilth.training.run.feedback import store_feedback
from tilth.training.run.finished import RECORD, Finished
from tilth.training.run.journal import read
from tilth.training.run.judging import judge_tuned
from tilth.training.run.leads import lead_on
from tilth.training.run.loop import Loop
from tilth.training.run.run_facts import SAMPLES_PER_TASK, Measured, run_facts
from tilth.validators.facts.page import Action, Link
from tilth.validators.facts.run import MixResult, PlanLine, RateCurve, RunFacts, RunHead
from tilth.validators.report import run_page
from tilth.validators.wording import plain

MAX_CURVE_POINTS = 400
RESULTS = (
    "verdict",
    "reasons",
    "causes",
    "loss",
    "slices",
    "tasks",
    "retention",
)  # of the facts, in run.json


@dataclass(frozen=True)
class RunResult(Finished):
    """What a run came to. `base` and `tuned` hold losses of promotion rows: in memory only, never written."""

    base: Judgement
    tuned: Judgement


def finish(
    job: Job,
    loop: Loop,
    untuned: Judgement,
    judging: Judging,
    started: float,
    say: Progress = silent,
) -> RunResult:
    """Bring a run whose best weights are in place to its end.

    judging: what the base was judged by. started: of time.monotonic(), when the run began.
    Losses of single promotion rows go nowhere but into the result. Feedback is stored after everything that
    can still fail, run.json last. Raises TrainingError if the exported files do not load as trained.
    """
    model = loop.model
    mixed = _mix(job, loop)
    tuned, judging_s = _judged(job, model, judging, say)
    if loop.learning is not None:
        say("look at every row", 0, 0)
        loop.learning.finish(model, _promoted(job, untuned, tuned))
    say("write", 0, 0)
    artefacts = write_artefacts(job, model, judging.held, tuned)
    seconds, peak = time.monotonic() - started, peak_bytes(model.device)
    facts = _facts(job, loop, untuned, tuned, judging, seconds, peak)
    facts["plan"].insert(-2, _judging(job, judging, judging_s))
    if mixed:
        facts["mixes"] = mixed
    searched = stored(job)
    if searched is not None:
        facts["rate_search"] = rate_facts(searched, job.method.peak_rate)
    facts["artefacts"] = artefacts.lines()
    facts["next"], facts["leads"] = lead_on(job, facts)
    write_cards(job, artefacts, facts)
    if job.evaluation.show_answers and write_answers(
        job.run_dir, judging.tasks, judging.held, untuned, tuned
    ):
        facts["links"] = [Link(label="every answer", href="answers.html")]
    write_file(job.run_dir / "samples.json", canonical_json(facts["samples"]))
    run_page(job.run_dir, facts)
    feedback = _store_feedback(job, loop)
    result = RunResult(
        run_id=job.run_id,
        run_dir=job.run_dir,
        steps=loop.step,
        tokens=loop.sampler.tokens,
        best_step=loop.best_step,
        stopped_early=loop.stopped_early,
        feedback_digest=feedback,
        results=plain({key: facts.get(key) for key in RESULTS}),
        seconds=seconds,
        peak_bytes=peak,
        base=untuned,
        tuned=tuned,
    )
    _write_record(job, loop, result, artefacts)
    return result


def _promoted(job: Job, untuned: Judgement, tuned: Judgement) -> Estimate | None:
    """Return the mean change of loss on promotion rows (nat/token); None where there are none."""
    rows = paired(untuned, tuned)
    if not rows.height:
        return None
    changes = ((rows["nll_tuned"] - rows["nll_sum"]) / rows["n_tokens"].clip(1)).to_numpy()
    return clustered_mean(changes, clusters(rows["row_id"], job.roles.groups))


def _store_feedback(job: Job, loop: Loop) -> str | None:
    """Store what a watched run learned of its rows and return its digest."""
    if loop.learning is None:
        return None
    header = FeedbackHeader(
        run_id=job.run_id,
        version=job.version.id,
        content_id=job.version.manifest.content_id,
        recipe_digest=job.recipe_digest,
        base_digest=job.inputs["base"],
        seeds=[job.seed],
        steps=loop.step,
        tokens=loop.sampler.tokens,
        twin_folds=list(job.recipe.twin_folds),
        row_count=0,
        rows="",
        slices="",
    )
    return store_feedback(loop.learning, job.store, job.version, header)


def _mix(job: Job, loop: Loop) -> list[MixResult]:
    """Go back towards the base as far as held-out rows say, where the recipe wants that; return the line."""
    retention = job.recipe.retention
    if not retention.interpolate or loop.learning is None:
        return []
    base = job.method.untuned(
        loop.model, loop.trained(), lambda: load_model(job.base, dtype=job.weights_dtype)
    )
    learning, line = loop.learning, Line(loop.trained(), base)
    mixes = mixes_of(line, lambda: learning.standing(loop.model))
    chosen = choose(mixes, retention.max_forgotten)
    line.set(chosen.share)
    return [
        MixResult(share=mix.share, loss=mix.loss, forgotten=mix.forgotten, chosen=mix is chosen)
        for mix in mixes
    ]


def _facts(
    job: Job,
    loop: Loop,
    untuned: Judgement,
    tuned: Judgement,
    judging: Judging,
    seconds: float,
    peak: int,
) -> RunFacts:
    """Return the facts of the run page; an unwatched run says so instead of praising itself."""
    head = RunHead(
        kind="run",
        next="",
        name=job.version.manifest.name,
        run_id=job.run_id,
        version=job.version.short,
        base=job.base.name,
        method=job.recipe.method,
        seed=job.seed,
        device=job.plan.device,
        steps=loop.step,
        planned_steps=job.plan.steps,
        best_step=loop.best_step,
        stopped_early=loop.stopped_early,
        tokens=loop.sampler.tokens,
        rate=_rates(loop),
        plan=_planned(job, loop, seconds, peak),
    )
    shown = SAMPLES_PER_TASK if job.evaluation.show_answers else 0
    measured = Measured(untuned, tuned, judging, job.roles.groups, job.retained.note, shown)
    facts = run_facts(head, loop.learning or learning_of(job), measured)
    facts["unit"] = job.method.unit
    facts["actions"] += [
        Action(
            action=f"left out {count:,} {shape} rows",
            target="the run",
            evidence=f"{job.recipe.method} does not learn from them",
            reverse=job.method.advice(shape),
        )
        for shape, count in job.roles.untaken.items()
    ]
    return facts


def _rates(loop: Loop) -> RateCurve:
    shown = list(range(0, loop.step, max(1, loop.step // MAX_CURVE_POINTS)))
    return RateCurve(step=shown, rate=[loop.rate(step) for step in shown])


def _planned(job: Job, loop: Loop, seconds: float, peak: int) -> list[PlanLine]:
    journal = read(loop.journal.path)
    spent = sum(line["seconds"] for line in journal if line["kind"] == "step")
    plan = job.plan
    memory = plan.resident_bytes + plan.total_bytes
    return [
        PlanLine(quantity="steps", unit="steps", planned=plan.steps, measured=loop.step),
        PlanLine(quantity="tokens", unit="tokens", planned=plan.tokens, measured=loop.sampler.tokens),
        PlanLine(quantity="time of the steps", unit="seconds", planned=plan.seconds, measured=spent),
        *_evaluations(job, loop, sum(line["evaluation_s"] for line in journal if line["kind"] == "time")),
        PlanLine(quantity="time in all", unit="seconds", planned=None, measured=seconds),
        PlanLine(quantity="peak memory", unit="bytes", planned=memory, measured=peak),
    ]


def _judged(job: Job, model: object, judging: Judging, say: Progress) -> tuple[Judgement, float]:
    """Return what the tuned model was measured at, and the seconds that took."""
    since = time.monotonic()
    tuned = judge_tuned(job, model, judging, say)
    if not job.monitors and job.retained.measured:  # monitors measure it on the way
        scores = job.method.score(model, job.retained.measured, job.recipe.pack_tokens)
        tuned = replace(tuned, retained=by_row(scores))
    return tuned, time.monotonic() - since


def _judging(job: Job, judging: Judging, of_tuned: float) -> PlanLine:
    """Return what judging took. planned: the same share of the time of the steps as of their tokens."""
    planned = expected_judging_seconds(judging, job.plan.seconds)
    of_base = job.plan.judging_seconds_of_base or 0.0
    name = f"time of judging, base and tuned ({judging.share:.0%} of the steps' cost)"
    return PlanLine(quantity=name, unit="seconds", planned=planned, measured=of_base + of_tuned)


def _evaluations(job: Job, loop: Loop, spent: float) -> list[PlanLine]:
    """Return what the evaluations took; a short run may take more than its share, and the plan says how much."""
    if loop.learning is None:
        return []
    planned = None if job.plan.seconds is None else loop.learning.plan.share * job.plan.seconds
    name = f"time of the evaluations ({job.evaluation.share:.0%} of that of the steps asked for)"
    return [PlanLine(quantity=name, unit="seconds", planned=planned, measured=spent)]


def _write_record(job: Job, loop: Loop, result: RunResult, artefacts: Artefacts) -> None:
    record = {
        "run_id": job.run_id,
        "version": job.version.id,
        "content_id": job.version.manifest.content_id,
        "inputs": job.inputs,
        "files": job.files,
        "training": job.recipe.model_dump(mode="json"),
        "evaluation": job.evaluation.model_dump(mode="json"),
        "seed": job.seed,
        "plan": job.plan.to_dict(),
        "rows": {**job.roles.counts, "skipped_rows": job.roles.skipped},
        "steps": result.steps,
        "tokens": result.tokens,
        "best_step": result.best_step,
        "stopped_early": result.stopped_early,
        "feedback": result.feedback_digest,
        "results": result.results,
        "artefacts": artefacts.to_dict(),
        "seconds": round(result.seconds, 3),
        "peak_bytes": result.peak_bytes,
    }
    write_file(job.run_dir / RECORD, canonical_json(record))
