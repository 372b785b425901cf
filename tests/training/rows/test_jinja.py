"""Chat templates in a process of their own: they write what transformers writes, and cannot do more."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiny import make_tokenizer
from tilth.shards.errors import Untrainable
from tilth.training.rows import jinja
from tilth.training.rows.jinja import JINJA, Jinja, Refused

TEMPLATES = {path.stem: path.read_text() for path in (Path(__file__).parent / "templates").glob("*.jinja")}
TOOLS = [
    {"type": "function", "function": {"name": "f", "description": "a “b”", "parameters": {"type": "object"}}}
]
CALL = {
    "type": "function",
    "id": "abcdefghi",
    "function": {"name": "f", "arguments": {"x": [1, 2.5, None, "é"]}},
}
TALK = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": " hello <b>&amp;\n"},
    {"role": "assistant", "content": "", "reasoning_content": "hm", "tool_calls": [CALL]},
    {"role": "tool", "content": '{"y": "\\u00e9"}', "tool_call_id": "abcdefghi", "name": "f"},
    {"role": "assistant", "content": "done"},
]


def render(source: str, **data: Any) -> str:
    return JINJA.render(source, {"messages": [], "tools": None, "add_generation_prompt": False, **data})


@pytest.mark.parametrize("name", sorted(set(TEMPLATES) - {"headers"}))  # that one prints the date
@pytest.mark.parametrize("turns", [1, 2, 3, 5])
@pytest.mark.parametrize("tools", [None, TOOLS])
@pytest.mark.parametrize("prompt", [False, True])
def test_it_writes_what_transformers_writes(name: str, turns: int, tools: Any, prompt: bool) -> None:
    tokenizer = make_tokenizer()
    talk = TALK[1:2] if name == "turns" else TALK[:turns]  # that one refuses the others
    expected = tokenizer.apply_chat_template(
        talk, tools=tools, chat_template=TEMPLATES[name], tokenize=False, add_generation_prompt=prompt
    )
    told = [{"thinking": m["reasoning_content"], **m} if "reasoning_content" in m else m for m in talk]
    data = {**tokenizer.special_tokens_map, "messages": told, "tools": tools, "add_generation_prompt": prompt}
    assert JINJA.render(TEMPLATES[name], data) == expected


@settings(max_examples=50, deadline=None)
@given(
    st.text(max_size=50),
    st.recursive(st.none() | st.integers() | st.text(max_size=9), st.lists, max_leaves=5),
)
def test_any_text_and_any_value_comes_out_as_it_went_in(text: str, value: Any) -> None:
    assert render("{{ messages[0] }}{{ tools | tojson }}", messages=[text], tools=value) == text + json.dumps(
        value, ensure_ascii=False
    )


def test_marks_around_what_is_generated_write_nothing() -> None:
    assert render("{% generation %}a{{ messages }}{% endgeneration %}b") == "a[]b"


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}x",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{{ 9 ** (9 ** 9) }}",
    ],
)
def test_what_never_ends_is_ended(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jinja, "MAX_SECONDS", 0.3)
    renderer = Jinja()
    started = time.monotonic()
    with pytest.raises(Untrainable, match=r"took more than 0\.3 s.*training\.template"):
        renderer.render(source, {})
    assert time.monotonic() - started < 20
    assert renderer.render("and goes on", {}) == "and goes on"
    renderer.close()


@pytest.mark.parametrize(
    "source",
    [
        '{{ "a" * 3000000000 }}',
        '{{ "a" | center(3000000000) }}',
        '{{ "%3000000000d" % 1 }}',
        "{% set x = namespace(y='aaaaaaaa') %}{% for i in range(40) %}{% set x.y = x.y ~ x.y %}{% endfor %}{{ x.y }}",
        "{% for i in range(99999) %}" + "a" * 2000 + "{% endfor %}",
    ],
)
def test_what_asks_for_too_much_is_refused(source: str) -> None:
    with pytest.raises(Untrainable, match="more than") as refused:
        render(source)
    assert refused.value.exit_code == 2
    assert render("and goes on") == "and goes on"


def test_macros_that_call_each_other_without_an_end_are_refused() -> None:
    with pytest.raises(Untrainable, match="call each other"):
        render("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ raise_exception('System role not supported') }}", "System role not supported"),
        ("{{ raise_exception('Unknown role: ' + messages[0]) }}", "Unknown role: …"),
        ("{{ messages[0].content.parts }}", "UndefinedError: "),
        ("{{ 'a' + 1 }}", "TypeError: can only concatenate"),
        ("{% for %}", "TemplateSyntaxError: "),
        ("{{ {}['secret words'[messages:]] }}", "TypeError"),
    ],
)
def test_a_refusal_is_quoted_without_text_of_a_row(source: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        render(source, messages=["what a row says"])
    assert str(refused.value).startswith(words)
    assert "what a row says" not in str(refused.value)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ dict.mro() }}",
        "{{ namespace(__init__=1) }}",
        "{{ raise_exception.__globals__ }}",
        "{% include '/etc/passwd' %}",
    ],
)
def test_a_template_reaches_nothing_outside(source: str) -> None:
    try:
        assert render(source) == ""
    except Refused as refused:
        assert "root:" not in str(refused)


def test_a_process_that_was_killed_is_started_again() -> None:
    renderer = Jinja()
    assert renderer.render("a", {}) == "a"
    assert renderer._process is not None
    os.kill(renderer._process.pid, signal.SIGKILL)
    renderer._process.wait()
    with pytest.raises(Untrainable):
        renderer.render("a", {})
    assert renderer.render("a", {}) == "a"
    renderer.close()
