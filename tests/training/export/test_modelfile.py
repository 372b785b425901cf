"""Modelfiles: the marks of plain templates in Go, and silence where a template is more than marks."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest

from tilth.training.export.modelfile import modelfile, turns_of
from tilth.training.rows.text import Renderer

CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Who {mends} it?"},
    {"role": "assistant", "content": "The desk."},
    {"role": "user", "content": "Where?"},
]
GEMMA = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "{% for m in messages %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
    "{{ m.content | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
DEFAULT_SYSTEM = (
    "{% if messages[0].role != 'system' %}<s>You are kind.</s>{% endif %}"
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
SYSTEM_IN_FIRST_TURN = (
    "{% for m in messages %}{% if m.role == 'user' %}[INST]{% if loop.index0 == 1 %}{{ messages[0].content }}\n"
    "{% endif %}{{ m.content }}[/INST]{% elif m.role == 'assistant' %}{{ m.content }}</s>{% endif %}{% endfor %}"
)
DATED = (
    "{{ strftime_now('%Y') }}{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}<assistant>"
)
EARLIER_TURNS_CUT = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content if loop.last or m.role == 'user' else '…' }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def go(template: str, messages: list[dict[str, str]]) -> str:
    """Run the part of Go's template language that is written here: range .Messages, if/else if eq .Role, .Content."""
    body = re.fullmatch(r"\{\{ range \.Messages \}\}(.*)\{\{ end \}\}\{\{ end \}\}(.*)", template, re.DOTALL)
    assert body
    heads = list(re.finditer(r'\{\{ (?:else )?if eq \.Role "(\w+)" \}\}', body[1]))
    ends = [*(head.start() for head in heads[1:]), len(body[1])]
    branches = {head[1]: body[1][head.end() : end] for head, end in zip(heads, ends)}
    said = [branches[m["role"]].replace("{{ .Content }}", m["content"]) for m in messages]
    return "".join(said) + body[2]


def written(template: str | None, tokenizer: Any) -> tuple[Renderer, str]:
    renderer = Renderer(tokenizer, max_tokens=99, template=template)
    return renderer, modelfile(renderer, ["FROM ./merged"], ["<|im_end|>"])


def test_chatml_is_written_as_go(tokenizer: Any) -> None:
    renderer, text = written(None, tokenizer)
    found = re.search(r'TEMPLATE """(.*)"""', text, re.DOTALL)
    assert found
    for messages in (CONVERSATION, CONVERSATION[1:], CONVERSATION[1:2]):
        assert go(found[1], messages) == renderer.template.text(messages, None, prompt=True)
    assert text.startswith("FROM ./merged\n")
    assert text.endswith('PARAMETER stop "<|im_end|>"\n')


def test_a_template_without_system_turns_has_none_in_go(tokenizer: Any) -> None:
    renderer, text = written(GEMMA, tokenizer)
    found = re.search(r'TEMPLATE """(.*)"""', text, re.DOTALL)
    assert found
    assert '"system"' not in found[1]
    messages = CONVERSATION[1:]
    assert go(found[1], messages) == renderer.template.text(messages, None, prompt=True)


@pytest.mark.parametrize("template", [DEFAULT_SYSTEM, SYSTEM_IN_FIRST_TURN, DATED, EARLIER_TURNS_CUT])
def test_what_is_more_than_marks_is_said_and_not_guessed(template: str, tokenizer: Any) -> None:
    renderer, text = written(template, tokenizer)
    assert turns_of(renderer) is None
    assert 'TEMPLATE "' not in text
    assert "a GGUF made from the merged weights carries it" in text


def test_the_token_that_begins_a_text_is_left_to_the_server(tokenizer: Any) -> None:
    started = type(tokenizer)(tokenizer_object=tokenizer.backend_tokenizer, bos_token="<|endoftext|>")
    renderer, text = written("{{ bos_token }}" + tokenizer.chat_template, started)
    turns = turns_of(renderer)
    assert turns is not None
    assert turns.start == "<|endoftext|>"
    assert "<|endoftext|>" not in text
    assert all(a != b for a, b in pairwise(turns.around))
