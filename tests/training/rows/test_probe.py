"""What a template shows, in context and as target, found out with marks."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.tiny import make_tokenizer
from tilth.training.rows.probe import DISPENSABLE, Marked, Part, Probe, Traits, traits_of
from tilth.training.rows.template import ChatTemplate, Unrenderable
from tilth.training.rows.text import Renderer

TEMPLATES = {path.stem: path.read_text() for path in (Path(__file__).parent / "templates").glob("*.jinja")}
STOPS = ["<|eot_id|>", "<end_of_turn>", "</s>"]
PLAIN: dict[str, Any] = {
    "system": "",
    "tools": 0,
    "bare_tools": False,
    "exchanges": 1,
    "calls": 0,
    "speaks_beside_calls": False,
    "results": False,
    "reasoning": False,
    "ends_in_call": False,
}
CALLS = {"tools": 1, "calls": 1, "results": True}
ALL = {**CALLS, "system": "system", "tools": 2, "calls": 2, "exchanges": 2, "reasoning": True}


def template(source: str, **how: str) -> ChatTemplate:
    tokenizer = make_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": STOPS})
    tokenizer.bos_token = "<|endoftext|>"
    return ChatTemplate(tokenizer, source, **how)


def hidden(source: str, **traits: Any) -> set[Part]:
    return set(Marked(Traits(**{**PLAIN, **traits})).hidden_by(template(source)))


@pytest.mark.parametrize(
    ("name", "traits", "expected"),
    [
        ("chatml", {"system": "system", "exchanges": 2}, set()),
        ("chatml", {"tools": 1}, {Part.TOOLS, Part.DETAILS}),
        ("chatml", {"reasoning": True}, {Part.REASONING}),
        ("headers", {"system": "system", **CALLS}, set()),
        ("headers", {**CALLS, "ends_in_call": True, "bare_tools": True}, set()),
        ("instructions", {"system": "system", "exchanges": 2}, set()),
        ("instructions", {"system": "system", **CALLS, "calls": 2}, set()),
        ("thinks", ALL, {Part.EARLIER_REASONING}),
        ("thinks", {**CALLS, "exchanges": 2, "speaks_beside_calls": True}, set()),
        ("rewrites", ALL, {Part.EARLIER_REASONING}),
        ("bars", {"system": "system", "exchanges": 2, "reasoning": True}, {Part.EARLIER_REASONING}),
        ("bars", CALLS, {Part.TOOLS, Part.DETAILS}),
        ("bars", {"calls": 2, "results": True}, set()),
        ("plain", {"system": "system", "exchanges": 2}, set()),
    ],
)
def test_families_show_what_they_are_known_to_show(
    name: str, traits: dict[str, Any], expected: set[Part]
) -> None:
    assert hidden(TEMPLATES[name], **traits) == expected


@pytest.mark.parametrize(
    ("name", "traits", "words"),
    [
        (
            "headers",
            {**CALLS, "calls": 2},
            "the template refuses: This model only supports single tool-calls at once!",
        ),
        ("headers", {**CALLS, "speaks_beside_calls": True}, "does not show the answer"),
        ("turns", {"system": "system"}, "the template refuses: System role not supported"),
        ("turns", CALLS, "the template does not write tool calls"),
        ("chatml", CALLS, "the template does not write tool calls"),
    ],
)
def test_families_refuse_what_they_are_known_to_refuse(name: str, traits: dict[str, Any], words: str) -> None:
    with pytest.raises(Unrenderable, match=words):
        Marked(Traits(**{**PLAIN, **traits})).hidden_by(template(TEMPLATES[name]))


BASE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.mark.parametrize(
    ("find", "put", "traits", "expected"),
    [
        ("in messages %}", "in messages if m.role != 'system' %}", {"system": "system"}, Part.SYSTEM),
        ("in messages %}", "in messages if m.role != 'tool' %}", {"calls": 1, "results": True}, Part.RESULTS),
        ("{{ m.content }}", "{{ m.content if not loop.first else '' }}", {"exchanges": 2}, Part.USER),
        ("{{ m.content }}", "{{ m.content if m.role != 'system' or not tools }}", {"system": "system", "tools": 1},
         Part.SYSTEM),
        ("{{ m.content }}", "{{ m.content if loop.last or m.role == 'user' else '' }}", {"exchanges": 2}, Part.ANSWERS),
        ("{{ c.function | tojson }}", '{{ c.function.name }}({{ c.function.arguments | join(",") }})', {"calls": 1},
         Part.ARGUMENTS),
        ("{{ m.content }}", "{{ m.content }}{{ messages[0].content if m.role == 'assistant' }}", {}, Part.LEAK),
    ],
)  # fmt: skip
def test_each_part_that_is_passed_over_is_found(find: str, put: str, traits: Any, expected: Part) -> None:
    assert expected not in hidden(BASE, **traits)
    assert find in BASE
    assert expected in hidden(BASE.replace(find, put), **traits)


@pytest.mark.parametrize(
    ("put", "words"),
    [
        ("", "does not write tool calls"),
        ("{{ m.tool_calls[0].function | tojson if loop.first }}", "does not write tool calls"),
        ("{{ c.function.name }}", "does not write arguments of tool calls"),
    ],
)
def test_a_row_whose_call_is_not_written_is_left_out(chat, put: str, words: str) -> None:
    calls = json.dumps([{"id": "1", "name": name, "arguments": {"port": 7}} for name in ("tide", "wind")])
    row = chat(("user", "when?"), {"role": "assistant", "text": None, "tool_calls": calls})
    source = BASE.replace("{{ c.function | tojson }}", put)
    rendered = Renderer(make_tokenizer(), max_tokens=256, template=source).render_all([row])
    assert words in rendered.skipped[row["row_id"]]
    assert Renderer(make_tokenizer(), max_tokens=256, template=BASE).render_all([row]).examples


def test_names_that_json_writes_otherwise_are_found(chat) -> None:
    calls = json.dumps([{"id": "1", "name": "tide", "arguments": {'a "port"': 7, "größe": 1}}])
    row = chat(("user", "when?"), {"role": "assistant", "text": None, "tool_calls": calls})
    for source in (BASE, BASE.replace("tojson", "tojson(ensure_ascii=True)")):
        assert Renderer(make_tokenizer(), max_tokens=256, template=source).render_all([row]).examples


@pytest.mark.parametrize("turn", [{"text": ""}, {"text": " \n"}, {"text": "", "reasoning": "hm"}])
def test_an_answer_that_says_nothing_is_not_taught(chat, turn: dict[str, str]) -> None:
    row = chat(("user", "hi"), {"role": "assistant", **turn})
    rendered = Renderer(make_tokenizer(), max_tokens=256).render_all([row])
    assert list(rendered.skipped.values()) == ["an answer is empty"]


def test_what_a_row_can_do_without_is_counted(chat) -> None:
    row = chat(("user", "hi"), {"role": "assistant", "text": "fox", "reasoning": "hm"})
    rendered = Renderer(make_tokenizer(), max_tokens=256).render_all([row])
    assert rendered.unshown == {"reasoning": {row["row_id"]}}
    assert len(rendered.examples) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("turns", "hello\n\nbe brief\n\nhow are you?"), ("chatml", "hello\n\nbe brief\n\nhow are you?")],
)
def test_system_prompts_are_folded_into_the_user_turn_that_follows(chat, name: str, expected: str) -> None:
    row = chat(
        ("system", "hello"), ("developer", "be brief"), ("user", "how are you?"), ("assistant", "well")
    )
    tokenizer = make_tokenizer()
    how = {"max_tokens": 256, "template": TEMPLATES[name], "system": "fold"}
    (example,) = Renderer(tokenizer, **how).render(row)
    assert expected in tokenizer.decode(example.input_ids)
    assert tokenizer.decode(example.input_ids[example.is_label]).startswith("well")
    kept = Renderer(tokenizer, **{**how, "system": "keep"}).render_all([row])
    assert bool(kept.examples) == (name == "chatml")
    assert all("training.system: fold" in reason for reason in kept.skipped.values())


def test_placing_twice_is_placing_once_and_no_word_is_lost() -> None:
    roles = ["system", "user", "assistant", "system", "assistant", "developer", "user", "system"]
    messages = [{"role": role, "content": f"{role} {n}"} for n, role in enumerate(roles)]
    folding, dropping = (template(BASE, system=way) for way in ("fold", "drop"))
    folded = folding.placed(messages)
    assert folding.placed(folded) == folded
    assert [m["role"] for m in folded] == ["user", "assistant", "user", "assistant", "user", "user"]
    assert "\n\n".join(m["content"] for m in folded) == "\n\n".join(m["content"] for m in messages)
    assert [m["role"] for m in dropping.placed(messages)] == ["user", "assistant", "assistant", "user"]
    digests = {template(BASE, system=way).digest for way in ("keep", "fold", "drop")}
    assert len(digests) == 3


def test_a_kind_of_conversation_is_rendered_once_and_in_no_time(chat) -> None:
    probe = Probe(template(TEMPLATES["thinks"]))
    probe.template.text([{"role": "user", "content": "?"}], None, prompt=True)  # the process is there
    started = time.process_time()
    for flags in range(64):
        messages: list[dict[str, Any]] = [{"role": "system", "content": "s"}] if flags & 1 else []
        messages += (
            [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}] if flags & 2 else []
        )
        call = {"id": "1", "function": {"name": "f", "arguments": {}}}
        messages += [{"role": "user", "content": "u"}]
        messages += (
            [{"role": "assistant", "content": "", "tool_calls": [call] * (1 + (flags & 1))}]
            if flags & 4
            else []
        )
        messages += [{"role": "tool", "content": "r"}] if flags & 8 else []
        messages += [{"role": "assistant", "content": "a", "reasoning_content": "r" if flags & 16 else ""}]
        probe.hidden(messages, [{"type": "function", "function": {"name": "f"}}] if flags & 32 else None)
    assert time.process_time() - started < 1
    assert len(probe._hidden) == 64


def test_traits_are_read_off_messages() -> None:
    call = {"id": "1", "function": {"name": "f", "arguments": {}}}
    messages = [
        {"role": "developer", "content": "s"},
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": "a", "tool_calls": [call, call, call], "reasoning_content": "r"},
        {"role": "tool", "content": "t"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
    ]
    assert traits_of(messages, [{"name": "f"}]) == Traits(
        system="developer",
        tools=1,
        bare_tools=True,
        exchanges=1,
        calls=2,
        speaks_beside_calls=True,
        results=True,
        reasoning=True,
        ends_in_call=True,
    )
    assert not DISPENSABLE & {Part.SYSTEM, Part.CALLS, Part.RESULTS, Part.ANSWER, Part.TOOLS, Part.LEAK}
