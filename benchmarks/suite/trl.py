"""LoRA on chat rows beside TRL's SFTTrainer: the same base, rows, labels and adapter; speed, memory, bookkeeping."""

from __future__ import annotations

import json
import multiprocessing
import re
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from benchmarks import peer
from benchmarks.sample import read_real

REQUIREMENTS = [
    "torch==2.13.0",
    "trl==1.16.0",
    "transformers==5.23.0",
    "peft==0.21.2",
    "datasets==5.2.0",
    "accelerate==1.15.0",
]
SETTINGS = ("padded-4", "padded-8", "packed-4", "packed-2")
ROWS, MAX_TOKENS, STEP_TOKENS, PACK_TOKENS = 128, 512, 2048, 2048
ROUNDS = 3  # of both in turn: the speed of a shared machine drifts
SHAPE = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 8, "num_attention_heads": 4}
VOCABULARY = 11_264  # with these layers 14 M parameters
SPECIAL = ["<pad>", "<eos>", "<|user|>", "<|assistant|>", "<|system|>"]
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<eos>"
    "{% endgeneration %}{% else %}{{ m.content }}<eos>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def measure() -> dict[str, Any]:
    """Return tokens a second and peak memory of both, TRL at the fastest of its settings; nothing without the rows."""
    rows = read_real("sft/sft_mix.jsonl.zst")
    if rows is None:
        return {"skipped": "needs TILTH_REAL_DATA"}
    chosen = rows.filter(pl.col("lang") == "en").head(ROWS)
    with TemporaryDirectory() as folder:
        path, base = Path(folder) / "rows.jsonl", Path(folder) / "base"
        lines = [json.dumps({"messages": row}) for row in chosen["messages"].to_list()]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        _alone(_save_base, str(path), str(base))
        tried = {name: _paced(_trl(path, base, name)) for name in SETTINGS}
        ran = {name: found for name, found in tried.items() if "tokens_per_s" in found}
        best = max(ran, key=lambda name: ran[name]["tokens_per_s"], default=None)
        rounds = [_round(path, base, best) for _ in range(ROUNDS)]
        bookkeeping = _alone(_bookkeeping, str(path), str(base))
    figures: dict[str, Any] = {"trl_tried": tried, "rounds": rounds}
    figures["bookkeeping_share"] = bookkeeping["share"]
    if best is not None:
        figures["trl_command"] = f"benchmarks/peers/trl.py ROWS BASE {best}"
        figures["times_trl"] = _spread(rounds, "tokens_per_s")
        figures["times_trl_by_cpu"] = _spread(rounds, "tokens_per_cpu_s")
        figures["memory_of_trl"] = _spread(rounds, "peak_mib")
    return figures


def _trl(path: Path, base: Path, setting: str) -> dict[str, Any]:
    return peer.run("trl", REQUIREMENTS, str(path), str(base), setting)


def _round(path: Path, base: Path, setting: str | None) -> dict[str, Any]:
    """Train once with each, one after the other."""
    ours = {"tilth": _paced(_alone(_train, str(path), str(base)))}
    return ours if setting is None else ours | {"trl": _paced(_trl(path, base, setting))}


def _spread(rounds: list[dict[str, Any]], figure: str) -> dict[str, float]:
    """Return the least, median and largest ratio of ours to theirs within a round."""
    ratios = sorted(round(found["tilth"][figure] / found["trl"][figure], 3) for found in rounds)
    return {"low": ratios[0], "median": median(ratios), "high": ratios[-1]}


def _paced(found: dict[str, Any]) -> dict[str, Any]:
    if "unavailable" in found:
        return found
    return found | {
        "cpu_s": round(found["cpu_s"], 2),
        "wall_s": round(found["wall_s"], 2),
        "tokens_per_s": round(found["tokens"] / found["wall_s"]),
        "tokens_per_cpu_s": round(found["tokens"] / found["cpu_s"]),
    }


