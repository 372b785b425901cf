"""The rows of a world: a part of a real task, split off, with wrong answers planted whose truth only judging reads."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.proof.registered import CONFUSED, HELD_OUT, ROWS, World
from tilth.training.rows.text import Example


@dataclass(frozen=True)
class Rows:
    """Rows to train on and held-out rows: texts, and answers as codes into `names`."""

    names: list[str]
    texts: list[str]
    truth: np.ndarray
    stands: np.ndarray
    held_texts: list[str]
    held_answers: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        """Which rows carry a wrong answer, bool (rows,)."""
        found: np.ndarray = self.stands != self.truth
        return found


def read(world: World, seed: int, folder: Path) -> Rows:
    """Return the rows of a world under a seed. folder: holds TASK_train.jsonl.zst with text and label a line."""
    lines = lines_of(folder / f"{world.task}_train.jsonl.zst")
    count, kinds = ROWS[world.task]
    rng = np.random.default_rng([seed, 14])
    chosen = sorted(
        np.random.default_rng(14).permutation(sorted({line["label"] for line in lines}))[:kinds].tolist()
    )
    code = {name: i for i, name in enumerate(chosen)}
    mine = [line for line in lines if line["label"] in code]
    order = np.random.default_rng(15).permutation(len(mine))[
        : count + HELD_OUT
    ]  # the same rows under every seed
    texts = [mine[i]["text"] for i in order]
    answers = np.array([code[mine[i]["label"]] for i in order])
    truth, held = answers[:count], answers[count:]
    stands = truth.copy()
    noisy = rng.permutation(count)[: round(world.share * count)]
    if world.kind == "random":
        stands[noisy] = (truth[noisy] + rng.integers(1, kinds, len(noisy))) % kinds
    elif world.kind == "confusable":
        near = _nearest(texts[:count], truth, kinds)
        stands[noisy] = near[noisy, rng.integers(0, CONFUSED, len(noisy))]
    names = [name.replace("_", " ").replace("?", "").strip().lower() for name in chosen]
    return Rows(names, texts[:count], truth, stands, texts[count:], held)


def example_of(tokenizer: Any, text: str, answer: str) -> Example:
    """Return a row under the short template: the text, a line end, the answer."""
    prompt = tokenizer(f"{text}\n", add_special_tokens=False)["input_ids"]
    learned = tokenizer(f"{answer}{tokenizer.eos_token}", add_special_tokens=False)["input_ids"]
    ids = np.array(prompt + learned, dtype=np.int32)
    is_label = np.arange(len(ids)) >= len(prompt)
    row_id = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return Example(row_id, "task", 1.0, ids, is_label)


def lines_of(path: Path) -> list[dict[str, str]]:
    import zstandard

    with path.open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file).read().decode("utf-8")
    seen: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        row = json.loads(line)
        seen.setdefault(row["text"], row)
    return list(seen.values())


def _nearest(texts: list[str], truth: np.ndarray, kinds: int) -> np.ndarray:
    """Return for each row the CONFUSED other intents that its words are nearest to: (rows, CONFUSED).

    By TF-IDF of words and their mean a kind: other evidence than any detector here reads.
    """
    words: dict[str, int] = {}
    rows = [sorted({words.setdefault(word, len(words)) for word in text.lower().split()}) for text in texts]
    matrix = np.zeros((len(texts), len(words)))
    for row, columns in enumerate(rows):
        matrix[row, columns] = 1.0
    matrix *= np.log((len(texts) + 1) / (matrix.sum(0) + 1))
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    centres = np.stack([matrix[truth == kind].mean(0) for kind in range(kinds)])
    alike = matrix @ centres.T
    alike[np.arange(len(texts)), truth] = -np.inf
    return np.argsort(-alike, axis=1)[:, :CONFUSED]
