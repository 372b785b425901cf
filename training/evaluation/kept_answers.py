"""Answers of the untouched base, kept in the store's cache: a later run that asks the same does not wait for them.

A file is named by all that decides what is in it: the base, its arithmetic, the prompts as ids (template and worked
examples stand in them), what ends an answer, the libraries and the code that writes. It opens with the digest of the
rest; what is damaged or gone is asked anew. Losses on held-out rows are not kept: nothing of a single one is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tilth.shards.digest import canonical_json, file_sha256, sha256_hex
from tilth.shards.sealed import read_sealed, write_sealed
from tilth.training.evaluation import generation

OnTokens = Callable[[int], None] | None
Ask = Callable[[Any, Any, Sequence[Sequence[int]], int, OnTokens], list[str]]  # as `generation.generate`

KEPT_FILES = 64  # a task, its worked examples or the held-out prompts each take one


def keeping(folder: Path, base: Sequence[str]) -> Ask:
    """Return `generate` for the untouched base that `base` names, with what it answered before read from `folder`."""

    def ask(
        model: Any,
        tokenizer: Any,
        prompts: Sequence[Sequence[int]],
        max_new_tokens: int,
        on_tokens: OnTokens,
    ) -> list[str]:
        path = folder / f"{_key(base, model, tokenizer, prompts, max_new_tokens)[:32]}.answers"
        found = _read(path, len(prompts))
        if found is not None:
            path.touch()  # the oldest are removed first
            if on_tokens is not None:
                on_tokens(sum(len(p) + generation.WRITTEN_COST * max_new_tokens for p in prompts))
            return found
        answers = generation.generate(model, tokenizer, prompts, max_new_tokens, on_tokens)
        write_sealed(path, canonical_json(answers))
        for old in sorted(folder.glob("*.answers"), key=lambda file: -file.stat().st_mtime_ns)[KEPT_FILES:]:
            old.unlink(missing_ok=True)
        return answers

    return ask


def _key(
    base: Sequence[str], model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], max_new_tokens: int
) -> str:
    import torch
    import transformers

    code = file_sha256(Path(str(generation.__file__)))
    versions = [torch.__version__, transformers.__version__]
    asked = [[int(i) for i in prompt] for prompt in prompts]
    stops = generation.stop_ids(model, tokenizer)
    return sha256_hex(canonical_json([list(base), versions, code, stops, asked, max_new_tokens]))


def _read(path: Path, count: int) -> list[str] | None:
    """Return the answers of a file, None where it is no list of `count` texts that was written whole."""
    try:
        answers = json.loads(read_sealed(path))
    except (OSError, ValueError):
        return None
    whole = isinstance(answers, list) and len(answers) == count and all(isinstance(a, str) for a in answers)
    return answers if whole else None