def _alone(run: Any, *arguments: str) -> dict[str, Any]:
    """Run a function in a process of its own, so that its peak memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return dict(pool.apply(run, arguments))


def _save_base(rows: str, base: str) -> dict[str, Any]:
    """Save a random Llama with a tokenizer made from the rows."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    messages = [m for line in Path(rows).read_text().splitlines() for m in json.loads(line)["messages"]]
    tokenizer.train_from_iterator([m["content"] for m in messages], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>")
    fast.chat_template = TEMPLATE
    fast.save_pretrained(base)
    torch.manual_seed(0)
    eos = fast.eos_token_id
    config = LlamaConfig(**SHAPE, vocab_size=VOCABULARY, max_position_embeddings=2048, eos_token_id=eos)
    LlamaForCausalLM(config).save_pretrained(base)
    return {}


def _examples(rows: str, base: str) -> list[Any]:
    from tilth.training.model import load_tokenizer
    from tilth.training.text import Renderer

    renderer = Renderer(load_tokenizer(Path(base)), max_tokens=MAX_TOKENS)
    samples = []
    for number, line in enumerate(Path(rows).read_text(encoding="utf-8").splitlines()):
        turns = [{"role": m["role"], "text": m["content"]} for m in json.loads(line)["messages"]]
        row_id = number.to_bytes(16, "big")
        samples.append(
            {"row_id": row_id, "slice": "", "weight": None, "shape": "chat", "tools": None, "turns": turns}
        )
    return list(renderer.render_all(samples).examples)


def _recipe(base: str) -> Any:
    from tilth.training.recipe import TrainingRecipe

    return TrainingRecipe(
        base=base, epochs=1, batch_tokens=STEP_TOKENS, pack_tokens=PACK_TOKENS, max_tokens=MAX_TOKENS
    )


def _train(rows: str, base: str) -> dict[str, Any]:
    """Take one pass over the rows with the dynamics of every row kept, as a watched run does."""
    from tilth.training.journal import Journal
    from tilth.training.lanes import Lanes
    from tilth.training.learning import Learning
    from tilth.training.loop import Loop
    from tilth.training.optim import optimizer_for
    from tilth.training.recipe import EvaluationRecipe
    from tilth.training.sampler import Sampler

    recipe, examples = _recipe(base), _examples(rows, base)
    tokens = sum(len(e.input_ids) for e in examples)
    model, lanes = _model(recipe)
    steps = -(-tokens // STEP_TOKENS)
    learning = Learning(
        train=examples,
        twin=[],
        feedback=[],
        base_knowledge=[],
        recipe=recipe,
        evaluation=EvaluationRecipe(),
        seed=0,
        total_steps=steps,
    )
    with TemporaryDirectory() as folder:
        loop = Loop(
            model=model,
            optimizer=optimizer_for(model, weight_decay=0.0),
            sampler=Sampler(examples, seed=0, pack_tokens=PACK_TOKENS // lanes),
            lanes=Lanes(lanes),
            learning=learning,
            recipe=recipe,
            total_steps=steps,
            total_tokens=tokens,
            folder=Path(folder),
            inputs={},
            journal=Journal(Path(folder) / "metrics.jsonl", up_to_step=-1),
        )
        wall, started = time.perf_counter(), time.process_time()
        while loop.step < steps:
            loop.train_step()
        cpu_s, wall_s = time.process_time() - started, time.perf_counter() - wall
    found = {"rows": len(examples), "tokens": loop.sampler.tokens, "steps": loop.step}
    return found | {"cpu_s": cpu_s, "wall_s": wall_s, "peak_mib": _peak_mib()}


def _bookkeeping(rows: str, base: str) -> dict[str, Any]:
    """Return what margins and the dynamics of rows add to a batch: each batch is taken with and without, in turn."""
    from tilth.training.dynamics import Dynamics
    from tilth.training.loss import token_losses
    from tilth.training.pack import pack

    recipe, examples = _recipe(base), _examples(rows, base)
    (model, _), dynamics = _model(recipe), Dynamics(examples, [""])
    spent = {False: 0.0, True: 0.0}
    for number, batch in enumerate(pack(examples, PACK_TOKENS)):
        for watched in (number % 2 == 0, number % 2 == 1):
            started = time.process_time()
            losses = token_losses(model, batch, statistics=watched)
            losses.nll.mean().backward()
            if watched:
                dynamics.add(batch, losses)
            spent[watched] += (time.process_time() - started) * (number > 1)
    return {"share": round(spent[True] / spent[False] - 1, 4)}


def _model(recipe: Any) -> tuple[Any, int]:
    """Return the model and the lanes as a run has them, the precision of the recipe included."""
    from tilth.training.device import choose_device
    from tilth.training.lanes import to_train
    from tilth.training.model import attach, choose_attention, load_config, load_model

    config = load_config(Path(recipe.base))
    device = choose_device("cpu").suited(config, method=recipe.method, precision=recipe.precision)
    model = load_model(Path(recipe.base), dtype=device.dtype)
    choose_attention(model)
    return attach(model, recipe, 0), to_train(recipe, config, device)


def _peak_mib() -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="utf-8"))
    return int(found[1]) >> 10 if found else 0
