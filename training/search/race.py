"""A race of bases by successive halving (Jamieson & Talwalkar, arXiv 1502.07943): fewer of them, longer runs.

Everyone begins with a little, the better half goes on with runs twice as long, until two are left. What decides who
goes on is the loss that the scaling law predicts for the full run, for a well-suited base may begin worse and learn
faster; what decides between the last two is what their longest runs measured.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tilth.shards.tables import VALUE_DECIMALS
from tilth.training.plan.job import Job
from tilth.training.rows.text import Example
from tilth.training.search.scaling_law import Law, accepted, fit
from tilth.training.search.short_run import ShortRuns, first_rows, price, tokens_of

FINALISTS = 2
MIN_ROUNDS = 3  # fewer sizes do not show how a curve bends
MIN_STEPS = 4  # of a run of the first round
LONGEST = 0.5  # of the full run, however short that is

Say = Callable[[str, int, int], None]


@dataclass(eq=False)
class Entrant:
    """A base in the race. Losses are bits per byte on `judged`; size: bytes of the answers there.

    points: (rows, loss), the untuned base first. shares: of the full run, one of each run. spent: in tokens.
    """

    job: Job
    rate: float
    judged: list[Example]
    size: int
    untrained: bool = False
    points: list[tuple[float, float]] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    spent: float = 0.0

    @property
    def parameters(self) -> int:
        """What a token costs."""
        return self.job.plan.parameters

    @property
    def full(self) -> int:
        """What the full run costs: parameters times tokens."""
        return self.parameters * self.job.plan.tokens

    @property
    def panel(self) -> float:
        """What one measurement costs, in the same unit."""
        return self.parameters * price(self.judged, self.job.method)

    @property
    def rows(self) -> float:
        """How many rows the full run learns from: all, or those its steps reach."""
        train = self.job.roles.train
        return len(train) * min(1.0, self.job.plan.tokens / tokens_of(train))

    def run(self, shares: Sequence[float]) -> None:
        """Measure the base after a run of each share of the full one; a share of 0 is the base as it is.

        A run reads a subset as often as the full run reads all rows, and the schedule is squeezed into it; a
        longer one reads the rows of a shorter and more.
        """
        runs, plan = ShortRuns(self.job, untrained=self.untrained), self.job.plan
        rows = sorted(self.job.roles.train, key=lambda e: hashlib.blake2b(e.row_id, digest_size=16).digest())
        passes = max(1.0, plan.tokens / tokens_of(rows))
        for share in shares:
            chosen = first_rows(rows, share * plan.tokens / passes) if share else []
            if chosen:
                runs.train(self.rate, passes * tokens_of(chosen), chosen)
                self.shares.append(share)
            loss = runs.nll(self.judged)[0] / (math.log(2) * self.size)
            self.points.append((float(len(chosen)), round(loss, VALUE_DECIMALS)))
        self.spent += runs.tokens


def race(entrants: list[Entrant], budget: float, say: Say) -> list[Entrant]:
    """Let entrants that were measured untuned race for `budget` (parameters × tokens); return the finalists.

    The finalists stand in the order of their longest runs.
    """
    counts = field_sizes(len(entrants))
    remaining, left = entrants, budget
    for number, count in enumerate(counts):
        if count < len(remaining):
            laws = fitted(entrants)
            remaining = sorted(remaining, key=lambda e: laws[e].loss(e.rows))[:count]
        share = next_share(remaining, counts[number:], left, MIN_STEPS * 2**number)
        before = cost(remaining)
        for place, entrant in enumerate(remaining):
            say(f"round {number + 1} of {len(counts)}", place + 1, count)
            entrant.run([share])
        left -= cost(remaining) - before
    return sorted(remaining, key=lambda e: e.points[-1][1])


def field_sizes(count: int) -> list[int]:
    """Return how many of `count` bases run in each round: halved until FINALISTS are left, in MIN_ROUNDS or more."""
    halvings = math.ceil(math.log2(max(1.0, count / FINALISTS)))
    rounds = max(MIN_ROUNDS, halvings + 1)
    return [max(min(count, FINALISTS), math.ceil(count / 2**number)) for number in range(rounds)]


def next_share(remaining: list[Entrant], counts: list[int], left: float, min_steps: int) -> float:
    """Return the share of the full run that leaves enough for each later round to run twice as long.

    counts: bases of this round and of those to come. Enough even if the largest bases are those that stay; where
    smaller ones do, later runs are longer still.
    """
    full = sorted((e.full for e in remaining), reverse=True)
    panel = sorted((e.panel for e in remaining), reverse=True)
    running = sum(2**later * sum(full[:count]) for later, count in enumerate(counts))
    share = (left - sum(sum(panel[:count]) for count in counts)) / running
    least = max(min_steps * e.job.recipe.batch_tokens / e.job.plan.tokens for e in remaining)
    return min(LONGEST, max(least, share))


def fitted(entrants: list[Entrant]) -> dict[Entrant, Law]:
    """Return the law of each entrant, all of them fitted together."""
    return dict(zip(entrants, fit([accepted(e.points) for e in entrants]), strict=True))


def cost(entrants: list[Entrant]) -> float:
    """Return what was spent on entrants: parameters times tokens."""
    return sum(e.parameters * e.spent for e in entrants)
