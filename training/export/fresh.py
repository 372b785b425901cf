"""The saved files in a process of their own: what a server would load, without anything this run still holds."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tilth.shards.errors import TrainingError
from tilth.training.evaluation.evaluate import LoadedTask
from tilth.training.evaluation.generation import generate
from tilth.training.model.base import load_model, load_tokenizer
from tilth.training.model.lora import load_adapter
from tilth.training.rows.text import Renderer

ROWS, LAST_TOKENS = 4, 8
NEW_TOKENS = 16
MAX_APART = 1e-2  # nat per token: files that lost a row of weights are far above, rounding is far below
MAX_SECONDS = 1800


@dataclass(frozen=True)
class Reread:
    """What a fresh process made of the files: distance from the model in memory, and an answer."""

    kl: float
    answer: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"kl": self.kl, "answer": self.answer, "rows": ROWS}


def reread(model: Any, folder: Path, base: Path | None, prompts: LoadedTask, max_tokens: int) -> Reread:
    """Load `folder` (onto `base`, if it is an adapter) in a fresh process and compare it with the model in memory.

    The other process renders the prompts with the template and tokenizer that were saved: the ids must be equal, the
    distributions over next tokens MAX_APART at most. Raises TrainingError otherwise.
    """
    asked = prompts.questions[:ROWS]
    rows = [question.prompt_ids for question in asked]
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "logits.npy"
        said = _run(
            {
                "folder": str(folder),
                "base": str(base) if base else None,
                "dtype": str(getattr(model, "dtype", torch.float32)).removeprefix("torch."),
                "questions": [[q.item.messages, q.item.tools] for q in asked],
                "max_tokens": max_tokens,
                "rows": rows,
                "out": str(out),
            },
            folder,
        )
        theirs = torch.from_numpy(np.load(out))
    if said["ids"] != rows:
        raise _differs(folder, "its tokenizer and template make other tokens of the same prompts")
    ours = last_logits(model, rows).log_softmax(-1)
    theirs = theirs.log_softmax(-1)
    if ours.shape != theirs.shape:
        raise _differs(folder, f"it knows {theirs.shape[-1]:,} tokens, the trained model {ours.shape[-1]:,}")
    kl = float((ours.exp() * (ours - theirs)).sum(-1).mean()) if rows else 0.0
    if not kl <= MAX_APART:
        raise _differs(folder, f"it is {kl:.2g} nat per token from the trained model")
    return Reread(round(kl, 9), said["answer"])


@torch.no_grad()
def last_logits(model: Any, rows: list[list[int]]) -> torch.Tensor:
    """Return the logits of the last LAST_TOKENS places of each row, one after another: (places, vocabulary)."""
    was_training = model.training
    model.eval()
    found = [
        model(input_ids=torch.tensor([row], device=model.device), use_cache=False).logits[0, -LAST_TOKENS:]
        for row in rows
    ]
    model.train(was_training)
    return torch.cat(found).float().cpu() if found else torch.zeros(0, 1)


def _run(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tilth.training.export.fresh"]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=MAX_SECONDS,
            check=False,
        )
        if done.returncode == 0:
            said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
            return said
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:200]
    except subprocess.TimeoutExpired:
        last = f"not done after {MAX_SECONDS} s"
    raise _differs(folder, f"a fresh process cannot load it ({last})")


def _differs(folder: Path, what: str) -> TrainingError:
    return TrainingError(
        str(folder),
        what,
        "Serving would not be what was measured",
        "Run it again; if it happens twice, report it with the name of the base",
    )


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Answer one request: load, render, compute, write a little."""
    folder, base = Path(request["folder"]), request["base"]
    tokenizer = load_tokenizer(folder)
    model = load_model(Path(base) if base else folder, dtype=getattr(torch, request["dtype"]))
    if base:
        model = load_adapter(model, folder)
    renderer = Renderer(tokenizer, max_tokens=request["max_tokens"])
    ids = [renderer.prompt_ids(messages, tools) for messages, tools in request["questions"]]
    np.save(request["out"], last_logits(model, request["rows"]).numpy())
    (written,) = generate(model, tokenizer, ids[:1], NEW_TOKENS) or [""]
    return {"ids": ids, "answer": written}


if __name__ == "__main__":
    print(json.dumps(answer(json.load(sys.stdin))))
