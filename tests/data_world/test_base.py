"""The demo base loads without a network, renders chats as training and serving need them, and can be made."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from tilth.data.making import world

BASE = world.HERE / "base"
MAX_WEIGHT_BYTES = 4_000_000


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(BASE, local_files_only=True)


@pytest.fixture(scope="module")
def tool_rows() -> list[dict]:
    lines = (world.HERE / "sources" / "conversations.jsonl").read_bytes().split(b"\n")
    rows = [json.loads(line) for line in lines[:200] if b'"tools"' in line]
    return [row for row in rows if row["messages"][-1]["role"] == "assistant" and len(row["messages"]) == 4]


def test_base_is_a_small_llama_with_a_card() -> None:
    config = json.loads((BASE / "config.json").read_text())
    assert config["model_type"] == "llama"
    assert (BASE / "model.safetensors").stat().st_size <= MAX_WEIGHT_BYTES
    assert {p.suffix for p in BASE.iterdir()} <= {".safetensors", ".json", ".jinja", ".md"}
    assert "license: apache-2.0" in (BASE / "README.md").read_text()


def test_generation_prompt_is_a_prefix_of_the_training_text(tokenizer: Any, tool_rows: list[dict]) -> None:
    assert tool_rows
    for row in tool_rows:
        messages, tools = row["messages"], row["tools"]
        whole = tokenizer.apply_chat_template(messages, tools=tools, tokenize=True, return_dict=False)
        for turn, message in enumerate(messages):
            if message["role"] == "assistant":
                asked = tokenizer.apply_chat_template(
                    messages[:turn], tools=tools, add_generation_prompt=True, tokenize=True, return_dict=False
                )
                assert whole[: len(asked)] == asked
        assert whole.count(tokenizer.bos_token_id) == 1
        assert whole[-1] == tokenizer.eos_token_id


def test_template_shows_tools_and_calls(tokenizer: Any, tool_rows: list[dict]) -> None:
    for row in tool_rows:
        text = tokenizer.apply_chat_template(row["messages"], tools=row["tools"], tokenize=False)
        for tool in row["tools"]:
            assert f" {tool['function']['name']}(" in text
        call = row["messages"][1]["tool_calls"][0]["function"]
        written = text.split("<tool_call>")[1].split("</tool_call>")[0]
        assert json.loads(written) == {"name": call["name"], "arguments": json.loads(call["arguments"])}


def test_template_renders_every_role(tokenizer: Any) -> None:
    roles = ("developer", "user", "assistant", "tool", "assistant")
    text = tokenizer.apply_chat_template([{"role": r, "content": f"{r}!"} for r in roles], tokenize=False)
    marks = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|assistant|>")
    places = [text.index(f"{mark} {role}!") for mark, role in zip(marks[:4], roles)]
    assert all(a < b for a, b in pairwise(places))
    assert text.count(tokenizer.eos_token) == len(roles)


def test_tokenizer_is_lossless_and_reads_figures_in_pairs(tokenizer: Any) -> None:
    text = "Größe 12 €, naïve – 日本 \U0001f600 K4718"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert tokenizer.tokenize("K4718") == ["K", "47", "18"]


def test_pretraining_data_is_the_same_every_time(tokenizer: Any) -> None:
    from tilth.data.making.pretrain import windows

    assert (windows(tokenizer, 40) == windows(tokenizer, 40)).all()


def test_new_model_copies_from_its_context_better_than_an_unseeded_one(tokenizer: Any) -> None:
    """Layers that start as an induction circuit lift the score of the token that came next before."""
    import torch
    from transformers import LlamaForCausalLM

    from tilth.data.making.pretrain import new_model

    seeded = new_model(tokenizer, 0).eval()
    torch.manual_seed(0)
    plain = LlamaForCausalLM(seeded.config).eval()
    ids = torch.randint(300, 2000, (8, 32), generator=torch.Generator().manual_seed(1)).repeat(1, 2)
    lift = []
    for model in (seeded, plain):
        with torch.no_grad():
            scores = model(input_ids=ids).logits
        following = scores[:, 32:-1].gather(2, ids[:, 33:, None]).mean()
        lift.append(float((following - scores.mean()) / scores.std()))
    assert lift[0] > 0.3
    assert abs(lift[1]) < 0.2
