"""The mixture inside a run: does steering it by what monitors see beat leaving it, or steering the wrong slices?

Four real tasks of unequal hardness (inputs/real_tasks.py), equal tokens for every arm, three paired seeds. Arms: the
curated mixture (by tokens); stratified (equal shares); ours (run/mixture.py); a placebo (ours with the slices
permuted); ODM, a bandit on the training loss (Albalak et al., arXiv 2312.02406); and one in the style of mSFT, which
leaves out the slice that overfits first and goes back to where it was best (arXiv 2603.21606). Judged on held-out rows:
the share of answer tokens that are the model's first choice, in the worst slice and in the mean, and of whole answers.

    TILTH_REAL_DATA=FOLDER [TILTH_BENCH_BASE=FOLDER] python -m benchmarks.bench mixtures
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.inputs.real_tasks import BASE, load_base, load_tasks

SEEDS, STEPS, WINDOW, STEP_TOKENS, PACK_TOKENS = (0, 1, 2), 160, 10, 4_096, 1_024
TRAIN_ROWS, HELD_ROWS, RATE = 1_500, 120, 1e-3
DECIMALS = 4


class Weights:
    """The weights of a run, kept and set back."""

    def __init__(self, model: Any) -> None:
        self.model, self.kept = model, [{k: v.clone() for k, v in model.state_dict().items()}]

    def keep(self) -> None:
        """Keep the weights as they are after a window."""
        self.kept.append({k: v.clone() for k, v in self.model.state_dict().items()})

    def back_to(self, window: int) -> None:
        """Set the weights to those after a window."""
        self.model.load_state_dict(self.kept[window])


@dataclass(frozen=True)
class Seen:
    """What there is to see after a window: train loss by slice, what the run has learned and found, and weights."""

    window: int
    train_loss: np.ndarray
    learning: Any
    findings: list[Any]
    weights: Weights


class Mixer:
    """Chooses the mixture after each window. p: share of the tokens of each slice, in the order of `names`."""

    def __init__(self, names: list[str], curated: np.ndarray) -> None:
        self.names, self.curated, self.p = names, curated, curated.copy()

    def observe(self, seen: Seen) -> None:
        """Look at a window and set `p` for the next."""


class Stratified(Mixer):
    """Equal shares."""

    def __init__(self, names: list[str], curated: np.ndarray) -> None:
        super().__init__(names, curated)
        self.p = np.full(len(names), 1 / len(names))


class Ours(Mixer):
    """The sampler of a run, with the verdicts of its monitors."""

    def observe(self, seen: Seen) -> None:
        if seen.window >= 2:
            self.p = self.wished(seen)

    def wished(self, seen: Seen) -> np.ndarray:
        """Return the next mixture by the evidence of each slice."""
        from tilth.training.run import mixture

        learning = seen.learning
        slopes = [
            mixture.theil_sen(learning.tracks["feedback"].of_slice(i)[0]) for i in range(len(self.names))
        ]
        found = {(s.slice, s.finding.value) for s in seen.findings}
        evidence = mixture.Evidence(
            curated=self.curated,
            current=self.p,
            drawn_tokens=learning.dynamics.drawn_tokens,
            unique_tokens=learning.dynamics.unique_tokens,
            slope=np.array([slope for slope, _ in slopes]),
            slope_se=np.array([se for _, se in slopes]),
            overfit=np.array([(name, "overfit") in found for name in self.names]),
            memorising=np.array([(name, "memorising") in found for name in self.names]),
            tokens_left=float((STEPS - seen.window * WINDOW) * STEP_TOKENS),
        )
        return mixture.update(evidence).p


class Placebo(Ours):
    """Ours, with what is said of each slice done to the next one."""

    def observe(self, seen: Seen) -> None:
        if seen.window >= 2:
            moved = self.wished(seen) / self.p
            shifted = self.p * np.roll(moved, 1)
            self.p = shifted / shifted.sum()


class ODM(Mixer):
    """Exp3 on the training loss of each slice (Albalak et al. 2023, algorithm 1), smoothing .9."""

    def __init__(self, names: list[str], curated: np.ndarray) -> None:
        super().__init__(names, curated)
        self.reward = np.zeros(len(names))

    def observe(self, seen: Seen) -> None:
        count = len(self.names)
        known = np.isfinite(seen.train_loss)
        estimate = np.where(known, seen.train_loss, 0) / self.p
        self.reward = 0.9 * self.reward + 0.1 * estimate

        def explore(window: int) -> float:
            return min(1 / count, math.sqrt(math.log(count) / (count * max(1, window))))

        logits = explore(seen.window) * self.reward
        wish = np.exp(logits - logits.max())
        floor = explore(seen.window + 1)
        self.p = (1 - count * floor) * wish / wish.sum() + floor
        self.p = np.maximum(self.p, 1e-3) / np.maximum(self.p, 1e-3).sum()


class MSFT(Mixer):
    """Leave out the slice that overfits first, and go back to where it was best."""

    def __init__(self, names: list[str], curated: np.ndarray) -> None:
        super().__init__(names, curated)
        self.out: set[int] = set()

    def observe(self, seen: Seen) -> None:
        tracks = seen.learning.tracks["feedback"]
        for code in set(range(len(self.names))) - self.out:
            means = tracks.of_slice(code)[0].mean(axis=1)
            best = int(means.argmin())
            if len(means) - 1 - best >= 2 and len(self.out) < len(self.names) - 1:
                self.out.add(code)
                seen.weights.back_to(min(best, len(seen.weights.kept) - 1))
                break
        p = self.curated.copy()
        p[sorted(self.out)] = 1e-6
        self.p = p / p.sum()


ARMS: Mapping[str, Callable[[list[str], np.ndarray], Mixer]] = {
    "curated": Mixer,
    "stratified": Stratified,
    "placebo": Placebo,
    "ODM": ODM,
    "mSFT-style": MSFT,
    "ours": Ours,
}


def measure() -> dict[str, Any]:
    """Return what each arm came to, and the paired differences of ours from the others."""
    loaded = load_tasks(TRAIN_ROWS, HELD_ROWS)
    if loaded is None:
        return {"skipped": "needs TILTH_REAL_DATA"}
    started, results = time.process_time(), {name: [] for name in ARMS}
    for seed in SEEDS:
        for name, arm in ARMS.items():
            results[name].append(_run(arm, *loaded, seed=seed))
            print(seed, name, results[name][-1], flush=True)
    worst = {name: np.array([run["worst"] for run in runs]) for name, runs in results.items()}
    return {
        "base": BASE.name,
        "steps": STEPS,
        "step_tokens": STEP_TOKENS,
        "seeds": list(SEEDS),
        "arms": results,
        "ours_minus": {name: _spread(worst["ours"] - worst[name]) for name in ARMS if name != "ours"},
        "endpoint": "token accuracy of the worst slice, paired by seed: mean, least, most",
        "cpu_s": round(time.process_time() - started),
    }


def _run(
    arm: Callable[[list[str], np.ndarray], Mixer],
    train: dict[str, list[Any]],
    held: dict[str, list[Any]],
    *,
    seed: int,
) -> dict[str, Any]:
    """Train one arm and return the accuracy of each slice on its held-out rows."""
    import torch

    from tilth.training.model.loss import token_losses
    from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
    from tilth.training.rows.sampler import Sampler
    from tilth.training.run.learning import Learning, Watched

    names = sorted(train)
    rows = [e for name in names for e in train[name]]
    feedback = [e for name in names for e in held[name][::2]]
    judged = {name: held[name][1::2] for name in names}
    twin = [e for i, e in enumerate(rows) if i % 20 == 0]
    rows = [e for i, e in enumerate(rows) if i % 20]
    recipe = TrainingRecipe(
        base="none", batch_tokens=STEP_TOKENS, pack_tokens=PACK_TOKENS, method="full", mixture=False
    )
    learning = Learning(
        Watched(rows, twin, feedback, []), recipe, EvaluationRecipe(share=1.0, max_rows_per_slice=60),
        seed=seed, total_steps=STEPS,
    )  # fmt: skip
    model, sampler = load_base(seed), Sampler(rows, seed=seed, pack_tokens=PACK_TOKENS)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    mixer, weights = arm(names, learning.curated), Weights(model)
    sampler.reweight(dict(zip(names, mixer.p.tolist(), strict=True)))
    learning.evaluate(model, 0, 0)
    sums, tokens = np.zeros(len(names)), np.zeros(len(names))
    for step in range(STEPS):
        model.train()
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 8) * (1 - step / STEPS)
        batches = sampler.batches((step + 1) * STEP_TOKENS)
        labels = sum(batch.label_count for batch in batches)
        for batch in batches:
            losses = token_losses(model, batch, statistics=True)
            (losses.nll.sum() / labels).backward()
            learning.add_step(batch, losses.detached())
            code = np.array([names.index(e.slice) for e in batch.examples])[losses.example_of.numpy()]
            sums += np.bincount(code, losses.nll.detach().numpy(), len(names))
            tokens += np.bincount(code, minlength=len(names))
        optimizer.step()
        optimizer.zero_grad()
        if (step + 1) % WINDOW == 0:
            found = learning.evaluate(model, step + 1, sampler.tokens).findings
            weights.keep()
            train_loss = sums / np.maximum(tokens, 1)
            mixer.observe(Seen((step + 1) // WINDOW, train_loss, learning, found, weights))
            sampler.reweight(dict(zip(names, mixer.p.tolist(), strict=True)))
            sums, tokens = np.zeros(len(names)), np.zeros(len(names))
    return _judge(model, judged)


def _judge(model: Any, judged: dict[str, list[Any]]) -> dict[str, Any]:
    """Return token accuracy and share of whole answers by slice, the worst and the mean."""
    from tilth.training.model.loss import measured, token_losses

    def hits(batch: Any) -> np.ndarray:
        losses = token_losses(model, batch, statistics=True)
        of, right = losses.example_of.numpy(), (losses.margin > 0).numpy()
        counts = np.bincount(of, minlength=len(batch.examples))
        return np.stack([np.bincount(of, right, len(batch.examples)), counts], axis=1)

    found = {}
    for name, examples in judged.items():
        sums = measured(model, examples, PACK_TOKENS, hits, 2)
        whole = float((sums[:, 0] == sums[:, 1]).mean())
        found[name] = {"tokens": float(sums[:, 0].sum() / sums[:, 1].sum()), "answers": whole}
    shares = [part["tokens"] for part in found.values()]
    rounded = {n: {k: round(v, DECIMALS) for k, v in part.items()} for n, part in found.items()}
    return {
        "slices": rounded,
        "worst": round(min(shares), DECIMALS),
        "mean": round(float(np.mean(shares)), DECIMALS),
    }


def _spread(values: np.ndarray) -> dict[str, float]:
    found = {"mean": values.mean(), "least": values.min(), "most": values.max()}
    return {name: round(float(value), DECIMALS) for name, value in found.items()}
