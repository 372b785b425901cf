"""The plan against what happened: memory and time of short runs of random Llamas, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

SIZES = {
    "10M": {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 8, "num_attention_heads": 4},
    "30M": {"hidden_size": 512, "intermediate_size": 1408, "num_hidden_layers": 7, "num_attention_heads": 8},
    "100M": {
        "hidden_size": 768,
        "intermediate_size": 2048,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
    },
}
TINY = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
VOCABULARY = 8192
RUNS = [(size, method, "off", "auto") for size in SIZES for method in ("lora", "full")]
RUNS += [("30M", "lora", "off", "float32"), ("30M", "lora", "on", "auto")]
STEPS, PACK_TOKENS, BATCH_TOKENS, ROWS, HELD_OUT = 2, 1024, 2048, 64, 4
MIB = 1 << 20


def measure() -> dict[str, Any]:
    """Return, for each run, planned and measured bytes and seconds, and the largest error of memory."""
    figures: dict[str, Any] = {}
    for size, method, recompute, precision in RUNS:
        with TemporaryDirectory() as folder:
            arguments = (folder, size, method, recompute, precision)
            planned, ran = (_alone(step, arguments) for step in (_plan, _run))
        error = round(planned["planned_mib"] / ran["measured_mib"] - 1, 3)
        name = f"{size} {method}{' recomputed' * (recompute == 'on')}{' float32' * (precision == 'float32')}"
        figures[name] = planned | ran | {"memory_error": error}
    errors = [abs(found["memory_error"]) for found in figures.values()]
    return figures | {"largest_memory_error": max(errors)}


def _alone(step: Any, arguments: tuple[str, ...]) -> dict[str, Any]:
    """Run a function in a process of its own, so that no memory it took before is there to be used again."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return dict(pool.apply(step, arguments))


def _plan(folder: str, size: str, method: str, recompute: str, precision: str) -> dict[str, Any]:
    """Save a random base and plan a run of it from its configuration."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from tilth.training.plan.footprint import memory, on_cpu
    from tilth.training.plan.pace import expected_seconds

    config = LlamaConfig(**SIZES[size], vocab_size=VOCABULARY, max_position_embeddings=512)
    recipe, examples = _recipe(folder, method, recompute, precision), _examples()
    base = Path(recipe.base)
    LlamaForCausalLM(config).save_pretrained(base)
    device, lanes = _how(recipe)
    how: dict[str, Any] = {"recompute": recompute == "on", "lanes": lanes}
    parameters, trained, sizes = memory(recipe, base, device, examples, **how)
    exact = sum(sizes.values())
    sizes = on_cpu(sizes, device, **how)
    seconds = expected_seconds(recipe, base, device, examples, STEPS * BATCH_TOKENS, **how)
    return {
        "arithmetic": str(device.dtype).removeprefix("torch."),
        "lanes": lanes,
        "parameters": parameters,
        "trained": trained,
        "planned_parts_mib": {name: round(size / MIB, 1) for name, size in sizes.items()},
        "planned_without_heap_mib": round(exact / MIB, 1),
        "planned_mib": round(sum(sizes.values()) / MIB, 1),
        "planned_s": round(seconds or 0, 2),
    }


def _how(recipe: Any) -> tuple[Any, int]:
    """Return the device and the lanes of a run."""
    from tilth.training.hardware.device import choose_device
    from tilth.training.hardware.lanes import to_train
    from tilth.training.methods.method import method_of
    from tilth.training.model.base import load_config

    config = load_config(Path(recipe.base))
    tuning = method_of(recipe)
    device = choose_device("cpu").suited(config, frozen_base=tuning.frozen_base, precision=recipe.precision)
    return device, to_train(recipe, config, device, side_by_side=tuning.side_by_side)


def _run(folder: str, size: str, method: str, recompute: str, precision: str) -> dict[str, Any]:
    """Run what was planned and return what it took above what python, torch and transformers hold anyway."""
    from tilth.training.hardware.device import resident_bytes, weights_dtype
    from tilth.training.methods.method import attach, method_of
    from tilth.training.model.base import choose_attention, load_model

    recipe = _recipe(folder, method, recompute, precision)
    device, lanes = _how(recipe)
    started_with = resident_bytes(device.device)
    _warm_up(recipe, device.dtype)
    before = resident_bytes(device.device)
    _forget_peak()
    model = load_model(
        Path(recipe.base), dtype=weights_dtype(device, frozen_base=method_of(recipe).frozen_base)
    )
    choose_attention(model)
    model = attach(model, recipe, 0, recompute=recompute == "on")
    loop = _loop(model, recipe, _examples(), Path(folder), lanes)
    loaded, started = _peak_bytes() - before, time.perf_counter()
    cpu = time.process_time()
    loop.run()
    return {
        "measured_mib": round((_peak_bytes() - before) / MIB, 1),
        "measured_to_load_mib": round(loaded / MIB, 1),
        "imports_mib": round(started_with / MIB, 1),  # python, torch, polars
        "warm_mib": round(before / MIB, 1),  # and transformers, peft, threads and kernels at work
        "measured_s": round(time.perf_counter() - started, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
    }


def _warm_up(recipe: Any, dtype: Any) -> None:
    """Take a step with a model of a few thousand weights, so that all that is imported and set up once is there."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from tilth.training.methods.method import attach
    from tilth.training.model.base import choose_attention
    from tilth.training.model.loss import token_losses
    from tilth.training.model.optim import clip, optimizer_for, take_step
    from tilth.training.rows.pack import pack

    model = LlamaForCausalLM(LlamaConfig(**TINY, vocab_size=VOCABULARY)).to(dtype)
    choose_attention(model)
    model = attach(model, recipe, 0)
    optimizer = optimizer_for(model, weight_decay=0.0)
    for batch in pack(_examples()[:4], 512):
        token_losses(model, batch, statistics=True).nll.mean().backward()
    clip(model, 1.0)
    take_step(optimizer, 1e-4)


