"""A tiny chat model and a version of sums to train it on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests import drafts
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.recipe import TrainingRecipe

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEXT = [
    "the quick brown fox jumps over the lazy dog",
    "how much is 1 plus 2? 3 4 5 6 7 8 9 0",
    "user assistant system tool",
]
VOCABULARY = 384


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer in which padding and the end of a turn are the same token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXT * 5, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<|im_end|>", eos_token="<|im_end|>")
    fast.chat_template = CHATML
    return fast


def make_config(**changes: Any) -> LlamaConfig:
    """Return the configuration of a Llama of about 30,000 parameters."""
    values: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": 2,
    }
    return LlamaConfig(**{**values, **changes})


def make_model(seed: int = 0, **changes: Any) -> LlamaForCausalLM:
    """Return a random tiny Llama."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(make_config(**changes))


def save_base(path: Path) -> Path:
    """Write a random tiny Llama with its tokenizer to a folder and return it."""
    make_model().save_pretrained(path)
    make_tokenizer().save_pretrained(path)
    return path


def make_recipe(base: Path, **changes: Any) -> TrainingRecipe:
    """Return a short LoRA run on the CPU."""
    values: dict[str, Any] = {
        "rate": 1e-2,
        "batch_tokens": 512,
        "pack_tokens": 256,
        "epochs": 1,
        "device": "cpu",
        "reload": False,  # a fresh process takes seconds to start
    }
    values["retention"] = {"samples": 0}  # texts of a random base take time and say nothing
    return TrainingRecipe(base=str(base), **{**values, **changes})


def sums(count: int = 120, **changes: Any) -> list[drafts.Line]:
    """Return sums as lines of input, in two slices, dealt out over splits and folds."""
    found = []
    for number in range(count):
        decision = {
            "verdict": "keep",
            "split": {8: "feedback", 9: "promotion"}.get(number % 10, "train"),
            "fold": number % 7,
            "slice": "odd" if number % 2 else "even",
            "weight": 1_000_000,
            **changes,
        }
        found.append(drafts.Line(f"how much is {number} plus 2?", answer=f"{number + 2}", decision=decision))
    return found


def make_version(store: Store, lines: list[drafts.Line] | None = None) -> Version:
    """Publish lines (default: 120 sums) under the name `sums`."""
    return store.publish("sums", drafts.make_draft(sums() if lines is None else lines))[0]
