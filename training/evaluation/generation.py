"""Greedy answers in batches: what prompts begin with alike is computed once, and what has ended leaves its batch.

Prompts of one task share their system prompt and often their worked examples. Where every layer attends to all that
stands before, keys and values of such a beginning are computed once and handed to every prompt that goes on from it;
sliding windows, recurrent states and bases that ask for penalties are left to transformers' own `generate`.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any

import torch

BATCH_TOKENS = 16_384  # prompts and answers of one batch, padding included
MAX_BATCH_ROWS = 64
WRITTEN_COST = 3  # tokens read, for a token of an answer: they are written one after the other
MIN_SHARED_TOKENS, MIN_FAMILY = (
    16,
    4,
)  # a beginning is computed apart if it is longer and more prompts have it
NEEDED = {"attention_mask", "position_ids", "past_key_values", "logits_to_keep"}  # by the own loop
STEERING = (
    "repetition_penalty",
    "no_repeat_ngram_size",
    "bad_words_ids",
    "sequence_bias",
    "suppress_tokens",
    "begin_suppress_tokens",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "min_length",
    "min_new_tokens",
)  # of a generation config, that greedy answers follow as well

Prompt = tuple[int, ...]


def generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    on_tokens: Callable[[int], None] | None = None,
) -> list[str]:
    """Return the greedy answers to `prompts`, in order, special tokens left out.

    Equal prompts are answered once. on_tokens: told what the prompts that have been answered cost, as they are done:
    their length, and WRITTEN_COST times that of the longest answer.
    """
    stops = stop_ids(model, tokenizer)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else stops[0]
    asked = [tuple(prompt) for prompt in prompts]
    times = Counter(asked)
    written: dict[Prompt, list[int]] = {}
    was_training = model.training
    model.eval()
    with torch.no_grad():
        for batch, answers in _answered(model, sorted(set(asked)), stops, pad, max_new_tokens):
            written.update(zip(batch, answers))
            if on_tokens is not None:
                on_tokens(
                    sum(times[prompt] * (len(prompt) + WRITTEN_COST * max_new_tokens) for prompt in batch)
                )
    model.train(was_training)
    texts = {
        prompt: tokenizer.decode(ids, skip_special_tokens=True).strip() for prompt, ids in written.items()
    }
    return [texts[prompt] for prompt in asked]


def stop_ids(model: Any, tokenizer: Any) -> list[int]:
    """Return the ids that end an answer: the tokenizer's eos and those the base's generation config names."""
    named = getattr(model.generation_config, "eos_token_id", None)
    ids = [tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])]
    return sorted({i for i in ids if i is not None})


def families(prompts: Sequence[Prompt]) -> Iterator[tuple[int, list[Prompt]]]:
    """Yield groups of sorted, distinct prompts with the count of tokens that all of a group begin with.

    A group is split where at least MIN_FAMILY of its prompts share MIN_SHARED_TOKENS more. At least the last token
    of every prompt is its own.
    """
    waiting = [list(prompts)] if prompts else []
    while waiting:
        group = waiting.pop()
        shared = _shared(group)
        apart: dict[Prompt, list[Prompt]] = {}
        for prompt in group:
            apart.setdefault(prompt[shared : shared + MIN_SHARED_TOKENS], []).append(prompt)
        waiting += [part for part in apart.values() if len(part) >= MIN_FAMILY]
        if rest := [prompt for part in apart.values() if len(part) < MIN_FAMILY for prompt in part]:
            yield shared, rest


def batches(lengths: Sequence[int], new_tokens: int) -> Iterator[list[int]]:
    """Group rows of similar length so that a padded batch holds at most BATCH_TOKENS."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda r: (-lengths[r], r)):
        width = lengths[batch[0]] if batch else lengths[row]
        if batch and (len(batch) == MAX_BATCH_ROWS or (len(batch) + 1) * (width + new_tokens) > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _answered(
    model: Any, prompts: list[Prompt], stops: list[int], pad: int, count: int
) -> Iterator[tuple[list[Prompt], list[list[int]]]]:
    """Yield batch after batch with the ids of its answers, without what ends them."""
    if not _attends_to_all(model):
        for rows in batches([len(prompt) for prompt in prompts], count):
            batch = [prompts[row] for row in rows]
            yield batch, _by_transformers(model, batch, stops, pad, count)
        return
    for shared, group in families(prompts):
        begun = _begun(model, group[0][:shared])
        for rows in batches([len(prompt) for prompt in group], count):
            batch = [group[row] for row in rows]
            yield batch, _greedy(model, begun, shared, batch, stops, pad, count)


def _shared(group: list[Prompt]) -> int:
    """Return how many tokens the first and the last of sorted prompts begin with alike, and so all between."""
    most = min(map(len, group)) - 1
    return next((i for i, (a, b) in enumerate(zip(group[0][:most], group[-1][:most])) if a != b), most)


def _attends_to_all(model: Any) -> bool:
    """Whether each layer keeps keys and values of every token, and the base asks for nothing but the likeliest."""
    from transformers import DynamicCache, GenerationConfig
    from transformers.cache_utils import DynamicLayer

    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    wanted, nothing = core.generation_config, GenerationConfig()
    if any(getattr(wanted, key, None) not in (None, getattr(nothing, key, None)) for key in STEERING):
        return False
    if not inspect.signature(type(core).forward).parameters.keys() >= NEEDED:
        return False
    layers = DynamicCache(config=core.config).layers
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)


