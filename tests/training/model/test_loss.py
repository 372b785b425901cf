"""The loss does not depend on how rows are batched, nor its gradient (R10, R11)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from tests import tiny
from tilth.training.model import base as model
from tilth.training.model import lora, loss
from tilth.training.model.loss import score, token_losses
from tilth.training.rows.pack import collate, pack


@pytest.fixture
def packed() -> Any:
    built = tiny.make_model()
    assert model.choose_attention(built)
    return built


def gradient(tuned: Any, batches: list[Any]) -> torch.Tensor:
    tuned.zero_grad()
    labels = sum(batch.label_count for batch in batches)
    for batch in batches:
        (token_losses(tuned, batch, statistics=False).nll.sum() / labels).backward()
    return torch.cat([p.grad.flatten() for p in tuned.parameters() if p.grad is not None])


def test_the_gradient_is_that_of_the_mean_over_all_labels_however_batched(packed, make_examples) -> None:
    examples = make_examples(20)
    packed.double()
    total = 0.0
    packed.zero_grad()
    packed.set_attn_implementation("sdpa")
    for example in examples:
        ids = torch.from_numpy(example.input_ids).long()
        logits = packed(input_ids=ids[None], use_cache=False).logits[0, :-1]
        nll = F.cross_entropy(logits, ids[1:], reduction="none")
        total = total + nll[torch.from_numpy(example.is_label[1:])].sum()
    (total / sum(int(e.is_label.sum()) for e in examples)).backward()
    plain = torch.cat([p.grad.flatten() for p in packed.parameters()])
    packed.set_attn_implementation("packed")
    for pack_tokens in (1, 100, 333, 10_000):
        ours = gradient(packed, pack(examples, pack_tokens))
        assert (ours - plain).norm() <= 1e-6 * plain.norm()


@pytest.mark.parametrize("pack_tokens", [1, 64, 301, 4096])
def test_scores_do_not_depend_on_the_batch(packed, make_examples, pack_tokens: int) -> None:
    examples = make_examples(37)
    alone = score(packed, examples, 1)
    together = score(packed, examples, pack_tokens)
    assert together["row_id"].equals(alone["row_id"])
    assert together["n_tokens"].equals(alone["n_tokens"])
    for column in ("nll_sum", "contradiction"):
        assert together[column].to_list() == pytest.approx(alone[column].to_list(), rel=1e-6)


def test_chunks_change_neither_loss_nor_gradient(packed, make_examples, monkeypatch) -> None:
    batch = collate(make_examples(10))
    whole, wanted = token_losses(packed, batch, statistics=True), gradient(packed, [batch])
    monkeypatch.setattr(loss, "CHUNK_LOGITS", 1)
    monkeypatch.setattr(loss, "MIN_CHUNK_TOKENS", 16)
    chunked = token_losses(packed, batch, statistics=True)
    assert torch.allclose(chunked.nll, whole.nll, rtol=1e-6)
    assert torch.allclose(chunked.margin, whole.margin, atol=1e-5)
    assert (gradient(packed, [batch]) - wanted).norm() <= 1e-6 * wanted.norm()


def test_statistics_are_those_of_the_full_distribution(packed, make_examples) -> None:
    (example,) = make_examples(1, shortest=30)
    batch = collate([example])
    found = token_losses(packed, batch, statistics=True)
    place = batch.targets != -100
    hidden = packed.model(input_ids=batch.input_ids[None], use_cache=False).last_hidden_state[0]
    logp = packed.lm_head(hidden)[place].log_softmax(1).detach()
    own = logp.gather(1, batch.targets[place, None])[:, 0]
    others = logp.scatter(1, batch.targets[place, None], -torch.inf)
    assert torch.allclose(found.nll, -own, atol=1e-5)
    assert torch.allclose(found.margin, own - others.amax(1), atol=1e-5)
    assert torch.allclose(found.gap, logp.amax(1) - own, atol=1e-5)
    assert not found.margin.requires_grad


def test_our_adapter_forward_is_pefts(make_examples) -> None:
    from peft import get_peft_model

    recipe = tiny.make_recipe(tiny.Path("x"))
    found = []
    for adapt in (lora.adapt, lambda m, r: get_peft_model(m, lora.lora_config(r))):
        built = tiny.make_model()
        model.choose_attention(built)
        adapted = adapt(built, recipe)
        torch.manual_seed(1)
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.data.normal_(0, 0.05)
        found.append(gradient(adapted, [collate(make_examples(6))]))
    assert (found[0] - found[1]).norm() <= 1e-6 * found[1].norm()
    with adapted.disable_adapter():
        base = score(adapted, make_examples(3), 100)["nll_sum"]
    plain = tiny.make_model()
    model.choose_attention(plain)
    assert base.to_list() == score(plain, make_examples(3), 100)["nll_sum"].to_list()
