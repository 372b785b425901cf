"""Fixtures around the tiny model; see tests/tiny.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from tests import tiny
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.recipe import TrainingRecipe
from tilth.training.rows.text import Example


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests share their machine: a second thread costs more in waiting than it computes."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer of the tiny model."""
    return tiny.make_tokenizer()


@pytest.fixture(scope="session")
def base_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny model."""
    return tiny.save_base(tmp_path_factory.mktemp("models") / "base")


@pytest.fixture
def recipe(base_path: Path) -> TrainingRecipe:
    """A short LoRA run on the tiny model."""
    return tiny.make_recipe(base_path)


@pytest.fixture
def version(store: Store) -> Version:
    """A published version of 120 sums."""
    return tiny.make_version(store)


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
            ids = random.integers(0, tiny.VOCABULARY, length).astype(np.int32)
            found.append(Example(number.to_bytes(16, "big"), "ab"[number % 2], 1.0, ids, labels))
        return found

    return make


@pytest.fixture
def chat() -> Callable[..., dict[str, Any]]:
    """Return a maker of samples (columns of Version.samples) from (role, text) pairs or dicts of turns."""

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
