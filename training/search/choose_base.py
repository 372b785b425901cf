"""`train --choose-base`: which of several bases will be best after tuning on all of the data.

Bits per byte of the untouched bases compare models of different tokenizers; they only sort out the hopeless, for the
order before tuning can be the reverse of that after it. The others race for a tenth of the compute (race.py) on
subsets of the data, and the rectified scaling law fitted to their losses predicts what all of the data will give
(Lin et al., arXiv 2402.02314).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import polars as pl

from tilth.shards.atomic import write_file
from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.errors import UsageError
from tilth.shards.store import Store
from tilth.shards.tables import VALUE_DECIMALS, Split
from tilth.training.hardware.device import memory_errors
from tilth.training.methods.method import method_of
from tilth.training.model.optim import size_rule
from tilth.training.plan.job import Job, prepare
from tilth.training.plan.request import Request
from tilth.training.recipe import TrainingRecipe
from tilth.training.rows.text import Example
from tilth.training.search.find_rate import width_of
from tilth.training.search.race import Entrant, Say, cost, fitted, race
from tilth.training.search.scaling_law import Law
from tilth.training.search.short_run import feedback_sample
from tilth.validators.verify import verify_version

BUDGET = 0.1  # of the full runs of all bases that race, measurements included
PANEL_SHARE = 0.01  # of the full run's tokens, read to measure a base once
CURVE = (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0)  # in parts of the full run
SCRATCH_FACTOR = 10.0  # of the size rule, for weights that begin at random
ANSWERS = "nat/token"  # the unit of a loss that bits per byte can be made of
HOPELESS = 3.0  # times the fewest bits per byte
WRITTEN = ("assistant", "document")  # roles whose text is learned


@dataclass(frozen=True)
class Candidate:
    """What was measured of one base, in bits per byte of the answers.

    rows: what its full run learns from. points: (rows, bits per byte), no rows first. longest: its longest run as a
    share of the full one. predicted: after the full run, None for a base that was filtered out; doubling: by how
    much twice the data would lower it. cost: tokens of its short runs and measurements as a share of its full run's.
    """

    base: str
    rate: float
    rows: float
    points: list[tuple[float, float]]
    longest: float
    cost: float
    law: Law | None = None
    predicted: float | None = None
    doubling: float | None = None

    @classmethod
    def of(cls, entrant: Entrant, law: Law | None) -> Candidate:
        """Return what an entrant of the race has shown."""
        candidate = cls(
            base=entrant.job.recipe.base,
            rate=entrant.rate,
            rows=entrant.rows,
            points=entrant.points,
            longest=round(max(entrant.shares, default=0.0), VALUE_DECIMALS),
            cost=round(entrant.spent / entrant.job.plan.tokens, VALUE_DECIMALS),
        )
        if law is None:
            return candidate
        predicted, doubling = (
            round(v, VALUE_DECIMALS) for v in (law.loss(candidate.rows), law.doubling(candidate.rows))
        )
        return replace(candidate, law=law, predicted=predicted, doubling=doubling)

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of the untouched base."""
        return self.points[0][1]


