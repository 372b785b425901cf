"""Packed rows compute what separate rows compute, over families; what cannot is run unpacked (R7, R8)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from tests import tiny
from tilth.shards.errors import TrainingError
from tilth.training.model import attention
from tilth.training.model import base as model
from tilth.training.model.loss import hidden_states, logits_of, score, token_losses
from tilth.training.rows.pack import collate

SMALL: dict[str, Any] = {
    "vocab_size": 384,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
PACKABLE: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "qwen3": {"head_dim": 8},
    "mistral": {"sliding_window": 8},
    "gemma3_text": {"head_dim": 8, "sliding_window": 8, "query_pre_attn_scalar": 8},
    "phi3": {},
    "olmo2": {},
    "granite": {"logits_scaling": 4.0},
    "cohere": {},
    "gpt_neox": {},
    "gemma2": {"head_dim": 8, "sliding_window": 8, "query_pre_attn_scalar": 8, "attn_logit_softcapping": 2.0},
    "gpt_oss": {"head_dim": 8, "sliding_window": 8, "num_local_experts": 4, "num_experts_per_tok": 2},
    "smollm3": {"no_rope_layers": [1, 0]},
    "starcoder2": {"sliding_window": 8},
    "glm": {"head_dim": 8},
    "glm4": {"head_dim": 8},
    "cohere2": {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]},
    "phi": {},
    "olmo": {},
    "olmo3": {"sliding_window": 8},
    "qwen3_moe": {"head_dim": 8, "moe_intermediate_size": 32, "num_experts": 4, "num_experts_per_tok": 2},
    "mixtral": {"num_local_experts": 4},
    "seed_oss": {"head_dim": 8, "residual_dropout": 0.0, "attention_dropout": 0.0},
    "exaone4": {"sliding_window": 8},
    "helium": {"head_dim": 8},
    "ministral": {"head_dim": 8, "sliding_window": 8},
    "gpt2": {
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 4,
        "n_positions": 256,
        **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0),
    },
}
UNPACKED: dict[str, dict[str, Any]] = {
    "stablelm": {},  # hands no lengths to its attention
    "nemotron": {},
    "qwen3_next": {  # gated delta rule
        "head_dim": 8,
        "num_hidden_layers": 4,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 32,
        "shared_expert_intermediate_size": 32,
    },
    "lfm2": {"num_hidden_layers": 4, "full_attn_idxs": [1, 3]},  # short convolutions
    "mamba2": {  # recurrent state
        "state_size": 8,
        "head_dim": 8,
        "num_heads": 8,
        "expand": 2,
        "n_groups": 1,
        "chunk_size": 16,
    },
}


def build(family: str, changes: dict[str, Any]) -> Any:
    attention.register()
    torch.manual_seed(1)
    config = CONFIG_MAPPING[family](**{**SMALL, **changes})
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def separate_nll(stock: Any, examples: list[Any]) -> list[float]:
    """Return the loss of each example through the model's own forward and loss of logits."""
    stock.eval()
    sums = []
    for example in examples:
        ids = torch.from_numpy(example.input_ids)[None].long()
        with torch.no_grad():
            logits = stock(input_ids=ids, use_cache=False).logits[0].float()
        nll = -logits.log_softmax(1)[:-1].gather(1, ids[0, 1:, None])[:, 0]
        sums.append(float(nll[torch.from_numpy(example.is_label[1:])].sum()))
    return sums


@pytest.mark.parametrize("family", PACKABLE)
def test_packed_logits_are_those_of_separate_rows_in_training_and_evaluation(
    family: str, make_examples
) -> None:
    examples = make_examples(5)
    built = build(family, PACKABLE[family])
    rows = [torch.from_numpy(e.input_ids.astype("int64"))[None] for e in examples]
    for training in (False, True):
        built.train(training)
        built.set_attn_implementation("eager")
        with torch.no_grad():
            separate = torch.cat([built(input_ids=row, use_cache=False).logits[0] for row in rows])
            built.set_attn_implementation(attention.NAME)
            packed = logits_of(built, hidden_states(built, collate(examples)))
        assert (packed - separate).abs().max() <= 1e-5 * max(1.0, float(separate.abs().max()))


@pytest.mark.parametrize("family", PACKABLE)
def test_packed_rows_score_as_separate_rows(family: str, make_examples) -> None:
    examples = make_examples(7)
    built = build(family, PACKABLE[family])
    expected = separate_nll(built, examples)
    assert model.choose_attention(built)
    assert score(built, examples, 200)["nll_sum"].to_list() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("family", UNPACKED)
def test_what_would_leak_runs_unpacked_and_right(family: str, make_examples) -> None:
    examples = make_examples(5)
    built = build(family, UNPACKED[family])
    expected = separate_nll(built, examples)
    assert not model.choose_attention(built)
    assert score(built, examples, 200)["nll_sum"].to_list() == pytest.approx(expected, rel=1e-5)


def test_no_row_moves_another(make_examples) -> None:
    first, second, other = make_examples(3, shortest=20, longest=20)
    packed = tiny.make_model()
    model.choose_attention(packed)
    losses = [token_losses(packed, collate([front, second]), statistics=False) for front in (first, other)]
    nll = [loss.nll[loss.example_of == 1] for loss in losses]
    assert torch.equal(nll[0], nll[1])


def test_a_model_whose_logits_are_not_understood_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    built = build("granite", {"logits_scaling": 4.0})
    monkeypatch.setattr(model, "logits_of", lambda causal, hidden: causal.get_output_embeddings()(hidden))
    with pytest.raises(TrainingError, match="differ from the model's own"):
        model.choose_attention(built)


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt_oss"])
def test_generation_with_padding_is_that_of_the_stock_attention(family: str) -> None:
    built = build(family, PACKABLE[family])
    built.set_attn_implementation("eager")
    ids = torch.randint(3, 384, (3, 12))
    mask = torch.ones_like(ids)
    mask[0, :5] = 0
    settings = {"max_new_tokens": 8, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    stock = built.generate(ids, attention_mask=mask, **settings)
    assert model.choose_attention(built)
    assert torch.equal(built.generate(ids, attention_mask=mask, **settings), stock)
