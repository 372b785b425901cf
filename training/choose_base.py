"""`train --choose-base`: which of several bases will be best after tuning on all of the data.

Bits per byte of the untouched bases compare models of different tokenizers; they only sort out the hopeless, for the
order before tuning can be the reverse of that after it. The others run shortly on halved subsets of the data, from
the largest down, as long as these follow a power law ("accept then stop"); the rectified scaling law fitted to the
losses predicts what all of the data will give (Lin et al., arXiv 2402.02314).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from tilth.shards.atomic import write_file
from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.errors import UsageError
from tilth.shards.store import Store
from tilth.shards.tables import VALUE_DECIMALS, Split
from tilth.shards.version import Version
from tilth.training.device import memory_errors
from tilth.training.find_rate import size_rule, width_of
from tilth.training.job import Job, prepare
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
from tilth.training.scaling_law import Law, fit, in_power_phase
from tilth.training.short_run import ShortRuns, feedback_rows, tokens_of
from tilth.training.text import Example
from tilth.validators.verify import verify_version

LARGEST = 0.04  # of the full run: the first subset; the halves below it add as much again at most
SUBSETS, MIN_SUBSETS = 4, 3
MIN_STEPS = 4  # of the smallest of MIN_SUBSETS subsets
PANEL_SHARE = 0.009  # of the full run's tokens, measured up to five times
CURVE = (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0)  # in parts of the full run
HOPELESS = 3.0  # times the fewest bits per byte
WRITTEN = ("assistant", "document")  # roles whose text is learned

Say = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Candidate:
    """What was measured of one base, in bits per byte of the answers.

    rows: what its full run learns from. points: (rows, bits per byte), no rows first. predicted: after the full run,
    None for a base that was filtered out; doubling: by how much twice the data would lower it. cost: tokens of its
    short runs and measurements as a share of its full run's.
    """

    base: str
    rate: float
    rows: float
    points: list[tuple[float, float]]
    cost: float
    law: Law | None = None
    predicted: float | None = None
    doubling: float | None = None

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of the untouched base."""
        return self.points[0][1]

    def with_law(self, law: Law) -> Candidate:
        """Return the candidate with what its law predicts."""
        predicted, doubling = law.loss(self.rows), law.doubling(self.rows)
        return replace(
            self,
            law=law,
            predicted=round(predicted, VALUE_DECIMALS),
            doubling=round(doubling, VALUE_DECIMALS),
        )


