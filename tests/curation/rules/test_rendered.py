"""Chats with a template around them are found among documents, and documents about templates are left alone."""

from __future__ import annotations

import pytest

from tests.turn_frames import reasons, turn_frame
from tilth.curation.rules.rendered import Rendered
from tilth.shards.tables import Shape


def found(text: str) -> set[str]:
    return reasons(Rendered(), turn_frame([("document", text)], shape=Shape.DOCUMENT))[0]


@pytest.mark.parametrize(
    "text",
    [
        "### Human: Who oils it?### Assistant: Ann does.### Human: When?### Assistant: On Monday.",
        "<|im_start|>system\n<|im_end|>\n<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\nAnn.<|im_end|>",
        "<s>[INST] Who oils it? [/INST] Ann does. </s>",
        "Below is an instruction.\n\n### Instruction:\nSay who oils it.\n\n### Response:\nAnn does.",
        "<start_of_turn>user\nWho?<end_of_turn>\n<start_of_turn>model\nAnn.<end_of_turn>",
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nWho?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nAnn.<|eot_id|>",
        "<|user|>\nWho?</s>\n<|assistant|>\nAnn.</s>",
        "<｜begin▁of▁sentence｜><｜User｜>Who?<｜Assistant｜>Ann.",
        "USER: Who oils it?\nASSISTANT: Ann does.",
        "\n\nHuman: Who oils it?\n\nAssistant: Ann does.",
    ],
)
def test_rendered_chats_are_tagged(text: str) -> None:
    assert found(text) == {"rendered_chat"}


@pytest.mark.parametrize(
    "text",
    [
        "The hinge is oiled on Monday by Ann.",
        "ChatML opens a turn with `<|im_start|>user` and answers with `<|im_start|>assistant`.",
        "```\n<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\nAnn.\n```\nThis is how it looks.",
        "### Instructions\n\nOil the hinge.\n\n### Responses\n\nNone so far.",
        "The user asked: who? The assistant said: Ann.",
    ],
)
def test_other_documents_are_left_alone(text: str) -> None:
    assert found(text) == set()


def test_chats_are_none_of_its_business() -> None:
    frame = turn_frame([("user", "### Human: Who?### Assistant: Ann."), ("assistant", "[INST] a [/INST] b")])
    assert reasons(Rendered(), frame) == [set()]
