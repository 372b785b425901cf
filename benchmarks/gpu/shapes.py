"""Shapes of well-known models with random weights, rows to train them on, and what a token costs in arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tilth.training.rows.text import Example

# Dense bf16 products a second as NVIDIA's data sheets give them, by a part of the card's name.
TERAFLOPS = {
    "B200": 2250.0,
    "H200": 989.4,
    "H100": 989.4,
    "A100": 312.0,
    "L40S": 362.0,
    "L4": 121.0,
    "A10": 125.0,
}


@dataclass(frozen=True)
class Shape:
    """A Llama: width, inner width, layers, heads, heads of keys, vocabulary. rows: lengths that are drawn, tokens."""

    name: str
    width: int
    inner: int
    layers: int
    heads: int
    key_heads: int
    vocabulary: int
    tied: bool
    rows: tuple[int, int] = (256, 2048)
    pack_tokens: int = 8192

    def config(self) -> Any:
        """Return the configuration as transformers takes it."""
        from transformers import LlamaConfig

        return LlamaConfig(
            hidden_size=self.width,
            intermediate_size=self.inner,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.key_heads,
            vocab_size=self.vocabulary,
            tie_word_embeddings=self.tied,
            max_position_embeddings=4096,
        )

    def examples(self, count: int) -> list[Example]:
        """Return random rows, of each of which the second half is learned."""
        random = np.random.default_rng(0)
        found = []
        for number in range(count):
            length = int(random.integers(self.rows[0], self.rows[1] + 1))
            ids = random.integers(0, self.vocabulary, length).astype(np.int32)
            is_label = np.arange(length) >= length // 2
            found.append(Example(number.to_bytes(16, "big"), "", 1.0, ids, is_label))
        return found

    def flop_per_token(self, examples: list[Example], forwards: float) -> float:
        """Return the arithmetic of a trained token: products of layers and output, and attention.

        forwards: what training costs in forward passes, 3 where all weights learn and 2 where only adapters do (the
        products that give the gradients of frozen weights are not made). Attention always costs 3: its way back
        takes twice its way forward. The output is computed where something is learned. Recomputed layers count once.
        """
        lengths = np.array([len(e.input_ids) for e in examples], dtype=np.float64)
        labels = sum(int(e.is_label.sum()) for e in examples) / lengths.sum()
        keys = self.width // self.heads * self.key_heads
        layer = 2 * self.width**2 + 2 * self.width * keys + 3 * self.width * self.inner
        products = 2 * (self.layers * layer + labels * self.width * self.vocabulary)
        seen = float((lengths**2).sum() / lengths.sum())  # of a token's row; causal: half of it
        return forwards * products + 3 * 2 * self.layers * self.width * seen


SHAPES = (
    Shape("0.5B", 896, 4864, 24, 14, 2, 151_936, True),  # Qwen2.5-0.5B
    Shape("1.5B", 1536, 8960, 28, 12, 2, 151_936, True),  # Qwen2.5-1.5B
    Shape("8B", 4096, 14_336, 32, 32, 8, 128_256, False),  # Llama 3.1 8B
)
DRY = (Shape("tiny", 32, 64, 4, 4, 2, 512, True, (16, 64), 256),)


def random_model(folder: Path, dtype: torch.dtype, device: torch.device) -> Any:
    """Return a model with random weights of the configuration in a folder, made where it will compute."""
    from transformers import AutoModelForCausalLM

    from tilth.training.model.base import load_config

    torch.manual_seed(0)
    with device:
        return AutoModelForCausalLM.from_config(load_config(folder), dtype=dtype)


def peak_teraflops(device: torch.device) -> tuple[float, str]:
    """Return the bf16 products a second that the card can make, and where that figure comes from."""
    name = torch.cuda.get_device_name(device)
    for part, figure in TERAFLOPS.items():
        if part in name:
            return figure, "data sheet, dense bf16"
    return _measured_teraflops(device), "measured on products of 8192 by 8192"


def _measured_teraflops(device: torch.device, size: int = 8192, rounds: int = 20) -> float:
    import time

    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(rounds):
        a @ b
    torch.cuda.synchronize()
    return 2 * size**3 * rounds / (time.perf_counter() - started) / 1e12
