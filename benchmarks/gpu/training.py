"""Some steps of a method at a shape, by the loop that `train` uses: speed, and memory beside what was planned."""

from __future__ import annotations

import gc
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.shapes import Shape, random_model
from tilth.training.hardware.device import Device, available_bytes, choose_device, peak_bytes, weights_dtype
from tilth.training.methods.method import attach, method_of
from tilth.training.model.base import choose_attention, load_model
from tilth.training.model.mixed import compute_in
from tilth.training.plan.footprint import memory
from tilth.training.recipe import TrainingRecipe
from tilth.training.rows.sampler import Sampler
from tilth.training.rows.text import Example
from tilth.training.run.journal import Journal
from tilth.training.run.loop import Loop

WARM_STEPS, STEPS = 2, 6
NOT_HELD = ("best weights", "kept states")  # planned for whole runs, not held by these steps


@dataclass(frozen=True)
class Tuning:
    """A method and what the recipe says for it."""

    name: str
    method: str
    bits: int | None = None

    def recipe(self, folder: Path, pack_tokens: int) -> TrainingRecipe:
        """Return the recipe; a step is two packs."""
        lora = {"bits": self.bits} if self.bits else {}
        sizes = {"pack_tokens": pack_tokens, "batch_tokens": 2 * pack_tokens}
        return TrainingRecipe.model_validate(
            {"base": str(folder), "method": self.method, "lora": lora, "rate": 1e-4, **sizes}
        )


TUNINGS = (
    Tuning("LoRA", "lora"),
    Tuning("full", "full"),
    Tuning("gradual", "gradual"),
    Tuning("QLoRA", "lora", 4),
)


def measure(shape: Shape, tuning: Tuning, folder: Path, peak_flops: float | None) -> dict[str, Any]:
    """Return tokens a second, share of the card's arithmetic, and bytes planned and measured.

    peak_flops: products a second that the card can make; None on a CPU, where memory is not measured either.
    """
    config = shape.config()
    config.save_pretrained(folder)
    recipe = tuning.recipe(folder, shape.pack_tokens)
    method = method_of(recipe)
    device = choose_device("auto" if peak_flops else "cpu").suited(
        config, frozen_base=method.frozen_base, precision=recipe.precision
    )
    examples = shape.examples(2 * (WARM_STEPS + STEPS) * shape.pack_tokens // shape.rows[0])
    gc.collect()
    if peak_flops:
        torch.cuda.empty_cache()
    sizes, recompute = _planned(recipe, folder, device, examples)
    planned, free = sum(sizes.values()), available_bytes(device.device)
    if planned > free:
        return {"left out": f"needs {planned / 2**30:.1f} GiB, {free / 2**30:.1f} are free"}
    before = _start(device)
    model = _model(recipe, folder, device)
    loop = loop_of(attach(model, recipe, 0, recompute=recompute), recipe, examples, folder)
    seconds, tokens, losses = _steps(loop, device)
    found: dict[str, Any] = {
        "recomputed": recompute,
        "tokens_per_s": round(tokens / seconds),
        "finite": all(math.isfinite(loss) for loss in losses),
        "planned_gib": round(planned / 2**30, 2),
    }
    if peak_flops:
        flop = shape.flop_per_token(examples, method.forwards_per_step)
        measured = peak_bytes(device.device) - before
        found |= {
            "mfu": round(flop * tokens / seconds / peak_flops, 3),
            "measured_gib": round(measured / 2**30, 2),
            "memory_error": round(planned / measured - 1, 3),
        }
    return found


def loop_of(
    model: Any,
    recipe: TrainingRecipe,
    examples: list[Example],
    folder: Path,
    steps: int = WARM_STEPS + STEPS,
    **fields: Any,
) -> Loop:
    """Return an unwatched loop of a few steps."""
    method = method_of(recipe)
    return Loop(
        model=model,
        optimizer=method.optimizer(model),
        sampler=Sampler(examples, seed=0, pack_tokens=recipe.pack_tokens),
        learning=None,
        recipe=recipe,
        total_steps=steps,
        total_tokens=steps * recipe.batch_tokens,
        folder=folder / "checkpoints",
        inputs={},
        journal=Journal(folder / "metrics.jsonl", up_to_step=-1),
        before_step=method.before_step(model, steps),
        **fields,
    )


def _planned(
    recipe: TrainingRecipe, folder: Path, device: Device, examples: list[Example]
) -> tuple[dict[str, int], bool]:
    """Return the planned bytes by purpose and whether layers are recomputed, as a run decides it."""
    for recompute in (False, True):
        _, _, sizes = memory(recipe, folder, device, examples, recompute=recompute)
        sizes = {name: size for name, size in sizes.items() if name not in NOT_HELD}
        if sum(sizes.values()) <= available_bytes(device.device):
            break
    return sizes, recompute


def _model(recipe: TrainingRecipe, folder: Path, device: Device) -> Any:
    """Return the base as a run has it: of random weights, in 4 bits where the recipe says so."""
    method = method_of(recipe)
    dtype, quantised = (
        weights_dtype(device, frozen_base=method.frozen_base),
        method.quantisation(device.device),
    )
    if quantised is None:
        model = random_model(folder, dtype, device.device)
    else:
        random_model(folder, dtype, device.device).save_pretrained(folder)
        gc.collect()
        _start(device)
        model = load_model(folder, dtype=dtype, device=device.device, quantised=quantised)
    compute_in(model, device.dtype)
    choose_attention(model, device.dtype)
    return model


def _start(device: Device) -> int:
    """Forget the peak of memory and return what is held now."""
    if device.device.type != "cuda":
        return 0
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device.device)
    return torch.cuda.memory_allocated(device.device)


def _steps(loop: Loop, device: Device) -> tuple[float, int, list[float]]:
    """Take the steps and return seconds and tokens of all but the first few, and the losses of all."""
    losses = [loop.train_step() for _ in range(WARM_STEPS)]
    _settle(device)
    started, before = time.perf_counter(), loop.sampler.tokens
    losses += [loop.train_step() for _ in range(STEPS)]
    _settle(device)
    return time.perf_counter() - started, loop.sampler.tokens - before, losses


def _settle(device: Device) -> None:
    if device.device.type == "cuda":
        torch.cuda.synchronize(device.device)