def _begun(model: Any, ids: Prompt) -> Any:
    """Return keys and values of a beginning."""
    from transformers import DynamicCache

    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    cache = DynamicCache(config=core.config)
    if ids:
        at = torch.tensor([ids], device=model.device)
        model(input_ids=at, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return cache


def _greedy(
    model: Any, begun: Any, shared: int, batch: list[Prompt], stops: list[int], pad: int, count: int
) -> list[list[int]]:
    """Return the ids of greedy answers to prompts whose first `shared` tokens are in the cache `begun`."""
    cache = deepcopy(begun)
    cache.batch_repeat_interleave(len(batch))
    ids, mask = _padded([prompt[shared:] for prompt in batch], pad, model.device)
    mask = torch.cat([mask.new_ones(len(batch), shared), mask], 1)
    places = (mask.cumsum(1) - 1).clamp(min=0)[:, shared:]
    answers: list[list[int]] = [[] for _ in batch]
    rows = list(range(len(batch)))
    for _ in range(count):
        out = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=places,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        ids = out.logits[:, -1].argmax(-1)
        going = [i for i, token in enumerate(ids.tolist()) if token not in stops]
        if len(going) < len(rows):
            kept = torch.tensor(going, dtype=torch.int64, device=ids.device)
            rows, ids, mask, places = [rows[i] for i in going], ids[kept], mask[kept], places[kept]
            if not rows:
                break
            cache.batch_select_indices(kept)
        for row, token in zip(rows, ids.tolist()):
            answers[row].append(token)
        ids, places = ids[:, None], places[:, -1:] + 1
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], 1)
    return answers


def _by_transformers(
    model: Any, batch: list[Prompt], stops: list[int], pad: int, count: int
) -> list[list[int]]:
    """Return the ids of greedy answers as transformers writes them."""
    from transformers import GenerationConfig

    config = GenerationConfig(
        do_sample=False, max_new_tokens=count, eos_token_id=stops, pad_token_id=pad, use_cache=True
    )
    ids, mask = _padded(batch, pad, model.device)
    written = model.generate(input_ids=ids, attention_mask=mask, generation_config=config)
    return [_until_stop(row, stops) for row in written[:, ids.shape[1] :].tolist()]


def _padded(prompts: Sequence[Prompt], pad: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and mask (prompts, longest), padded on the left."""
    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), pad, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for i, prompt in enumerate(prompts):
        ids[i, width - len(prompt) :] = torch.tensor(prompt)
        mask[i, width - len(prompt) :] = 1
    return ids.to(device), mask.to(device)


def _until_stop(ids: Iterable[int], stops: list[int]) -> list[int]:
    ids = list(ids)
    end = next((i for i, token in enumerate(ids) if token in stops), len(ids))
    return ids[:end]
