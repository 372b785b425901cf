"""`train --find-rate`: a rate from the size of the base, bounded by a range test, settled by successive halving.

The size rule is only where the range test begins. The range test raises the rate exponentially over a few dozen
steps until the smoothed loss diverges (Smith, arXiv 1506.01186). Below that bound four rates run a little; the
better half runs twice as long (successive halving, Jamieson & Talwalkar, arXiv 1502.07943). Loss on rows of the
feedback split decides, the promotion split is never read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from tilth.training.search.short_run import ShortRuns, feedback_rows, tokens_of
from tilth.validators.verify import verify_version

SHARE, MOST = 0.05, 0.09  # of the planned run's tokens, measuring included: of a long run, of any
MIN_RANGE_STEPS, MAX_RANGE_STEPS = 24, 100
MIN_TRIAL_STEPS = 6  # of the first rung; the second has twice as many
BELOW, ABOVE = 0.1, 100.0  # the range test, in multiples of the size rule
CANDIDATES, RATIO = 4, 3.0  # rates tried, and how far apart
SMOOTHING = 0.7  # weight of the past in the smoothed loss of the range test
DIVERGED = 1.25  # times the lowest smoothed loss
MEASUREMENTS = 1 + CANDIDATES + CANDIDATES // 2
PANEL_SHARE = 0.3  # of the search's tokens, for measuring
MIN_ROWS = 3  # of a step, where steps are made smaller

Say = Callable[[str, int, int], None]


def find_rate(request: Request, store: Store, *, on_progress: Say | None = None) -> RateSearch:
    """Search a learning rate for the base, method and data of a request; keep the search, not the weights.

    Costs SHARE of the planned run's tokens, up to MOST of a short one's, and more only where that is less than steps
    of MIN_ROWS rows need.
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
    afforded = budget_of(job)
    range_steps, trial_steps = afforded.range_steps, afforded.trial_steps
    say("base", 0, 0)
    runs = ShortRuns(_in_steps_of(afforded.step_tokens, job))
    panel = feedback_rows(runs.job, afforded.panel_tokens)
    nll, labels = runs.nll(panel)
    guess = size_rule(width_of(job), job.method.rate_factor)
    test = _range_test(runs, guess, range_steps, nll / labels, say)
    bound, diverged = upper_bound(test)
    done = 0

    def trial(rate: float, steps: int) -> Trial:
        nonlocal done
        done += 1
        say("rates", done, CANDIDATES * 3 // 2)
        try:
            runs.train(rate, steps * afforded.step_tokens)
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


@dataclass(frozen=True)
class Budget:
    """What a search spends: steps of the range test and of a first trial, tokens of a step and of one measurement."""

    range_steps: int
    trial_steps: int
    step_tokens: int
    panel_tokens: float


def budget_of(job: Job) -> Budget:
    """Return what the search for the rate of a job may spend."""
    mean = tokens_of(job.roles.train) / max(1, len(job.roles.train))
    return budget(job.plan.tokens, job.recipe.batch_tokens, mean, job.method.forwards_per_step)


def budget(planned_tokens: float, batch_tokens: int, row_tokens: float, forwards: float) -> Budget:
    """Return a search that costs SHARE of the run, or the least there is.

    Four trials of n steps and two of 2n take 8n steps. The least are MIN_RANGE_STEPS and MIN_TRIAL_STEPS; where these
    would cost more than MOST of the run, steps of fewer tokens are taken, of MIN_ROWS rows at least.
    row_tokens: mean of the rows. forwards: what a trained token costs in forward passes.
    """
    spent = 1 - PANEL_SHARE
    steps, least = SHARE * spent * planned_tokens / batch_tokens, MIN_RANGE_STEPS + 8 * MIN_TRIAL_STEPS
    step_tokens = batch_tokens
    if steps < least:
        steps = least
        smaller = max(MIN_ROWS * row_tokens, MOST * spent * planned_tokens / least)
        step_tokens = max(1, min(batch_tokens, int(smaller)))
    range_steps = min(MAX_RANGE_STEPS, max(MIN_RANGE_STEPS, int(steps / 4)))
    trial_steps = max(MIN_TRIAL_STEPS, int((steps - range_steps) / 8))
    trained = (range_steps + 8 * trial_steps) * step_tokens
    left = trained * PANEL_SHARE / spent * forwards - range_steps * step_tokens
    return Budget(range_steps, trial_steps, step_tokens, left / MEASUREMENTS)


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


def _in_steps_of(tokens: int, job: Job) -> Job:
    """Return the job with steps of so many tokens."""
    pack_tokens = min(job.plan.pack_tokens, tokens)
    recipe = job.recipe.model_copy(update={"batch_tokens": tokens})
    return replace(job, recipe=recipe, plan=replace(job.plan, pack_tokens=pack_tokens))


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


def _range_test(
    runs: ShortRuns, guess: float, steps: int, base_loss: float, say: Say
) -> list[tuple[float, float]]:
    """Return (rate, loss) of each step until the loss diverges.

    A loss is told in parts of what the untuned base has on the rows of that step, times `base_loss`: a step of few
    rows is as hard as its rows are.
    """
    points: list[tuple[float, float]] = []
    ends: dict[str, Any] = {"first": BELOW * guess, "last": min(1.0, ABOVE * guess)}
    with runs.loop(guess, steps * runs.job.recipe.batch_tokens, kind=_RisingRate, **ends) as loop:
        untuned = _untuned_losses(runs, loop)
        while loop.step < steps and (not points or not upper_bound(points)[1]):
            say("range test", loop.step, steps)
            rate = float(f"{loop.rate(loop.step):.3e}")
            try:
                loss = loop.train_step() / max(untuned[loop.step - 1], 1e-6) * base_loss
                points.append((rate, round(loss, VALUE_DECIMALS)))
            except TrainingError:  # the loss is not finite
                break
    return points


def _untuned_losses(runs: ShortRuns, loop: Loop) -> list[float]:
    """Return the mean loss of the base, which stands in the loop still, on the rows of each of its steps."""
    ahead, losses = loop.sampler.copy(), []
    for step in range(loop.total_steps):
        batches = ahead.batches(min((step + 1) * loop.recipe.batch_tokens, loop.total_tokens))
        nll, labels = runs.nll([example for batch in batches for example in batch.examples])
        losses.append(nll / max(1, labels))
    return losses
