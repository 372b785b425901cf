"""Makes the demo base: `python -m tilth.data.making.pretrain` fits the tokenizer and pre-trains a small Llama.

It reads documents of the base domain and generic conversations, never a task row; only the tokenizer has
seen the wording of tasks. Own simple loop, fp32, seeded: packed windows, AdamW, cosine schedule.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from tilth.data.making.documents import documents, recitation
from tilth.data.making.induction import seed_induction
from tilth.data.making.lexicon import LANGUAGES
from tilth.data.making.small_talk import conversations
from tilth.data.making.tasks import SLICES, make_row
from tilth.data.making.tokenizer import CONTEXT, END, train_tokenizer
from tilth.data.making.words import Words
from tilth.data.making.world import HERE, rng

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

TOKENIZER_DOCUMENTS, TOKENIZER_ROWS_EACH = 4_000, 100
CHATS_PER_DOCUMENT = 1.5
LAYERS, WIDTH, HEADS, INNER = 4, 128, 4, 384
RECITED = ((0.0, 0.08, 0.4, 1.0), (1.0, 1.0, 0.2, 0.1))  # share of recitations over the run
PAIRS = 64  # of a recitation; more than fill a window
EMBEDDING_STD = 0.08  # about 1 / sqrt(WIDTH): an embedding has norm one
WINDOW, WINDOWS_PER_STEP, STEPS = 128, 16, 2_500
RATE, WARMUP_STEPS, WEIGHT_DECAY, CLIP_NORM = 1.2e-3, 50, 0.05, 1.0


def tokenizer_texts() -> list[str]:
    """Return what the tokenizer is fitted on: base documents and, for their words, rows of every slice."""
    draw = rng("tokenizer")
    texts = documents(draw, TOKENIZER_DOCUMENTS)
    for name in SLICES:
        for lang in LANGUAGES:
            for _ in range(TOKENIZER_ROWS_EACH):
                row = make_row(draw, name, lang)
                texts += [row.instruction or "", *(f" {_written(turn)}" for turn in row.turns)]
    return texts


def _written(turn: dict[str, Any]) -> str:
    calls = [json.dumps(call["function"], ensure_ascii=False) for call in turn.get("tool_calls", ())]
    return " ".join([turn["content"] or "", *calls]).replace("\\", "")


def windows(tokenizer: Any, count: int) -> np.ndarray:
    """Return `count` windows of token ids, int64 (count, WINDOW): recitations first, then ever more text."""
    draw = rng("pre-training")
    share = np.interp(np.arange(count) / count, *RECITED)
    is_recited = np.array([draw.random() for _ in range(count)]) < share
    data = np.empty((count, WINDOW), np.int64)
    data[~is_recited] = _text_windows(tokenizer, draw, count - int(is_recited.sum()))
    lists = [" " + recitation(Words(draw, draw.choice(LANGUAGES)), PAIRS) for _ in range(is_recited.sum())]
    data[is_recited] = [ids[:WINDOW] for ids in tokenizer(lists, add_special_tokens=False)["input_ids"]]
    return data


def _text_windows(tokenizer: Any, draw: Random, count: int) -> np.ndarray:
    """Return windows over documents and conversations, each of which ends with the stop token."""
    ids: list[int] = []
    while len(ids) < count * WINDOW:
        texts = [text + END for text in documents(draw, 1000)]
        texts += [
            tokenizer.apply_chat_template(talk["messages"], tools=talk.get("tools"), tokenize=False)
            for talk in conversations(draw, int(1000 * CHATS_PER_DOCUMENT))
        ]
        draw.shuffle(texts)
        for encoded in tokenizer(texts, add_special_tokens=False)["input_ids"]:
            ids += encoded
    return np.asarray(ids[: count * WINDOW], np.int64).reshape(count, WINDOW)


def new_model(tokenizer: Any, seed: int) -> LlamaForCausalLM:
    """Return an untrained Llama with tied embeddings and a seeded induction circuit."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        initializer_range=EMBEDDING_STD,
        rms_norm_eps=1e-5,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    seed_induction(model, torch.Generator().manual_seed(seed))
    return model


def rate_at(step: int, steps: int) -> float:
    """Return the learning rate: linear warm-up, then a cosine to a twentieth."""
    if step < WARMUP_STEPS:
        return RATE * (step + 1) / WARMUP_STEPS
    done = (step - WARMUP_STEPS) / max(1, steps - WARMUP_STEPS)
    return RATE * (0.05 + 0.95 * 0.5 * (1 + float(np.cos(np.pi * done))))


def pretrain(model: LlamaForCausalLM, data: np.ndarray, steps: int, max_seconds: float) -> dict[str, float]:
    """Train on the windows of `data` in order; stops after `max_seconds`. Returns figures for the card."""
    import torch
    from torch.nn.functional import cross_entropy

    optimizer = torch.optim.AdamW(
        model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY, eps=1e-9
    )
    inputs = torch.from_numpy(data)
    start, losses, step = time.monotonic(), [], 0
    model.train()
    for step in range(steps):
        batch = inputs[step * WINDOWS_PER_STEP : (step + 1) * WINDOWS_PER_STEP]
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, steps)
        logits = model(input_ids=batch, use_cache=False).logits
        loss = cross_entropy(logits[:, :-1].flatten(0, 1), batch[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
        seconds = time.monotonic() - start
        if step % 100 == 99 or step + 1 == steps:
            tokens = (step + 1) * WINDOWS_PER_STEP * WINDOW
            print(
                f"step {step + 1} loss {np.mean(losses[-50:]):.3f} tokens/s {tokens / seconds:,.0f}",
                flush=True,
            )
        if seconds > max_seconds:
            raise SystemExit(
                f"pre-training took more than {max_seconds:,.0f} s at step {step + 1}; nothing saved"
            )
    tokens = steps * WINDOWS_PER_STEP * WINDOW
    return {"loss": float(np.mean(losses[-50:])), "tokens": tokens, "seconds": time.monotonic() - start}


def main() -> None:
    """Fit the tokenizer, pre-train, and save the base in bfloat16."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "base")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--max-seconds", type=float, default=1200.0)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    tokenizer = train_tokenizer(tokenizer_texts())
    data = windows(tokenizer, arguments.steps * WINDOWS_PER_STEP)
    model = new_model(tokenizer, arguments.seed)
    figures = pretrain(model, data, arguments.steps, arguments.max_seconds)
    model.bfloat16().save_pretrained(arguments.out)
    tokenizer.save_pretrained(arguments.out)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{parameters:,} parameters, {figures['tokens']:,} tokens, loss {figures['loss']:.3f} nat/token")


if __name__ == "__main__":
    main()
