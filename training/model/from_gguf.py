"""A Llama model out of a GGUF file, as a folder that transformers loads.

Quantised weights are dequantised: what comes out computes what the file computes, not what the model was before it was
quantised. llama.cpp stores the rows of Q and K in the order of its rotary embedding; they are put back in that of
transformers (ggml-org/llama.cpp, convert_hf_to_gguf.py, LlamaModel.permute).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from tilth.shards.errors import TrainingError

CONTROL = 3  # token type of GGUF: special, never made of text
TOP = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
PER_LAYER = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}


def write_folder(file: Path, out: Path) -> None:
    """Write weights (bf16), configuration, tokenizer and chat template of a Llama GGUF with a BPE tokenizer into `out`.

    Raises TrainingError where the file holds another architecture, tokenizer or tensors than these.
    """
    from gguf import GGUFReader

    reader = GGUFReader(file)
    meta = {name: field.contents() for name, field in reader.fields.items()}
    known = (meta.get("general.architecture"), meta.get("tokenizer.ggml.model"))
    if known != ("llama", "gpt2"):
        raise TrainingError(
            file.name,
            f"architecture {known[0]} with a tokenizer of kind {known[1]}",
            "Only Llama with a byte-level BPE tokenizer is read from GGUF",
            "Use a folder of safetensors",
        )
    out.mkdir(parents=True, exist_ok=True)
    tensors = _tensors(reader, meta)
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    config = _config(meta, tied="lm_head.weight" not in tensors)
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    _tokenizer(meta).save(str(out / "tokenizer.json"))
    settings = _tokenizer_settings(meta)
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def _tensors(reader: Any, meta: dict[str, Any]) -> dict[str, torch.Tensor]:
    from gguf import dequantize

    heads = {"attn_q": meta["llama.attention.head_count"], "attn_k": meta["llama.attention.head_count_kv"]}
    tensors = {}
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).reshape(
            tuple(int(n) for n in tensor.shape[::-1])
        )
        if tensor.name in TOP:
            name = TOP[tensor.name]
        else:
            _, layer, part, _ = tensor.name.split(".")
            name = f"model.layers.{layer}.{PER_LAYER[part]}.weight"
            if part in heads:
                values = _unpermuted(values, heads[part])
        tensors[name] = torch.from_numpy(np.array(values, dtype=np.float32)).to(torch.bfloat16)
    return tensors


def _unpermuted(weight: np.ndarray, heads: int) -> np.ndarray:
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(weight.shape)


def _config(meta: dict[str, Any], *, tied: bool) -> dict[str, Any]:
    hidden, heads = meta["llama.embedding_length"], meta["llama.attention.head_count"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(meta["tokenizer.ggml.tokens"]),
        "hidden_size": hidden,
        "intermediate_size": meta["llama.feed_forward_length"],
        "num_hidden_layers": meta["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": meta["llama.attention.head_count_kv"],
        "head_dim": hidden // heads,
        "max_position_embeddings": meta["llama.context_length"],
        "rope_theta": meta["llama.rope.freq_base"],
        "rms_norm_eps": float(f"{meta['llama.attention.layer_norm_rms_epsilon']:.6g}"),
        "hidden_act": "silu",
        "tie_word_embeddings": tied,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": meta["tokenizer.ggml.bos_token_id"],
        "eos_token_id": meta["tokenizer.ggml.eos_token_id"],
        "pad_token_id": meta["tokenizer.ggml.padding_token_id"],
        "dtype": "bfloat16",
    }


def _tokenizer(meta: dict[str, Any]) -> Tokenizer:
    tokens, kinds = meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.token_type"]
    merges = [tuple(merge.split(" ")) for merge in meta["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, kinds, strict=True) if kind == CONTROL]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    return tokenizer


def _tokenizer_settings(meta: dict[str, Any]) -> dict[str, Any]:
    tokens = meta["tokenizer.ggml.tokens"]
    named = {"bos": "bos", "eos": "eos", "pad": "padding", "unk": "unknown"}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **{
            f"{ours}_token": tokens[meta[f"tokenizer.ggml.{theirs}_token_id"]]
            for ours, theirs in named.items()
        },
        "model_max_length": meta["llama.context_length"],
        "chat_template": meta["tokenizer.chat_template"],
    }
