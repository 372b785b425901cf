"""What must be equal on a card: losses to the CPU's, packed attention to rows alone, a resumed run to a whole one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.shapes import Shape, random_model
from benchmarks.gpu.training import loop_of
from tilth.training.hardware import distributed
from tilth.training.methods.method import attach
from tilth.training.model import attention
from tilth.training.model.base import choose_attention, load_model, load_tokenizer
from tilth.training.model.loss import score, token_losses
from tilth.training.model.mixed import compute_in
from tilth.training.recipe import TrainingRecipe
from tilth.training.rows.pack import pack
from tilth.training.rows.text import Example, Renderer
from tilth.training.run import checkpoint, snapshot

DATA = Path(__file__).resolve().parents[2] / "data"
ROWS, MAX_TOKENS, PACK_TOKENS = 96, 256, 1024
# nat/token. In 32 bits only the order of sums differs; 16 bits round each product to 3 digits.
TOLERATED = {"cuda, 32 bits": 1e-4, "cuda, 16 bits": 2e-2, "cuda, 32-bit weights in 16": 2e-2}
RESUME_STEPS = 8


def demo_examples() -> list[Example]:
    """Return the first conversations of the bundled sample as its base reads them."""
    renderer = Renderer(load_tokenizer(DATA / "base"), max_tokens=MAX_TOKENS)
    samples = []
    lines = (DATA / "sources" / "conversations.jsonl").read_bytes().splitlines()
    for number, line in enumerate(lines[: 2 * ROWS]):
        try:
            messages = json.loads(line)["messages"]
        except (ValueError, KeyError):  # the sample holds lines that cannot be read, on purpose
            continue
        turns = [
            {"role": m["role"], "text": m["content"]}
            for m in messages
            if m["role"] in ("system", "user", "assistant") and isinstance(m.get("content"), str)
        ]
        if turns and turns[-1]["role"] == "assistant" and turns[-1]["text"].strip():
            row_id = number.to_bytes(16, "big")
            row = {"row_id": row_id, "slice": "", "weight": None, "shape": "chat", "tools": None}
            samples.append({**row, "turns": turns})
    return list(renderer.render_all(samples[:ROWS]).examples)


def equal_losses(device: torch.device) -> dict[str, Any]:
    """Return the loss of the demo base on demo rows by each arithmetic, and its distance from the CPU's in 32 bits."""
    examples = demo_examples()
    of_cpu = _losses(load_model(DATA / "base"), examples)
    found: dict[str, Any] = {"cpu, 32 bits": {"loss": round(float(of_cpu.mean()), 6)}}
    for name, most in TOLERATED.items():
        weights = torch.bfloat16 if name == "cuda, 16 bits" else torch.float32
        model = load_model(DATA / "base", dtype=weights, device=device)
        if name.endswith("in 16"):
            compute_in(model, torch.bfloat16)
        losses = _losses(model, examples)
        apart = abs(float(losses.mean() - of_cpu.mean()))
        row = round(float((losses - of_cpu).abs().max()), 6)
        found[name] = {"apart": round(apart, 6), "largest_of_a_row": row, "passed": apart <= most}
    return found | {"passed": all(found[name]["passed"] for name in TOLERATED)}


def _losses(model: Any, examples: list[Example]) -> torch.Tensor:
    choose_attention(model)
    scores = score(model, examples, PACK_TOKENS, statistics=False)
    return torch.tensor((scores["nll_sum"] / scores["n_tokens"]).to_numpy())


def packed_attention(shape: Shape, device: torch.device, folder: Path) -> dict[str, Any]:
    """Return whether packed rows compute what rows alone do, and its time beside padded rows by transformers' SDPA."""
    shape.config().save_pretrained(folder)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    model = random_model(folder, dtype, device).eval()
    examples = shape.examples(8)
    packed = choose_attention(model, dtype)
    together = _row_losses(model, examples, shape.pack_tokens)
    seconds = _seconds(model, examples, shape.pack_tokens, device)
    alone = _row_losses(model, examples, 1)  # a pack of one token holds one row
    model.set_attn_implementation("sdpa")
    padded = _padded_seconds(model, examples, device)
    apart = float((together - alone).abs().max())
    return {
        "packed": packed,
        "implementation": attention.NAME,
        "largest_of_a_row": round(apart, 6),
        "seconds": round(seconds, 4),
        "sdpa_padded_seconds": round(padded, 4),
        "times_as_fast": round(padded / seconds, 2),
        "passed": packed and apart <= (5e-2 if device.type == "cuda" else 1e-3),
    }


def _row_losses(model: Any, examples: list[Example], pack_tokens: int) -> torch.Tensor:
    scores = score(model, examples, pack_tokens, statistics=False)
    return torch.tensor((scores["nll_sum"] / scores["n_tokens"]).to_numpy())


def _seconds(model: Any, examples: list[Example], pack_tokens: int, device: torch.device) -> float:
    batches = [batch.to(device) for batch in pack(examples, pack_tokens)]

    def run() -> None:
        for batch in batches:
            token_losses(model, batch, statistics=False).nll.sum().backward()
        model.zero_grad()

    return _timed(run, device)


def _padded_seconds(model: Any, examples: list[Example], device: torch.device) -> float:
    longest = max(len(e.input_ids) for e in examples)
    ids = torch.zeros(len(examples), longest, dtype=torch.int64, device=device)
    mask = torch.zeros_like(ids)
    for row, example in enumerate(examples):
        ids[row, : len(example.input_ids)] = torch.as_tensor(example.input_ids, dtype=torch.int64)
        mask[row, : len(example.input_ids)] = 1
    labels = ids.masked_fill(mask == 0, -100)

    def run() -> None:
        model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
        model.zero_grad()

    return _timed(run, device)


def _timed(run: Any, device: torch.device, rounds: int = 3) -> float:
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    started = time.perf_counter()
    for _ in range(rounds):
        run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.perf_counter() - started) / rounds


def resumed(device: torch.device, folder: Path) -> dict[str, Any]:
    """Return how far the weights of a run that was stopped and resumed are from those of one that was not."""
    whole = _run(device, folder / "whole")
    half = {"asked": False}

    def stop(step: int, *_: float) -> None:
        half["asked"] = step == RESUME_STEPS // 2

    try:
        _run(device, folder / "resumed", on_step=stop, asked_to_stop=lambda: half["asked"])
        return {"passed": False, "why": "the run did not stop when it was asked to"}
    except KeyboardInterrupt:
        pass
    again = _run(device, folder / "resumed", resume=True)
    apart = max(float((whole[name] - again[name]).abs().max()) for name in whole)
    return {"largest_difference_of_a_weight": apart, "passed": apart <= 1e-6}


def _run(
    device: torch.device, folder: Path, *, resume: bool = False, **fields: Any
) -> dict[str, torch.Tensor]:
    """Tune the demo base and return what was trained; resume: from the checkpoint in the folder."""
    recipe = TrainingRecipe(
        base=str(DATA / "base"), rate=1e-3, batch_tokens=512, pack_tokens=512, checkpoint_minutes=1e4
    )
    folder.mkdir(parents=True, exist_ok=True)
    model = load_model(DATA / "base", device=device)
    choose_attention(model)
    loop = loop_of(attach(model, recipe, 0), recipe, demo_examples(), folder, RESUME_STEPS, **fields)
    if resume:
        saved, _ = checkpoint.load(loop.folder, {})
        assert saved is not None
        snapshot.restore(loop, saved)
    loop.run()
    return {name: distributed.whole(parameter).float().cpu() for name, parameter in loop.trained()}
