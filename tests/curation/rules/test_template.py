from __future__ import annotations

import pytest

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.rules.template import Template
from tilth.shards.tables import Shape


@pytest.mark.parametrize(
    "text",
    [
        "Paris.<|im_end|>\n<|im_start|>user\nAnd Spain?",
        "Paris.<|eot_id|>",
        "[INST] And Spain? [/INST] Madrid.",
        "<start_of_turn>model\nParis",
        "Paris.\n\n### Instruction:\nName a river.\n\n### Response:\nThe Rhine.",
        "Paris.\n14. Instruction: Name a river.",
        "Paris.</s>",
        "<s>Paris.",
        "Paris <|endoftext|>",
        "Paris<eos>",
        "Yes, it is.<|endoftext|>Is the Moon a planet?",
        "How about Smoke?</s><s>[INST] And a dog? [/INST] Coal",
        "Paris<｜end▁of▁sentence｜>",
    ],
)
def test_leaks_are_found(text: str) -> None:
    assert reasons(Template(), answers(text)) == [{"leaked_template"}]


@pytest.mark.parametrize(
    "text",
    [
        "ChatML marks a turn with `<|im_start|>` and ends it with `<|im_end|>`.",
        "The token <|endoftext|> ends a document in GPT-2.",
        "```jinja\n<|im_start|>{{ role }}\n[INST] {{ text }} [/INST]\n```",
        "<s>old price</s>",
        "The old price was <s>10</s>",
        "1. Instructions: mix and bake.",
        "## Response\nThank you for writing.",
        "Fill an array: int a[INSTANCES];",
        "Step 3. Instruction sets differ.",
        "Set <pad> as the padding token.",
        "User: the person who logs in. Assistant: the one who helps.",
    ],
)
def test_talk_about_templates_is_kept(text: str) -> None:
    assert reasons(Template(), answers(text)) == [set()]


def test_a_prompt_needs_two_traces() -> None:
    quoted = "### Response:\nWhat does this heading mean?"
    rendered = "Below is an instruction.\n\n### Instruction:\nName a river.\n\n### Response:"
    turns = turn_frame(*[[("user", text), ("assistant", "The Rhine.")] for text in (quoted, rendered)])
    assert reasons(Template(), turns) == [set(), {"leaked_template_in_prompt"}]


def test_a_document_may_be_about_anything() -> None:
    document = turn_frame([("document", "<|im_start|>user\nHi<|im_end|>")], shape=Shape.DOCUMENT)
    assert reasons(Template(), document) == [set()]


@pytest.mark.parametrize(
    "text",
    [
        "Paris.\n\nHuman: And of Spain?\n\nAssistant: Madrid.",
        "Paris.\nUser: And of Spain?\nAI: Madrid.",
        "Paris.\n\nHuman:",
        "Paris.\n\nInstruction: Name a river.\nInput:\nOutput: The Rhine.",
        "Paris.\n\nQuestion: And of Spain?\nAnswer: Madrid.",
        "Paris.\n\nTask: Name a river.\n\nResponse: The Rhine.",
    ],
)
def test_a_second_exchange_in_an_answer_is_found(text: str) -> None:
    asked = answers(text, prompt="What is the capital of France?")
    assert reasons(Template(), asked) == [{"merged_turns"}]
    wanted = answers(text, prompt="Write a dialogue between a human and an assistant.")
    assert reasons(Template(), wanted) == [set()]


@pytest.mark.parametrize(
    "prompt",
    [
        "Write three quiz questions on Europe.",
        "Give me an example of a few-shot prompt.",
        "Make pairs of Q: and A:",
    ],
)
def test_fields_that_a_prompt_asks_for_are_no_second_row(prompt: str) -> None:
    text = "Here:\n\nQuestion: What is the capital of Spain?\nAnswer: Madrid."
    assert reasons(Template(), answers(text, prompt=prompt)) == [set()]
    recipe = "Task: bake bread.\nInput: flour and water.\n\nMix and wait.\n\nQ: none of your business"
    assert reasons(Template(), answers(recipe, prompt="How do I bake?")) == [set()]


@pytest.mark.parametrize(
    "prompt",
    [
        "Show me one turn in ChatML.",
        "What does a Llama prompt look like?",
        "Write the outline of a report in Markdown.",
        "Wie sieht die Vorlage von Alpaca aus?",
        "Donne-moi un modèle de compte rendu avec ses titres.",
        "Muéstrame el formato de las instrucciones.",
        "Покажи шаблон запроса.",
        "给我一个提示词模板。",
        "テンプレートの形式を教えてください。",
        "Which tokens end a turn?",
        "What comes after [INST]?",
    ],
)
def test_markup_that_was_asked_for_is_no_leak(prompt: str) -> None:
    texts = (
        "Here:\n\n<|im_start|>user\nHello<|im_end|>",
        "### Instruction:\nwhat\n### Response:\nthe answer",
        "[INST] Hi [/INST]",
    )
    assert reasons(Template(), answers(*texts, prompt=prompt)) == [set()] * 3


def test_a_prompt_about_templates_may_hold_one() -> None:
    prompt = "Convert this ChatML to plain text: <|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>"
    assert reasons(Template(), answers("user: Hello", prompt=prompt)) == [set()]
    rendered = "<|im_start|>user\nName a river.<|im_end|>\n<|im_start|>assistant"
    assert reasons(Template(), answers("The Rhine.", prompt=rendered)) == [{"leaked_template_in_prompt"}]


@pytest.mark.parametrize(
    "prompt",
    [
        "Design a dialogue flow for a ticket machine.",
        "Write an interview transcript.",
        "Schreib ein Gespräch über Tee.",
        "Écris une conversation entre deux amis.",
        "Escribe una entrevista.",
        "Scrivi un dialogo.",
        "Напиши разговор.",
        "写一段对话。",
        "会話を書いてください。",
        "How would a bot greet a customer?",
    ],
)
def test_people_who_were_asked_to_talk_are_no_second_row(prompt: str) -> None:
    text = "Here it is.\nUser: How are you?\nAssistant: I am well.\nUser: Good.\nAssistant: Indeed."
    assert reasons(Template(), answers(text, prompt=prompt)) == [set()]
