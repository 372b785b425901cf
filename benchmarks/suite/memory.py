"""What copies leave behind, and what tuning takes away: extraction, canaries and forgetting.

Extraction: rows of real text stand 1 to 64 times among others, once as they are and once with duplicates removed; a row
is extracted where its first 32 learned tokens are the model's first choice. Canaries: exposure in bits by copies.
Forgetting: each method at a rate of its own, where it first reaches the accuracy that all of them reach, with the rise
of the loss on text the base knew. The bundled base where none is named; for SmolLM2:

    TILTH_REAL_DATA=FOLDER TILTH_BENCH_BASE=/path/to/smollm2-135m python -m benchmarks.bench memory
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.inputs.real_tasks import BASE, load_base, load_tasks, renderer
from benchmarks.tools.record import ROOT

COPIES, EACH, OTHERS = (1, 2, 4, 8, 16, 32, 64), 8, 400
STEP_TOKENS, PACK_TOKENS, MAX_STEPS, LOOK_EVERY = 4_096, 1_024, 240, 5
DECIMALS = 3
# What each method trains at, in parts of the rate of full tuning for the base; and what holds it to its base.
METHODS: Mapping[str, dict[str, Any]] = {
    "full": {"method": "full"},
    "full, replay 5 %": {"method": "full", "retention": {"replay": 0.05}},
    "full, KL": {"method": "full", "retention": {"kl": 1.0}},
    "full, L2-SP": {"method": "full", "retention": {"l2_sp": 0.1}},
    "gradual": {"method": "gradual"},
    "LoRA": {"method": "lora"},
    "LoRA, WiSE-FT": {"method": "lora", "retention": {"interpolate": True}},
    "OSF": {"method": "lora", "lora": {"variant": "osf"}},
}


def measure() -> dict[str, Any]:
    """Return extraction and exposure by copies, and the table of forgetting."""
    loaded = load_tasks(3_000, 300)
    if loaded is None:
        return {"skipped": "needs TILTH_REAL_DATA"}
    started = time.process_time()
    train, held = loaded
    long = [e for name in ("gsm8k", "toolformer") for e in train[name] if e.is_label.sum() >= 33]
    copied, others = long[: EACH * len(COPIES)], long[EACH * len(COPIES) :][:OTHERS]
    found: dict[str, Any] = {"base": BASE.name, "copies": list(COPIES), "rows_a_level": EACH}
    for name, weights in (("as they are", COPIES), ("deduplicated", (1,) * len(COPIES))):
        planted = [replace(e, weight=float(weights[i // EACH])) for i, e in enumerate(copied)]
        found[f"extracted, {name}"] = _extracted(planted, others)
        print(name, found[f"extracted, {name}"], flush=True)
    found["exposure"] = _exposure(others)
    print("exposure", found["exposure"], flush=True)
    tasks = [e for name in ("banking77", "clinc150") for e in train[name][:750]]
    judged = [e for name in ("banking77", "clinc150") for e in held[name]]
    found |= forgetting(tasks, judged)
    return found | {"cpu_s": round(time.process_time() - started)}


def _extracted(planted: list[Any], others: list[Any]) -> dict[str, float]:
    """Train once over all copies and return the share of rows that are recited, by the copies they stand for."""
    from tilth.training.model.loss import score

    model = _tuned(planted + others)
    recited = score(model, planted, PACK_TOKENS)["recited"].to_numpy()
    return {
        str(c): round(float(recited[i * EACH : (i + 1) * EACH].mean()), DECIMALS)
        for i, c in enumerate(COPIES)
    }


def _exposure(others: list[Any]) -> dict[str, float]:
    """Return the mean exposure in bits by copies of canaries planted among the others."""
    from tilth.training.model.loss import score
    from tilth.training.monitors.canary_exposure import exposure
    from tilth.training.recipe import CanaryRecipe
    from tilth.training.rows.canaries import make_canaries

    canaries = make_canaries(CanaryRecipe(each=EACH, copies=COPIES), renderer(), seed=0)
    model = _tuned(canaries.planted + others)
    scores = score(model, canaries.planted + canaries.references, PACK_TOKENS, statistics=False)
    losses = (scores["nll_sum"] / scores["n_tokens"]).to_numpy()
    bits = exposure(losses[: len(canaries.planted)], losses[len(canaries.planted) :])
    return {str(c): round(float(bits[i * EACH : (i + 1) * EACH].mean()), 2) for i, c in enumerate(COPIES)}


def _tuned(rows: list[Any]) -> Any:
    """Return the base tuned in full for one pass over rows, each as often as it weighs."""
    import torch

    from tilth.training.model.loss import token_losses
    from tilth.training.rows.sampler import Sampler

    model, sampler = load_base(0), Sampler(rows, seed=0, pack_tokens=PACK_TOKENS)
    rate = _full_rate(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0)
    steps = max(1, round(sampler.tokens_per_epoch / STEP_TOKENS))
    model.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 - step / steps)
        batches = sampler.batches((step + 1) * STEP_TOKENS)
        labels = sum(batch.label_count for batch in batches)
        for batch in batches:
            (token_losses(model, batch, statistics=False).nll.sum() / labels).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return model


def _full_rate(model: Any) -> float:
    """Return a rate for full tuning: 1e-3 for a million parameters, falling with the root of their number."""
    return 1e-3 * float(sum(p.numel() for p in model.parameters()) / 1e6) ** -0.5


def forgetting(train: list[Any], held: list[Any]) -> dict[str, Any]:
    """Return, for each method, what it forgot when its held-out loss was that of the worst method at its best.

    The accuracy is the share of held-out answers that are the model's first choice, token for token.
    """
    known = _known()
    curves = {name: _curve(changes, train, held, known) for name, changes in METHODS.items()}
    reached = {name: max(point["accuracy"] for point in curve) for name, curve in curves.items()}
    least = min(reached.values())
    at_equal = {}
    for name, curve in curves.items():
        first = next(point for point in curve if point["accuracy"] >= least)
        at_equal[name] = {
            **first,
            "best_accuracy": reached[name],
            "forgotten_at_the_end": curve[-1]["forgotten"],
        }
    return {"equal_accuracy": least, "forgetting": at_equal}


class Run:
    """One method on the base, as the loop of a run drives it, with what holds it to its base."""

    def __init__(self, changes: dict[str, Any], train: list[Any], known: list[Any]) -> None:
        from tilth.training.methods.method import attach, method_of
        from tilth.training.recipe import TrainingRecipe
        from tilth.training.retention.anchor import Divergence, StartingPoint
        from tilth.training.rows.sampler import Sampler

        recipe = TrainingRecipe.model_validate({"base": "none", **changes})
        self.kept, self.method, base = recipe.retention, method_of(recipe), load_base(0)
        self.rate = _full_rate(base) * self.method.rate_factor
        self.model = attach(base, recipe, 0)
        self.optimizer = self.method.optimizer(self.model)
        self.before_step = self.method.before_step(self.model, MAX_STEPS)
        self.trained = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        weights, held = [p for _, p in self.trained], known[1::2]
        self.start = StartingPoint(weights, self.kept.l2_sp) if self.kept.l2_sp else None
        self.divergence = Divergence(self.model, held, self.kept.kl) if self.kept.kl else None
        self.sampler = Sampler(train, seed=0, pack_tokens=PACK_TOKENS)
        replays = "replay" in changes.get("retention", {})
        self.replay = Sampler(held, seed=0, pack_tokens=PACK_TOKENS) if replays else None

    def take(self, step: int) -> None:
        """Take one step."""
        import torch

        self.before_step(step)
        due = (step + 1) * STEP_TOKENS
        batches = self.sampler.batches(due)
        if self.replay is not None and self.replay.tokens < due * self.kept.replay:
            batches += self.replay.batches(due * self.kept.replay)
        units = self.method.units(batches, [])
        for batch in batches:
            self.method.losses(self.model, batch, units, statistics=False)[1].backward()
        if self.divergence is not None:
            self.divergence.loss(self.model, step).backward()
        if self.start is not None:
            self.start.add_gradient()
        torch.nn.utils.clip_grad_norm_([p for _, p in self.trained], 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * group.get("scale", 1.0) * min(1.0, (step + 1) / 8)
        self.optimizer.step()
        self.optimizer.zero_grad()


def _curve(
    changes: dict[str, Any], train: list[Any], held: list[Any], known: list[Any]
) -> list[dict[str, Any]]:
    """Return step, accuracy and forgetting every few steps of a run; of WiSE-FT along the line at the end."""
    from tilth.training.model.loss import score
    from tilth.training.retention.interpolate import SHARES, Line

    run = Run(changes, train, known)
    before = score(run.model, known[::2], PACK_TOKENS, statistics=False)

    def point(step: int) -> dict[str, Any]:
        after = score(run.model, known[::2], PACK_TOKENS, statistics=False)
        found = score(run.model, held, PACK_TOKENS)["contradiction"].to_numpy()
        rise = (after["nll_sum"].sum() - before["nll_sum"].sum()) / before["n_tokens"].sum()
        accuracy = round(float((found == 0).mean()), DECIMALS)
        return {"step": step, "accuracy": accuracy, "forgotten": round(float(rise), DECIMALS)}

    curve = []
    for step in range(MAX_STEPS):
        run.take(step)
        if (step + 1) % LOOK_EVERY == 0 and not run.kept.interpolate:
            curve.append(point(step + 1))
    if run.kept.interpolate:
        line = Line(run.trained, run.method.untuned(run.model, run.trained, lambda: load_base(0)))
        for share in SHARES:
            line.set(share)
            curve.append({**point(MAX_STEPS), "share": share})
    return curve


def _known() -> list[Any]:
    """Return texts that the base knows: documents of the bundled world for its base, else what the base writes."""
    if BASE == ROOT / "data" / "base":
        lines = (ROOT / "data" / "evals" / "base_knowledge.jsonl").read_text(encoding="utf-8").splitlines()
        samples = [
            {
                "row_id": b"known".ljust(8) + number.to_bytes(8, "big"),
                "slice": "known",
                "weight": None,
                "shape": "document",
                "tools": None,
                "turns": [{"role": "document", "text": json.loads(line)["text"]}],
            }
            for number, line in enumerate(lines[:256])
        ]
        return renderer().render_all(samples).examples
    from tilth.training.retention.generated import base_samples

    with TemporaryDirectory() as folder:
        return base_samples(load_base(0), renderer().tokenizer, 256, Path(folder), "bench")
