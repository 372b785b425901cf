"""`train --find-rate`: a rate from the size of the base, bounded by a range test, settled by successive halving.

The size rule is only where the range test begins. The range test raises the rate exponentially over a few dozen
steps until the smoothed loss diverges (Smith, arXiv 1506.01186). Below that bound four rates run a little; the
better half runs twice as long (successive halving, Jamieson & Talwalkar, arXiv 1502.07943). Loss on rows of the
feedback split decides, the promotion split is never read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tilth.shards.errors import TrainingError
from tilth.shards.store import Store
from tilth.shards.tables import VALUE_DECIMALS
from tilth.training.hardware.device import memory_errors
from tilth.training.model.base import load_config
from tilth.training.model.optim import rounded, size_rule
from tilth.training.plan.job import Job, prepare
from tilth.training.plan.rate_search import RateSearch, Trial, keep
from tilth.training.plan.request import Request
from tilth.training.run.loop import Loop
from tilth.training.search.short_run import ShortRuns, feedback_rows
from tilth.validators.verify import verify_version

SHARE = 0.05  # of the planned run's tokens
MIN_RANGE_STEPS, MAX_RANGE_STEPS = 24, 100
MIN_TRIAL_STEPS = 6  # of the first rung; the second has twice as many
BELOW, ABOVE = 0.1, 100.0  # the range test, in multiples of the size rule
CANDIDATES, RATIO = 4, 3.0  # rates tried, and how far apart
SMOOTHING = 0.7  # weight of the past in the smoothed loss of the range test
DIVERGED = 1.25  # times the lowest smoothed loss
PANEL_SHARE = 0.1  # of the search's tokens, for measuring

Say = Callable[[str, int, int], None]


def find_rate(request: Request, store: Store, *, on_progress: Say | None = None) -> RateSearch:
    """Search a learning rate for the base, method and data of a request; keep the search, not the weights.

    Costs SHARE of the planned run's tokens, more only where that is less than a search needs at least.
    Raises TrainingError as `train`, and where the version has no feedback rows or every rate diverges.
    """
    verify_version(store, request.version)
    job = prepare(request, store)
    with memory_errors():
        found = search(job, on_progress or (lambda what, done, total: None))
    keep(job, found)
    return found


def search(job: Job, say: Say) -> RateSearch:
    """Search the rate of a job."""
    range_steps, trial_steps = budget(job.plan.steps)
    say("base", 0, 0)
    runs = ShortRuns(job)
    panel = feedback_rows(runs.job, PANEL_SHARE * (range_steps + 8 * trial_steps) * job.recipe.batch_tokens)
    nll, labels = runs.nll(panel)
    guess = size_rule(width_of(job), job.method.rate_factor)
    test = _range_test(runs, guess, range_steps, say)
    bound, diverged = upper_bound(test)
    done = 0

    def trial(rate: float, steps: int) -> Trial:
        nonlocal done
        done += 1
        say("rates", done, CANDIDATES * 3 // 2)
        try:
            runs.train(rate, steps * job.recipe.batch_tokens)
        except TrainingError:  # the loss is not finite
            return Trial(rate, steps, None)
        loss = runs.nll(panel)[0] / labels
        return Trial(rate, steps, round(loss, VALUE_DECIMALS) if math.isfinite(loss) else None)

    trials = halve(candidates(bound), trial_steps, trial)
    return RateSearch(
        rate=chosen(trials).rate,
        guess=guess,
        bound=bound,
        diverged=diverged,
        base_loss=round(nll / labels, VALUE_DECIMALS),
        test=test,
        trials=trials,
        tokens=round(runs.tokens),
        planned_tokens=job.plan.tokens,
    )


def budget(planned_steps: int) -> tuple[int, int]:
    """Return (steps of the range test, steps of a first trial): together SHARE of the run, or the least there is.

    Four trials of n steps and two of 2n take 8n steps.
    """
    steps = SHARE * (1 - PANEL_SHARE) * planned_steps
    range_steps = min(MAX_RANGE_STEPS, max(MIN_RANGE_STEPS, int(steps / 4)))
    return range_steps, max(MIN_TRIAL_STEPS, int((steps - range_steps) / 8))


def upper_bound(test: list[tuple[float, float]]) -> tuple[float, bool]:
    """Return (the rate where the smoothed loss stood lowest before it diverged, whether it did).

    Where it never diverged the last rate bounds. test: (rate, loss) of each step; a loss that is not finite
    diverged.
    """
    lowest, best, smoothed = math.inf, test[0][0], 0.0
    for step, (rate, loss) in enumerate(test):
        smoothed = SMOOTHING * smoothed + (1 - SMOOTHING) * loss
        level = smoothed / (1 - SMOOTHING ** (step + 1))
        if not level <= DIVERGED * lowest:
            return best, True
        if level < lowest:
            lowest, best = level, rate
    return test[-1][0], False


def candidates(bound: float) -> list[float]:
    """Return the rates to try: the bound and below, RATIO apart."""
    return [rounded(bound / RATIO**k) for k in range(CANDIDATES)]


def halve(rates: list[float], steps: int, trial: Callable[[float, int], Trial]) -> list[Trial]:
    """Try every rate for `steps`, then the better half for twice as long; return all trials in order."""
    first = [trial(rate, steps) for rate in rates]
    ranked = sorted((t for t in first if t.loss is not None), key=lambda t: (t.loss, t.rate))
    return first + [trial(t.rate, 2 * steps) for t in ranked[: len(rates) // 2]]


def chosen(trials: list[Trial]) -> Trial:
    """Return the best of the longest trials. Raises TrainingError if no rate kept its loss finite."""
    finite = [t for t in trials if t.loss is not None]
    if not finite:
        raise TrainingError(
            "find-rate",
            "the loss was not finite at any rate",
            "No rate was chosen",
            "Set training.rate by hand",
        )
    longest = max(t.steps for t in finite)
    return min((t for t in finite if t.steps == longest), key=lambda t: (t.loss, t.rate))


def width_of(job: Job) -> int:
    """Return the width of the base of a job."""
    return int(load_config(job.base).get_text_config().hidden_size)


@dataclass
class _RisingRate(Loop):
    """A loop whose rate rises exponentially from the first step to the last."""

    first: float = 0.0
    last: float = 0.0

    def rate(self, step: int) -> float:
        return self.first * (self.last / self.first) ** (step / max(1, self.total_steps - 1))


def _range_test(runs: ShortRuns, guess: float, steps: int, say: Say) -> list[tuple[float, float]]:
    """Return (rate, loss) of each step until the loss diverges."""
    points: list[tuple[float, float]] = []
    ends: dict[str, Any] = {"first": BELOW * guess, "last": min(1.0, ABOVE * guess)}
    with runs.loop(guess, steps * runs.job.recipe.batch_tokens, kind=_RisingRate, **ends) as loop:
        while loop.step < steps and (not points or not upper_bound(points)[1]):
            say("range test", loop.step, steps)
            rate = float(f"{loop.rate(loop.step):.3e}")
            try:
                points.append((rate, round(loop.train_step(), VALUE_DECIMALS)))
            except TrainingError:  # the loss is not finite
                break
    return points