@dataclass(frozen=True)
class BaseChoice:
    """The ranking, best first, and the law of the chosen base's shape from random weights.

    nat_per_bit: nat/token of one bit per byte, for the chosen base. cost: short runs of all bases as a share of
    tuning all of them in full, tokens weighted by parameters; those from random weights are counted apart.
    """

    candidates: list[Candidate]
    scratch: Candidate
    nat_per_bit: float
    cost: float
    scratch_cost: float

    @property
    def chosen(self) -> Candidate:
        """The base to take."""
        return self.candidates[0]

    def curve(self) -> list[dict[str, float]]:
        """Return the data-efficiency curve in nat/token: the chosen base beside its shape from random weights."""
        tuned, scratch = self.chosen.law, self.scratch.law
        if tuned is None or scratch is None:
            return []
        lines = []
        for share in CURVE:
            rows = self.chosen.rows * share
            values = {"rows": rows, "tuned": tuned.loss(rows), "from_scratch": scratch.loss(rows)}
            unit = {"rows": 1.0}
            lines.append(
                {k: round(v * unit.get(k, self.nat_per_bit), VALUE_DECIMALS) for k, v in values.items()}
            )
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as plain JSON values."""
        candidates = [{**asdict(c), "bits_per_byte": c.bits_per_byte} for c in self.candidates]
        return {**asdict(self), "candidates": candidates, "chosen": self.chosen.base, "curve": self.curve()}


def choose_base(
    recipe: TrainingRecipe,
    evaluation: EvaluationRecipe,
    version: Version,
    store: Store,
    *,
    base_dir: Path,
    recipe_digest: str,
    on_progress: Say | None = None,
) -> BaseChoice:
    """Rank the bases of `recipe.bases` for a version and keep the ranking.

    Rates are the recipe's, or the size rule's where it names none. Raises UsageError without bases, TrainingError as
    `train` does.
    """
    if len(recipe.bases) < 2:
        raise UsageError(
            "training.bases",
            "names fewer than two bases",
            "There is nothing to choose from",
            "add: training: {bases: [PATH_OR_HUB_NAME, PATH_OR_HUB_NAME]}",
        )
    verify_version(store, version)
    say = on_progress or (lambda what, done, total: None)
    settings: dict[str, Any] = {"exclude": None, "max_steps": None, "monitors": True, "seed": recipe.seed}

    def job_of(base: str, **changes: Any) -> Job:
        named = recipe.model_copy(update={"base": base, **changes})
        return prepare(
            named, evaluation, version, store, base_dir=base_dir, recipe_digest=recipe_digest, **settings
        )

    jobs = [job_of(base) for base in recipe.bases]
    with memory_errors():
        choice = choose(jobs, lambda base: job_of(base, method="full", retention=recipe.retention.model_copy(
            update={"l2_sp": 0.0, "kl": 0.0, "replay": 0.0})), say)  # fmt: skip
    key = sha256_hex(canonical_json([version.id, [job.inputs for job in jobs]]))
    write_file(store.root / "cache" / "bases" / f"{key[:32]}.json", canonical_json(choice.to_dict()))
    return choice


def choose(jobs: list[Job], scratch_of: Callable[[str], Job], say: Say) -> BaseChoice:
    """Rank the bases of jobs that differ in nothing else; scratch_of: the job that trains all weights of a base."""
    judged, size = common_rows(jobs)
    untouched = []
    for number, job in enumerate(jobs):
        say("bits per byte", number + 1, len(jobs))
        untouched.append(_bits(ShortRuns(job), judged[number], size))
    found = []
    for number, (job, bits) in enumerate(zip(jobs, untouched, strict=True)):
        say("short runs", number + 1, len(jobs))
        rate = job.recipe.rate or size_rule(width_of(job), job.recipe.method)
        short = bits <= HOPELESS * min(untouched)
        found.append(measured(ShortRuns(job), judged[number], size, rate, bits=bits, short_runs=short))
    ranked = sorted(
        predicted(found), key=lambda c: (c.predicted is None, c.predicted or c.bits_per_byte, c.base)
    )
    best = [c.base for c in found].index(ranked[0].base)
    say("from random weights", 0, 0)
    job = scratch_of(ranked[0].base)
    fresh = measured(ShortRuns(job, untrained=True), judged[best], size, size_rule(width_of(job), "lora"))
    labels = sum(int(example.is_label[1:].sum()) for example in judged[best])
    weights = [job.plan.parameters * job.plan.tokens for job in jobs]
    spent = sum(candidate.cost * weight for candidate, weight in zip(found, weights, strict=True))
    return BaseChoice(
        candidates=ranked,
        scratch=predicted([*found, fresh])[-1],
        nat_per_bit=round(size * math.log(2) / labels, VALUE_DECIMALS),
        cost=round(spent / sum(weights), VALUE_DECIMALS),
        scratch_cost=round(fresh.cost * weights[best] / sum(weights), VALUE_DECIMALS),
    )


def predicted(found: list[Candidate]) -> list[Candidate]:
    """Return the candidates with what their laws predict; those without short runs stay as they are."""
    laws = iter(fit([candidate.points for candidate in found if len(candidate.points) > 1]))
    return [c.with_law(next(laws)) if len(c.points) > 1 else c for c in found]


def measured(
    runs: ShortRuns,
    judged: list[Example],
    size: int,
    rate: float,
    *,
    bits: float | None = None,
    short_runs: bool = True,
) -> Candidate:
    """Measure one base untouched (bits: it was, at the same price) and, if it is to run, on ever smaller subsets."""
    job = runs.job
    if bits is None:
        bits = _bits(runs, judged, size)
    else:
        runs.tokens += runs.price(judged)
    points = [(0.0, bits)]
    if short_runs:
        points += reversed(_subset_losses(runs, judged, size, rate))
    return Candidate(
        base=job.recipe.base,
        rate=rate,
        rows=full_rows(job),
        points=points,
        cost=round(runs.tokens / job.plan.tokens, VALUE_DECIMALS),
    )


def _subset_losses(
    runs: ShortRuns, judged: list[Example], size: int, rate: float
) -> list[tuple[float, float]]:
    """Return (rows, bits per byte) of the subsets, the largest first, while they are in the power phase."""
    job = runs.job
    rows = sorted(job.roles.train, key=lambda e: hashlib.blake2b(e.row_id, digest_size=16).digest())
    passes = max(1.0, job.plan.tokens / tokens_of(rows))
    largest = max(LARGEST * job.plan.tokens, MIN_STEPS * 2 ** (MIN_SUBSETS - 1) * job.recipe.batch_tokens)
    points: list[tuple[float, float]] = []
    for halvings in range(SUBSETS):
        budget = min(largest, job.plan.tokens / 2) / 2**halvings
        chosen = _within(rows, budget / passes)
        runs.train(rate, passes * tokens_of(chosen), chosen)
        point = float(len(chosen)), _bits(runs, judged, size)
        if len(points) >= MIN_SUBSETS and not in_power_phase(points, *point):
            break
        points.append(point)
    return points


def full_rows(job: Job) -> float:
    """Return how many rows the planned run learns from: all, or those its steps reach."""
    return len(job.roles.train) * min(1.0, job.plan.tokens / tokens_of(job.roles.train))


def common_rows(jobs: list[Job]) -> tuple[list[list[Example]], int]:
    """Return the same feedback rows as each base reads them, and the bytes of their answers."""
    wanted = {e.row_id for e in feedback_rows(jobs[0], PANEL_SHARE * jobs[0].plan.tokens)}
    for job in jobs:
        wanted &= {example.row_id for example in job.roles.feedback}
    samples = jobs[0].version.samples(Split.FEEDBACK)
    size = answer_bytes(samples, pl.Series(sorted(wanted), dtype=pl.Binary))
    return [[e for e in job.roles.feedback if e.row_id in wanted] for job in jobs], max(1, size)


def answer_bytes(samples: pl.DataFrame, row_ids: pl.Series) -> int:
    """Return the UTF-8 bytes of what the model is to write in these rows: the same for every tokenizer."""
    turns = samples.filter(pl.col("row_id").is_in(row_ids.implode()))["turns"].explode().struct.unnest()
    written = turns.filter(pl.col("role").cast(pl.String).is_in(WRITTEN)).select("text", "tool_calls")
    return sum(int(column.cast(pl.String).str.len_bytes().sum() or 0) for column in written)


def _within(rows: list[Example], tokens: float) -> list[Example]:
    """Return the first rows that together hold at most `tokens` tokens, one at least."""
    count, total = 0, 0
    while count < len(rows) and (count == 0 or total + len(rows[count].input_ids) <= tokens):
        total += len(rows[count].input_ids)
        count += 1
    return rows[:count]


def _bits(runs: ShortRuns, judged: list[Example], size: int) -> float:
    return round(runs.nll(judged)[0] / (math.log(2) * size), VALUE_DECIMALS)
