"""What is read and what is learned: R1, R3, R4, R5 and R6 of the training design."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import processors

from tests.tiny import make_tokenizer
from tilth.shards.errors import TrainingError
from tilth.training.rows.left_out import left_out, require_labels
from tilth.training.rows.text import Renderer

TEMPLATES = Path(__file__).parent / "templates"
GREETING = [("user", "how much is 1 plus 2?"), ("assistant", "3")]
TWO_TURNS = [*GREETING, ("user", "plus 4?"), ("assistant", "7")]


def template(name: str) -> str:
    return (TEMPLATES / f"{name}.jinja").read_text()


def shown(tokenizer, example) -> tuple[str, str]:
    ids = example.input_ids
    return tokenizer.decode(ids), tokenizer.decode(ids[example.is_label])


def test_labels_are_the_answers_with_their_stop_token(tokenizer, chat) -> None:
    (example,) = Renderer(tokenizer, max_tokens=256).render(chat(("system", "be brief"), *TWO_TURNS))
    text, learned = shown(tokenizer, example)
    assert learned == "3<|im_end|>7<|im_end|>"
    assert text == (
        "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\nhow much is 1 plus 2?<|im_end|>\n"
        "<|im_start|>assistant\n3<|im_end|>\n<|im_start|>user\nplus 4?<|im_end|>\n<|im_start|>assistant\n7<|im_end|>"
    )


def test_the_stop_token_is_learned_though_it_also_pads(tokenizer, chat) -> None:
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    (example,) = Renderer(tokenizer, max_tokens=256).render(chat(*GREETING))
    assert example.input_ids[-1] == tokenizer.eos_token_id
    assert example.is_label[-1]


@pytest.mark.parametrize("name", ["chatml", "rewrites", "plain"])
def test_an_answer_that_is_only_to_be_read_stands_in_the_context_and_is_not_learned(
    tokenizer, chat, name: str
) -> None:
    renderer = Renderer(tokenizer, max_tokens=256, template=None if name == "chatml" else template(name))
    sample = chat(*TWO_TURNS)
    sample["turns"][1]["learned"] = False
    (example,) = renderer.render(sample)
    text, learned = shown(tokenizer, example)
    assert "7" in learned and "3" not in learned
    assert "3" in text
    sample["turns"][3]["learned"] = False
    rendered = renderer.render_all([sample])
    assert not rendered.examples
    assert list(rendered.skipped.values()) == ["none of its answers is to be learned"]


@pytest.mark.parametrize("name", ["chatml", "rewrites", "opens_thought", "plain"])
def test_what_precedes_an_answer_is_what_serving_feeds(tokenizer, chat, name: str) -> None:
    given_template = None if name == "chatml" else template(name)
    renderer = Renderer(tokenizer, max_tokens=256, template=given_template)
    sample = chat(*TWO_TURNS)
    messages = renderer.template.messages(sample["turns"])
    last = renderer.render(sample)[-1]
    prompt = renderer.prompt_ids(messages[:3])
    served = tokenizer.apply_chat_template(
        messages[:3], chat_template=given_template, add_generation_prompt=True, return_dict=False
    )
    assert prompt == served
    assert last.input_ids[: len(prompt)].tolist() == prompt
    assert last.is_label[len(prompt) :].all()


def test_a_text_begins_once_though_tokenizer_and_template_both_begin_it(chat) -> None:
    tokenizer = make_tokenizer()
    begin, number = "<|endoftext|>", tokenizer.convert_tokens_to_ids("<|endoftext|>")
    tokenizer.add_special_tokens({"bos_token": begin})
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A", pair=f"{begin} $A {begin} $B", special_tokens=[(begin, number)]
    )
    tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template
    assert tokenizer("1")["input_ids"][0] == number
    renderer = Renderer(tokenizer, max_tokens=256)
    (example,) = renderer.render(chat(*TWO_TURNS))
    assert example.input_ids.tolist().count(number) == 1
    assert renderer.prompt_ids(renderer.template.messages(chat(*GREETING)["turns"][:1])).count(number) == 1


def test_a_template_that_rewrites_history_gives_one_example_per_answer(tokenizer, chat) -> None:
    turns = [
        GREETING[0],
        {"role": "assistant", "text": "3", "reasoning": "1 and 2"},
        TWO_TURNS[2],
        {"role": "assistant", "text": "7", "reasoning": "3 and 4"},
    ]
    first, second = Renderer(tokenizer, max_tokens=256, template=template("rewrites")).render(chat(*turns))
    assert shown(tokenizer, first)[1] == "<think>\n1 and 2\n</think>\n\n3<|im_end|>"
    text, learned = shown(tokenizer, second)
    assert learned == "<think>\n3 and 4\n</think>\n\n7<|im_end|>"
    assert "1 and 2" not in text


def test_a_thought_that_serving_opens_is_closed_by_the_answer(tokenizer, chat) -> None:
    turns = [GREETING[0], {"role": "assistant", "text": "3", "reasoning": "1 and 2"}]
    (example,) = Renderer(tokenizer, max_tokens=256, template=template("opens_thought")).render(chat(*turns))
    text, learned = shown(tokenizer, example)
    assert learned == "1 and 2\n</think>\n\n3<|im_end|>"
    assert text.endswith("<|im_start|>assistant\n<think>\n1 and 2\n</think>\n\n3<|im_end|>")


def test_a_template_without_stop_tokens_gets_one(tokenizer, chat) -> None:
    examples = Renderer(tokenizer, max_tokens=256, template=template("plain")).render(chat(*TWO_TURNS))
    assert [shown(tokenizer, example)[1] for example in examples] == [" 3\n<|im_end|>", " 7\n<|im_end|>"]


def test_tool_calls_are_learned_and_tool_results_read(tokenizer, chat) -> None:
    turns = [
        ("user", "find it"),
        {"role": "assistant", "tool_calls": '[{"arguments":{"q":"fox"},"id":"1","name":"search"}]'},
        {"role": "tool", "text": "found", "tool_call_id": "1"},
        ("assistant", "here"),
    ]
    tools = '[{"type":"function","function":{"name":"search","parameters":{"type":"object"}}}]'
    renderer = Renderer(tokenizer, max_tokens=512, template=template("rewrites"))
    (example,) = renderer.render(chat(*turns, tools=tools))
    text, learned = shown(tokenizer, example)
    assert '<tool_call>\n{"name": "search", "arguments": {"q": "fox"}}\n</tool_call><|im_end|>' in learned
    assert "found" in text
    assert "found" not in learned
    assert learned.endswith("here<|im_end|>")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=5), st.text(max_size=20))
def test_labels_decode_to_the_answers_whatever_they_hold(texts: list[str], system: str) -> None:
    tokenizer = make_tokenizer()
    answers = [text for text in texts if text.strip()]
    turns = [{"role": "system", "text": system}]
    for text in answers:
        turns += [{"role": "user", "text": system}, {"role": "assistant", "text": text}]
    sample = {"row_id": b"", "slice": "", "weight": None, "shape": "chat", "tools": None, "turns": turns}
    examples = Renderer(tokenizer, max_tokens=4096).render(sample)
    learned = "".join(shown(tokenizer, example)[1] for example in examples)
    assert learned == "".join(f"{text}<|im_end|>" for text in answers)


def test_a_document_is_learned_whole_but_for_its_first_token(tokenizer, chat) -> None:
    text = "the quick brown fox " * 20
    examples = Renderer(tokenizer, max_tokens=32).render(chat(("document", text), shape="document"))
    ids = np.concatenate([example.input_ids for example in examples])
    assert tokenizer.decode(ids) == text + "<|im_end|>"
    assert all(not e.is_label[0] and e.is_label[1:].all() and len(e.input_ids) <= 32 for e in examples)


def test_of_a_pair_the_chosen_answer_is_learned(tokenizer, chat) -> None:
    pair = chat(("user", "1 plus 2?"), ("chosen", "3"), ("rejected", "4"), shape="preference")
    (example,) = Renderer(tokenizer, max_tokens=256).render(pair)
    assert shown(tokenizer, example)[1] == "3<|im_end|>"


def test_rows_without_a_label_are_listed_and_too_many_refused(tokenizer, chat) -> None:
    rows = [{**chat(*GREETING), "row_id": number.to_bytes(16)} for number in range(200)]
    rows[7] = {**chat(("user", "how " * 400), ("assistant", "3")), "row_id": b"long" * 4}
    renderer = Renderer(tokenizer, max_tokens=64)
    rendered = renderer.render_all(rows)
    assert rendered.skipped == {b"long" * 4: "no label within max_tokens"}
    assert rendered.truncated_rows == 1
    require_labels(rendered, 200, "version", [])
    rows[8] = {**chat(("user", "hello")), "row_id": b"none" * 4}
    rendered = renderer.render_all(rows)
    reasons = left_out(rendered, 64, {b"long" * 4: "a.jsonl:7", b"none" * 4: "a.jsonl:8"})
    assert reasons == [
        "1 row: no assistant turn, a.jsonl:8",
        "1 row: no label within max_tokens, a.jsonl:7 with 812 tokens where 64 are read",
    ]
    with pytest.raises(
        TrainingError, match=r"2 of 200 rows have nothing to learn from \(1 row: no assistant"
    ):
        require_labels(rendered, 200, "version", reasons)


def test_a_template_that_changes_the_answer_is_noticed(tokenizer, chat) -> None:
    upper = "{% for m in messages %}{{ m.content | upper }}<|im_end|>{% endfor %}"
    rendered = Renderer(tokenizer, max_tokens=64, template=upper).render_all(
        [chat(("user", "hi"), ("assistant", "fox"))]
    )
    assert list(rendered.skipped.values()) == ["the template does not show the answer"]


def test_without_a_template_conversations_are_refused(chat) -> None:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = None
    with pytest.raises(TrainingError, match=r"no chat template.*training\.template"):
        Renderer(tokenizer, max_tokens=64).render(chat(*GREETING))


def test_a_template_that_prints_the_date_is_the_same_every_day(tokenizer, chat) -> None:
    dated = "{{ strftime_now('%d %b %Y') }}" + tokenizer.chat_template
    (example,) = Renderer(tokenizer, max_tokens=128, template=dated).render(chat(*GREETING))
    assert shown(tokenizer, example)[0].startswith("26 Jul 2024<|im_start|>user")