def _recipe(folder: str, method: str, recompute: str, precision: str) -> Any:
    from tilth.training.recipe import TrainingRecipe

    return TrainingRecipe(
        base=str(Path(folder) / "base"),
        method=method,
        recompute=recompute,
        precision=precision,
        pack_tokens=PACK_TOKENS,
        batch_tokens=BATCH_TOKENS,
    )


def _loop(model: Any, recipe: Any, examples: list[Any], folder: Path, lanes: int) -> Any:
    """Return a watched loop of a few steps: the best weights are kept from the first evaluation on."""
    from tilth.training.hardware.lanes import Lanes
    from tilth.training.model.optim import optimizer_for
    from tilth.training.recipe import EvaluationRecipe
    from tilth.training.rows.sampler import Sampler
    from tilth.training.run.journal import Journal
    from tilth.training.run.learning import Learning, Watched
    from tilth.training.run.loop import Loop

    rows = Watched(examples, [], examples[:HELD_OUT], [])
    learning = Learning(rows, recipe, EvaluationRecipe(), seed=0, total_steps=STEPS)
    return Loop(
        model=model,
        optimizer=optimizer_for(model, weight_decay=0.0),
        sampler=Sampler(examples, seed=0, pack_tokens=recipe.pack_tokens // lanes),
        learning=learning,
        recipe=recipe,
        total_steps=STEPS,
        total_tokens=STEPS * BATCH_TOKENS,
        folder=folder / "checkpoints",
        inputs={},
        journal=Journal(folder / "metrics.jsonl", up_to_step=-1),
        lanes=Lanes(lanes),
    )


def _examples() -> list[Any]:
    """Return random conversations of 128 to 512 tokens, of which the second half is learned."""
    from tilth.training.rows.text import Example

    random = np.random.default_rng(0)
    found = []
    for number in range(ROWS):
        ids = random.integers(0, VOCABULARY, int(random.integers(128, 513))).astype(np.int32)
        is_label = np.arange(len(ids)) >= len(ids) // 2
        found.append(Example(number.to_bytes(16, "big"), "", 1.0, ids, is_label))
    return found


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak_bytes() -> int:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) << 10
