"""Makes the small bases that base choice is measured on: `python -m benchmarks.inputs.small_bases` (.bases/).

Eight Llamas that differ in what they read, how much of it, and how wide they are; one has a tokenizer of its
own. None has seen a row of the task. Each takes at most a minute of a processor.
"""

from __future__ import annotations

import argparse
import contextlib
import pkgutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from benchmarks.tools.record import ROOT

FOLDER = ROOT / ".bases"
WINDOW, WINDOWS_PER_STEP, LAYERS, HEADS = 128, 16, 4, 4
MAX_SECONDS = 900.0
MODULES = ("argparse", "asyncio", "collections", "concurrent", "csv", "datetime", "decimal", "difflib", "email",
           "fractions", "functools", "heapq", "html", "http", "inspect", "ipaddress", "itertools", "json", "logging",
           "mailbox", "math", "multiprocessing", "optparse", "os", "pathlib", "pickle", "random", "re", "shutil",
           "smtplib", "socket", "sqlite3", "statistics", "string", "subprocess", "tarfile", "tempfile", "textwrap",
           "threading", "turtle", "typing", "unittest", "urllib", "uuid", "xml", "zipfile")  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """One base: what it reads, in how many steps of 2,048 tokens, and its width."""

    name: str
    reads: str
    steps: int
    width: int = 128
    own_tokenizer: bool = False


KINDS = (
    Kind("town-long", "town", 180),
    Kind("town-short", "town", 60),
    Kind("town-narrow", "town", 180, width=64),
    Kind("town-wide", "town", 100, width=192),
    Kind("documents", "documents", 140),
    Kind("english", "english", 140),
    Kind("shuffled", "shuffled", 140),
    Kind("python", "python", 140, own_tokenizer=True),
)


def make(kinds: tuple[Kind, ...] = KINDS) -> list[Path]:
    """Return the folders of the bases, making those that are not there yet."""
    return [FOLDER / kind.name if (FOLDER / kind.name).exists() else _make(kind) for kind in kinds]


def _make(kind: Kind) -> Path:
    from transformers import PreTrainedTokenizerFast

    from tilth.data.making.pretrain import pretrain
    from tilth.data.making.tokenizer import train_tokenizer

    started = time.process_time()
    draw = Random(f"small base {kind.name}")
    shared = ROOT / "data" / "base"
    tokenizer: Any = (
        train_tokenizer(_python(draw, 0))
        if kind.own_tokenizer
        else PreTrainedTokenizerFast.from_pretrained(shared)
    )
    model = _model(tokenizer, kind.width)
    data = _windows(tokenizer, kind, draw)
    pretrain(model, data, kind.steps, MAX_SECONDS)
    partial = FOLDER / f".{kind.name}"
    model.bfloat16().save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    partial.rename(FOLDER / kind.name)
    print(f"{kind.name}: {time.process_time() - started:.0f} CPU seconds", flush=True)
    return FOLDER / kind.name


def _model(tokenizer: Any, width: int) -> Any:
    """Return an untrained Llama with a seeded induction circuit, as the demo base starts."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from tilth.data.making.induction import seed_induction

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=width**-0.5,
        rms_norm_eps=1e-5,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    seed_induction(model, torch.Generator().manual_seed(0))
    return model


def _windows(tokenizer: Any, kind: Kind, draw: Random) -> np.ndarray:
    count = kind.steps * WINDOWS_PER_STEP
    texts: Callable[[Random, Any], list[str]] = READS[kind.reads]
    ids: list[int] = []
    while len(ids) < count * WINDOW:
        for encoded in tokenizer(texts(draw, tokenizer), add_special_tokens=False)["input_ids"]:
            ids += encoded
    return np.asarray(ids[: count * WINDOW], np.int64).reshape(count, WINDOW)


def _town(draw: Random, tokenizer: Any) -> list[str]:
    """Documents and small talk of the town, in four languages."""
    from tilth.data.making.small_talk import conversations

    texts = _documents(draw, tokenizer) + [
        tokenizer.apply_chat_template(talk["messages"], tools=talk.get("tools"), tokenize=False)
        for talk in conversations(draw, 750)
    ]
    draw.shuffle(texts)
    return texts


def _documents(draw: Random, tokenizer: Any) -> list[str]:
    """Documents of the town, no conversation."""
    from tilth.data.making.documents import documents

    return [text + tokenizer.eos_token for text in documents(draw, 500)]


def _english(draw: Random, tokenizer: Any) -> list[str]:
    """Documents of the town in one language."""
    from tilth.data.making.documents import document
    from tilth.data.making.words import Words

    return [document(Words(draw, "en")) + tokenizer.eos_token for _ in range(500)]


def _shuffled(draw: Random, tokenizer: Any) -> list[str]:
    """Documents of the town with their words out of order."""
    texts = []
    for text in _documents(draw, tokenizer):
        words = text.removesuffix(tokenizer.eos_token).split()
        texts.append(" ".join(draw.sample(words, len(words))) + tokenizer.eos_token)
    return texts


def _python(draw: Random, tokenizer: Any) -> list[str]:
    """Documentation of the standard library: another domain."""
    end = tokenizer.eos_token if tokenizer else ""
    found = sorted({text for name in MODULES for text in _docstrings(name)})
    draw.shuffle(found)
    return [text + end for text in found]


def _docstrings(name: str) -> list[str]:
    package = import_module(name)
    names = [name, *(f"{name}.{m.name}" for m in pkgutil.iter_modules(getattr(package, "__path__", [])))]
    modules = [sys.modules[n] for n in names if n in sys.modules]
    values = [value for module in modules for value in vars(module).values()]
    values += [member for value in values if isinstance(value, type) for member in vars(value).values()]
    texts = []
    for value in [*modules, *values]:
        with contextlib.suppress(Exception):
            if isinstance(value.__doc__, str) and len(value.__doc__) > 80:
                texts.append(value.__doc__)
    return texts


READS = {
    "town": _town,
    "documents": _documents,
    "english": _english,
    "shuffled": _shuffled,
    "python": _python,
}


def main() -> None:
    """Make the bases that are missing."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    torch.set_num_threads(parser.parse_args().threads)
    FOLDER.mkdir(exist_ok=True)
    for path in make():
        print(path)


if __name__ == "__main__":
    main()
