"""`train --curve`: what more data would buy one base, and what the base itself is worth in data.

The base is tuned on three subsets of the rows, each twice as large as the one before, and so is its shape from random
weights. Rectified scaling laws (scaling_law.py) are fitted to both, foretell what twice as many rows give, and are held
to it: that larger run is made and stands beside what was foretold. Losses are bits per byte on feedback rows.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from tilth.shards.atomic import write_file
from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.errors import UsageError
from tilth.shards.store import Store
from tilth.shards.tables import VALUE_DECIMALS
from tilth.training.hardware.device import memory_errors
from tilth.training.methods.method import method_of
from tilth.training.model.optim import size_rule
from tilth.training.plan.job import Job, prepare
from tilth.training.plan.request import Request
from tilth.training.search.choose_base import ANSWERS, CURVE, SCRATCH_FACTOR, common_rows, from_scratch
from tilth.training.search.find_rate import width_of
from tilth.training.search.race import MIN_STEPS, Entrant, Say, fitted
from tilth.training.search.scaling_law import Law
from tilth.validators.verify import verify_version

SMALLEST = 1 / 32  # of the full run; the subsets that follow are 1/16 and 1/8, the run that checks 1/4
SUBSETS = 3


@dataclass(frozen=True)
class DataCurve:
    """Laws of the tuned base and of its shape from random weights, and the run that checked them.

    rows: what the full run learns from. points and scratch_points: (rows, bits per byte), no rows first. predicted and
    measured: bits per byte after `checked_rows`, before that run was known. nat_per_bit: nat/token of one bit per byte.
    cost and scratch_cost: tokens of the runs and measurements, in parts of the full run.
    """

    base: str
    rate: float
    rows: float
    points: list[tuple[float, float]]
    scratch_points: list[tuple[float, float]]
    law: Law
    scratch_law: Law
    checked_rows: float
    predicted: float
    measured: float
    nat_per_bit: float
    cost: float
    scratch_cost: float

    @property
    def error(self) -> float:
        """How far the prediction was off, in parts of what was measured."""
        return self.predicted / self.measured - 1

    def curve(self) -> list[dict[str, float]]:
        """Return rows and the fitted losses in nat/token, tuned and from random weights."""
        lines = []
        for share in CURVE:
            rows = self.rows * share
            losses = {"tuned": self.law.loss(rows), "from_scratch": self.scratch_law.loss(rows)}
            lines.append({"rows": round(rows), **{k: self._nat(v) for k, v in losses.items()}})
        return lines

    def lines(self) -> list[str]:
        """Return the curve, how its prediction held, what doubling buys, and the cost, in words."""
        said = [
            f"  {point['rows']:>12,.0f} rows: {point['tuned']:.3f} nat/token, "
            f"{point['from_scratch']:.3f} from random weights"
            for point in self.curve()
        ]
        of = f"foretold {self._nat(self.predicted):.3f} nat/token, measured {self._nat(self.measured):.3f}"
        bought = self._nat(self.law.doubling(self.rows))
        return [
            *said,
            f"held to it at {self.checked_rows:,.0f} rows: {of} ({self.error:+.1%}); further out it is less sure",
            f"doubling the data buys {bought:.3f} nat/token (from the fitted law)",
            f"cost: {self.cost:.0%} of the full run's tokens, and {self.scratch_cost:.0%} from random weights",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as plain JSON values."""
        return {**asdict(self), "error": round(self.error, VALUE_DECIMALS), "curve": self.curve()}

    def _nat(self, bits: float) -> float:
        return round(bits * self.nat_per_bit, VALUE_DECIMALS)


def data_curve(request: Request, store: Store, *, on_progress: Say | None = None) -> DataCurve:
    """Measure the curve of the base of a request on its version, and keep it.

    Costs half of the full run and a quarter of it from random weights. Raises UsageError for a method that does not
    learn from answers, TrainingError as `train` does.
    """
    if method_of(request.recipe).unit != ANSWERS:
        raise UsageError(
            "training.method",
            f"{request.recipe.method} learns from pairs, and the curve is of what answers cost a base",
            "Nothing was measured",
            "say --set training.method=lora, on a version that holds answers",
        )
    verify_version(store, request.version)
    job = prepare(request, store)
    with memory_errors():
        scratch = prepare(replace(request, recipe=from_scratch(job.recipe)), store)
        found = measure(job, scratch, on_progress or (lambda what, done, total: None))
    key = sha256_hex(canonical_json([request.version.id, job.inputs]))
    write_file(store.root / "cache" / "curves" / f"{key[:32]}.json", canonical_json(found.to_dict()))
    return found


def measure(job: Job, scratch_job: Job, say: Say) -> DataCurve:
    """Measure the curve of a job; scratch_job: the one that trains all weights of the same base."""
    (judged,), size = common_rows([job])
    tuned = Entrant(job, job.method.peak_rate, judged, size)
    rate = size_rule(width_of(scratch_job), SCRATCH_FACTOR)
    scratch = Entrant(scratch_job, rate, judged, size, untrained=True)
    shares = subsets(job.plan.tokens / job.recipe.batch_tokens)
    say("tuned on subsets", 0, 3)
    tuned.run([0.0, *shares])
    say("from random weights", 1, 3)
    scratch.run([0.0, *shares])
    before = fitted([tuned, scratch])[tuned]
    say("the run that checks", 2, 3)
    tuned.run([2 * shares[-1]])
    checked_rows, measured = tuned.points[-1]
    laws = fitted([tuned, scratch])
    labels = sum(int(example.is_label[1:].sum()) for example in judged)
    return DataCurve(
        base=job.recipe.base,
        rate=tuned.rate,
        rows=tuned.rows,
        points=tuned.points,
        scratch_points=scratch.points,
        law=laws[tuned],
        scratch_law=laws[scratch],
        checked_rows=checked_rows,
        predicted=round(before.loss(checked_rows), VALUE_DECIMALS),
        measured=measured,
        nat_per_bit=round(size * math.log(2) / max(1, labels), VALUE_DECIMALS),
        cost=round(tuned.spent / job.plan.tokens, VALUE_DECIMALS),
        scratch_cost=round(scratch.spent / job.plan.tokens, VALUE_DECIMALS),
    )


def subsets(steps: float) -> list[float]:
    """Return the shares of a full run of so many steps that laws are fitted to; the smallest has MIN_STEPS."""
    first = min(1 / 2**SUBSETS, max(SMALLEST, MIN_STEPS / steps))
    return [first * 2**number for number in range(SUBSETS)]
