"""A tiny chat model on disk, and versions to train it on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import drafts
import numpy as np
import polars as pl
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.recipe import TrainingRecipe
from tilth.training.text import Example

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"]
TEXT = [
    "the quick brown fox jumps over the lazy dog",
    "how much is 1 plus 2? 3 4 5 6 7 8 9 0",
    "user assistant system tool",
]


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer of 384 tokens in which padding and the end of a turn are the same."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=384, special_tokens=SPECIAL[:3], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXT * 5, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<|im_end|>", eos_token="<|im_end|>")
    fast.chat_template = CHATML
    return fast


def tiny_config(**changes: Any) -> LlamaConfig:
    """Return the configuration of a Llama of about 50,000 parameters."""
    values = {
        "vocab_size": 384,
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


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests share their machine: a second thread costs more in waiting than it computes."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer()


@pytest.fixture(scope="session")
def base_path(tmp_path_factory: pytest.TempPathFactory, tokenizer: PreTrainedTokenizerFast) -> Path:
    """The folder of a tiny random Llama with its tokenizer."""
    path = tmp_path_factory.mktemp("models") / "base"
    torch.manual_seed(0)
    LlamaForCausalLM(tiny_config()).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture
def recipe(base_path: Path) -> TrainingRecipe:
    """A short LoRA run on the tiny base."""
    return TrainingRecipe(
        base=str(base_path), rate=1e-2, batch_tokens=512, pack_tokens=256, epochs=1, device="cpu"
    )


@pytest.fixture
def make_examples() -> Callable[..., list[Example]]:
    """Return a maker of random examples: count, seed, shortest, longest."""

    def make(count: int, seed: int = 0, shortest: int = 4, longest: int = 60) -> list[Example]:
        random = np.random.default_rng(seed)
        found = []
        for number in range(count):
            length = int(random.integers(shortest, longest + 1))
            labels = random.random(length) < 0.5
            labels[0], labels[-1] = False, True
            ids = random.integers(0, 384, length).astype(np.int32)
            row_id = number.to_bytes(16, "big")
            found.append(Example(row_id, "ab"[number % 2], 1.0, ids, labels))
        return found

    return make


def lines(count: int = 120, **changes: Any) -> list[drafts.Line]:
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


@pytest.fixture
def version(store: Store) -> Version:
    """A published version of 120 sums."""
    return store.publish("sums", drafts.make_draft(lines()))[0]


@pytest.fixture
def chat() -> Callable[..., dict[str, Any]]:
    """Return a maker of samples (columns of Version.samples) from (role, text) pairs or dicts."""

    def make(*turns: Any, shape: str = "chat", tools: str | None = None) -> dict[str, Any]:
        empty = dict.fromkeys(("role", "text", "reasoning", "tool_calls", "tool_call_id", "name"))
        full = [
            {**empty, **(turn if isinstance(turn, dict) else {"role": turn[0], "text": turn[1]})}
            for turn in turns
        ]
        return {
            "row_id": b"r" * 16,
            "slice": "s",
            "weight": None,
            "shape": shape,
            "tools": tools,
            "turns": full,
        }

    return make


def ids_of(frame: pl.DataFrame) -> list[str]:
    """Return the row ids of a frame as hex."""
    return [row_id.hex() for row_id in frame["row_id"]]
