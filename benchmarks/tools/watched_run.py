"""A short watched run of a random Llama on real chat rows, as the loop of a run takes it, timed."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

MAX_TOKENS, STEP_TOKENS, PACK_TOKENS = 512, 2048, 1024
SHAPE: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 1024,
    "num_hidden_layers": 8,
    "num_attention_heads": 4,
}
VOCABULARY = 11_264  # with these layers 14 M parameters
SPECIAL = ["<pad>", "<eos>", "<|user|>", "<|assistant|>", "<|system|>"]
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<eos>"
    "{% endgeneration %}{% else %}{{ m.content }}<eos>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def save_base(rows: str, base: str, shape: dict[str, Any] | None = None) -> dict[str, Any]:
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
    config = LlamaConfig(
        **(shape or SHAPE), vocab_size=VOCABULARY, max_position_embeddings=2048, eos_token_id=eos
    )
    LlamaForCausalLM(config).save_pretrained(base)
    return {}


def load_examples(rows: str, base: str) -> list[Any]:
    """Return the rows as the loop reads them: rendered, tokenized, cut at MAX_TOKENS."""
    from tilth.training.model.base import load_tokenizer
    from tilth.training.rows.text import Renderer

    renderer = Renderer(load_tokenizer(Path(base)), max_tokens=MAX_TOKENS)
    samples = []
    for number, line in enumerate(Path(rows).read_text(encoding="utf-8").splitlines()):
        turns = [{"role": m["role"], "text": m["content"]} for m in json.loads(line)["messages"]]
        row_id = number.to_bytes(16, "big")
        samples.append(
            {"row_id": row_id, "slice": "", "weight": None, "shape": "chat", "tools": None, "turns": turns}
        )
    return list(renderer.render_all(samples).examples)


def make_recipe(base: str, changes: dict[str, Any] | None = None) -> Any:
    """Return one pass of LoRA over the rows."""
    from tilth.training.recipe import TrainingRecipe

    sizes = {"batch_tokens": STEP_TOKENS, "pack_tokens": PACK_TOKENS, "max_tokens": MAX_TOKENS}
    return TrainingRecipe.model_validate({"base": base, "epochs": 1, **sizes, **(changes or {})})


def train_once(
    rows: str, base: str, changes: dict[str, Any] | None = None, lanes: int | None = None
) -> dict[str, Any]:
    """Take one pass over the rows with the dynamics of every row kept, as a watched run does.

    changes: of the recipe. lanes: packs side by side, None for as many as a run takes.
    """
    from tilth.training.hardware.lanes import Lanes
    from tilth.training.model.optim import optimizer_for
    from tilth.training.recipe import EvaluationRecipe
    from tilth.training.rows.sampler import Sampler
    from tilth.training.run.journal import Journal
    from tilth.training.run.learning import Learning, Watched
    from tilth.training.run.loop import Loop

    recipe, examples = make_recipe(base, changes), load_examples(rows, base)
    tokens = sum(len(e.input_ids) for e in examples)
    model, most = load_adapted(recipe)
    lanes = lanes or most
    steps = -(-tokens // STEP_TOKENS)
    watched = Watched(examples, [], [], [])
    learning = Learning(watched, recipe, EvaluationRecipe(), seed=0, total_steps=steps)
    with TemporaryDirectory() as folder:
        loop = Loop(
            model=model,
            optimizer=optimizer_for(model, weight_decay=0.0),
            sampler=Sampler(examples, seed=0, pack_tokens=recipe.pack_tokens // lanes),
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
    found: dict[str, Any] = {"rows": len(examples), "tokens": loop.sampler.tokens, "steps": loop.step}
    return found | {"cpu_s": cpu_s, "wall_s": wall_s, "peak_mib": _peak_mib(), "lanes": lanes}


def load_adapted(recipe: Any) -> tuple[Any, int]:
    """Return the model and the lanes as a run has them, the precision of the recipe included."""
    from tilth.training.hardware.device import choose_device
    from tilth.training.hardware.lanes import to_train
    from tilth.training.methods.method import attach, method_of
    from tilth.training.model.base import choose_attention, load_config, load_model

    config = load_config(Path(recipe.base))
    tuning = method_of(recipe)
    device = choose_device("cpu").suited(config, frozen_base=tuning.frozen_base, precision=recipe.precision)
    model = load_model(Path(recipe.base), dtype=device.dtype)
    choose_attention(model)
    return attach(model, recipe, 0), to_train(recipe, config, device, side_by_side=tuning.side_by_side)


def _peak_mib() -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="utf-8"))
    return int(found[1]) >> 10 if found else 0