@dataclass(frozen=True)
class BaseChoice:
    """The ranking, best first, and the law of the chosen base's shape from random weights.

    finalists: how many at the head stand in the order of their longest runs; the others stand in that of what their
    laws predict. nat_per_bit: nat/token of one bit per byte, for the chosen base. cost: short runs and measurements
    of all bases as a share of tuning all of them in full, tokens weighted by parameters; those from random weights
    are counted apart.
    """

    candidates: list[Candidate]
    finalists: int
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

    def lines(self) -> list[str]:
        """Return how the ranking was come to, the data-efficiency curve of the first, and the cost, in words."""
        lines = [
            f"the first {self.finalists} by their longest runs (share of the full one), the others by their laws"
        ]
        lines += [
            f"  {point['rows']:>12,.0f} rows: {point['tuned']:.3f} nat/token, "
            f"{point['from_scratch']:.3f} from random weights"
            for point in self.curve()
        ]
        if self.chosen.doubling is not None:
            bought = self.chosen.doubling * self.nat_per_bit
            lines.append(f"doubling the data buys {bought:.3f} nat/token (from the fitted law)")
        spent = (
            f"{self.cost:.1%} of tuning every base in full, and {self.scratch_cost:.1%} for random weights"
        )
        return [*lines, f"cost: {spent}"]

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as plain JSON values."""
        candidates = [{**asdict(c), "bits_per_byte": c.bits_per_byte} for c in self.candidates]
        return {**asdict(self), "candidates": candidates, "chosen": self.chosen.base, "curve": self.curve()}


def choose_base(
    request: Request, store: Store, *, budget: float = BUDGET, on_progress: Say | None = None
) -> BaseChoice:
    """Rank the bases that the recipe of a request names, for its version, and keep the ranking.

    budget: the share of the compute of all full runs that the race may take; where these have only a few dozen steps
    it takes more. Rates are the recipe's, or the size rule's where it names none. Raises UsageError without bases,
    TrainingError as `train` does.
    """
    recipe, version = request.recipe, request.version
    if len(recipe.bases) < 2:
        raise UsageError(
            "training.bases",
            "names fewer than two bases",
            "There is nothing to choose from",
            "add: training: {bases: [PATH_OR_HUB_NAME, PATH_OR_HUB_NAME]}",
        )
    if method_of(recipe).unit != ANSWERS:
        raise UsageError(
            "training.method",
            f"{recipe.method} learns from pairs, and bases are ranked by what answers cost them",
            "Nothing was ranked",
            "rank them on answers: --set training.method=lora, on a version that holds some",
        )
    verify_version(store, version)
    say = on_progress or (lambda what, done, total: None)

    def job_of(base: str, **changes: Any) -> Job:
        named = recipe.model_copy(update={"base": base, **changes})
        job = prepare(replace(request, recipe=named), store)
        rate = recipe.rate or size_rule(width_of(job), job.method.rate_factor)
        return replace(job, recipe=job.recipe.model_copy(update={"rate": rate}))

    jobs = [job_of(base) for base in recipe.bases]
    with memory_errors():
        choice = choose(jobs, lambda base: job_of(base, **_scratch(recipe)), budget, say)
    key = sha256_hex(canonical_json([version.id, [job.inputs for job in jobs]]))
    write_file(store.root / "cache" / "bases" / f"{key[:32]}.json", canonical_json(choice.to_dict()))
    return choice


def from_scratch(recipe: TrainingRecipe) -> TrainingRecipe:
    """Return a recipe that trains all weights of a shape from random ones: there is nothing to freeze or to keep."""
    return recipe.model_copy(update=_scratch(recipe))


def _scratch(recipe: TrainingRecipe) -> dict[str, Any]:
    nothing = recipe.retention.model_copy(update={"l2_sp": 0.0, "kl": 0.0, "replay": 0.0})
    return {"method": "full", "freeze_layers": 0, "retention": nothing}


def choose(jobs: list[Job], scratch_of: Callable[[str], Job], budget: float, say: Say) -> BaseChoice:
    """Rank the bases of jobs that differ in nothing else; scratch_of: the job that trains all weights of a base."""
    judged, size = common_rows(jobs)
    entrants = [
        Entrant(job, job.recipe.rate or size_rule(width_of(job), job.method.rate_factor), rows, size)
        for job, rows in zip(jobs, judged, strict=True)
    ]
    for number, entrant in enumerate(entrants):
        say("bits per byte", number + 1, len(entrants))
        entrant.run([0.0])
    fewest = min(entrant.points[0][1] for entrant in entrants)
    hopeful = [entrant for entrant in entrants if entrant.points[0][1] <= HOPELESS * fewest]
    finalists = race(hopeful, budget * sum(e.full for e in hopeful) - cost(hopeful), say)
    chosen, laws = finalists[0], fitted(hopeful)
    others = sorted(set(hopeful) - set(finalists), key=lambda e: (laws[e].loss(e.rows), e.job.recipe.base))
    hopeless = sorted(set(entrants) - set(hopeful), key=lambda e: (e.points[0][1], e.job.recipe.base))
    say("from random weights", 0, 0)
    job = scratch_of(chosen.job.recipe.base)
    scratch = Entrant(job, size_rule(width_of(job), SCRATCH_FACTOR), chosen.judged, size, untrained=True)
    scratch.run([0.0, *chosen.shares])
    labels = sum(int(example.is_label[1:].sum()) for example in chosen.judged)
    full = sum(entrant.full for entrant in entrants)
    return BaseChoice(
        candidates=[Candidate.of(e, laws.get(e)) for e in [*finalists, *others, *hopeless]],
        finalists=len(finalists),
        scratch=Candidate.of(scratch, fitted([*hopeful, scratch])[scratch]),
        nat_per_bit=round(size * math.log(2) / labels, VALUE_DECIMALS),
        cost=round(cost(entrants) / full, VALUE_DECIMALS),
        scratch_cost=round(scratch.parameters * scratch.spent / full, VALUE_DECIMALS),
    )


def common_rows(jobs: list[Job]) -> tuple[list[list[Example]], int]:
    """Return the same feedback rows as each base reads them, and the bytes of their answers."""
    wanted = {e.row_id for e in feedback_sample(jobs[0], PANEL_SHARE * jobs[0].plan.tokens)}
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
