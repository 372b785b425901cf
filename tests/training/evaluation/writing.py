"""A tokenizer of words with a template, and greedy decoding in its plainest form."""

from __future__ import annotations

from typing import Any

import torch

WORDS = ["<pad>", "</s>", "<user>", "<bot>", *(f"w{i}" for i in range(60))]
TEMPLATE = (
    "{% for m in messages %}{{ '<user>' if m.role == 'user' else '<bot>' }} {{ m.content }}"
    "{% if m.role == 'assistant' %} </s>{% endif %} {% endfor %}"
    "{% if add_generation_prompt %}<bot>{% endif %}"
)


def word_tokenizer() -> Any:
    """Return a tokenizer of 64 words that knows how a conversation is written."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<pad>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="</s>", pad_token="<pad>")
    made.chat_template = TEMPLATE
    return made


def alone(model: Any, prompt: list[int], count: int) -> list[int]:
    """Decode greedily without batch, padding or cache."""
    ids = list(prompt)
    model.eval()
    with torch.no_grad():
        for _ in range(count):
            ids.append(int(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
            if ids[-1] == 1:
                break
    return ids[len(prompt) :]
