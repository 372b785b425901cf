"""The loss through a frozen output is the plain one, and so is its gradient (R19)."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from tests import tiny
from tilth.training.model import base as model
from tilth.training.model import frozen_head, lora
from tilth.training.model.frozen_head import applies, frozen_head_losses
from tilth.training.model.loss import token_losses
from tilth.training.rows.pack import collate


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("statistics", [False, True])
def test_losses_and_gradients_are_the_plain_ones(
    monkeypatch: pytest.MonkeyPatch, biased: bool, statistics: bool
) -> None:
    monkeypatch.setattr(frozen_head, "CHUNK_BYTES", 1)  # 16 labels at once
    torch.manual_seed(0)
    head = torch.nn.Linear(6, 11, bias=biased).double().requires_grad_(False)
    hidden = torch.randn(40, 6, dtype=torch.float64, requires_grad=True)
    labels = torch.arange(40) % 11
    above = torch.randn(40, dtype=torch.float64)
    nll, margin = frozen_head_losses(head, hidden, labels, statistics=statistics)
    (nll * above).sum().backward()
    found, hidden.grad = hidden.grad, None
    logp = F.log_softmax(head(hidden), 1)
    (F.nll_loss(logp, labels, reduction="none") * above).sum().backward()
    own = logp.gather(1, labels[:, None])
    assert torch.allclose(nll, -own[:, 0], rtol=1e-12)
    assert torch.allclose(found, hidden.grad, rtol=1e-10, atol=1e-14)
    assert len(margin) == 40 * statistics
    if statistics:
        others = logp.scatter(1, labels[:, None], -torch.inf).amax(1)
        assert torch.allclose(margin, own[:, 0] - others, rtol=1e-10)
        assert not margin.requires_grad


def test_numbers_agree_with_differences() -> None:
    head = torch.nn.Linear(4, 5).double().requires_grad_(False)
    hidden = torch.randn(7, 4, dtype=torch.float64, requires_grad=True)
    labels = torch.arange(7) % 5
    assert torch.autograd.gradcheck(
        lambda h: frozen_head_losses(head, h, labels, statistics=False)[0], (hidden,)
    )


def test_extreme_logits_stay_finite() -> None:
    head = torch.nn.Linear(1, 3, bias=False).requires_grad_(False)
    head.weight.copy_(torch.tensor([[1e4], [-1e4], [0.0]]))
    hidden = torch.ones(3, 1, requires_grad=True)
    nll, margin = frozen_head_losses(head, hidden, torch.arange(3), statistics=True)
    nll.sum().backward()
    assert nll.tolist() == [0, 2e4, 1e4] and margin.tolist() == [1e4, -2e4, -1e4]
    assert hidden.grad is not None and hidden.grad.isfinite().all()


def test_a_head_that_is_trained_or_caps_its_logits_takes_the_plain_way() -> None:
    built = tiny.make_model()
    assert not applies(built)
    built.requires_grad_(False)
    assert applies(built)
    built.config.final_logit_softcapping = 30.0
    assert not applies(built)


def test_the_gradient_is_that_of_transformers_and_peft(make_examples) -> None:
    """One adapted model, the same rows: ours packed, theirs padded to a square through their own forward."""
    from peft import get_peft_model

    examples = make_examples(12, longest=50)
    recipe = tiny.make_recipe(tiny.Path("x"))
    found = []
    for adapt in (lora.adapt, lambda m, r: get_peft_model(m, lora.lora_config(r))):
        built = tiny.make_model()
        if adapt is lora.adapt:
            assert model.choose_attention(built)
        adapted = adapt(built, recipe)
        torch.manual_seed(1)
        trained = [p for p in adapted.parameters() if p.requires_grad]
        for parameter in trained:
            parameter.data.normal_(0, 0.05)
        if adapt is lora.adapt:
            token_losses(adapted, collate(examples), statistics=True).nll.mean().backward()
        else:
            ids = torch.zeros(len(examples), 50, dtype=torch.int64)
            labels, mask = torch.full_like(ids, -100), torch.zeros_like(ids)
            for row, e in enumerate(examples):
                ids[row, : len(e.input_ids)] = torch.from_numpy(e.input_ids)
                mask[row, : len(e.input_ids)] = 1
                labels[row][torch.from_numpy(e.is_label).nonzero()[:, 0]] = torch.from_numpy(
                    e.input_ids[e.is_label]
                ).long()
            adapted(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
        found.append(torch.cat([p.grad.flatten() for p in trained if p.grad is not None]))
    assert len(found[0]) == len(found[1])
    assert (found[0] - found[1]).norm() <= 1e-6 * found[1].norm()
