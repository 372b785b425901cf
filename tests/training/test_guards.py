"""What no file of its own tests: R2, R15, R18 and R19 of the training design."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import gradcheck
from torch.profiler import ProfilerActivity, profile

from tests import tiny
from tilth.training.methods.method import attach
from tilth.training.model import attention, lora, loss
from tilth.training.model import base as model
from tilth.training.model.base import choose_attention
from tilth.training.model.loss import causal_model, logits_of, score, token_losses
from tilth.training.recipe import LoraRecipe
from tilth.training.rows.pack import collate, pack
from tilth.training.rows.text import Example

Examples = Callable[..., list[Example]]


def learned(tuned: Any, examples: list[Example], pack_tokens: int, *, statistics: bool) -> str:
    """Return a digest of (row, label) over everything that enters the loss."""
    found: list[tuple[int, int]] = []
    labels: list[int] = []
    real = loss.label_losses

    def watch(causal: Any, hidden: Tensor, given: Tensor, **keywords: Any) -> Any:
        losses = real(causal, hidden, given, **keywords)
        labels.extend(given.tolist())
        plain = F.cross_entropy(logits_of(causal, hidden), given, reduction="none")
        assert torch.allclose(losses[0], plain, rtol=1e-5)
        return losses

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loss, "label_losses", watch)
        for batch in pack(examples, pack_tokens):
            labels.clear()
            losses = token_losses(tuned, batch, statistics=statistics)
            rows = [batch.examples[i].row_id for i in losses.example_of.tolist()]
            found += [(int.from_bytes(row), label) for row, label in zip(rows, labels, strict=True)]
    return digest(found)


def digest(found: list[tuple[int, int]]) -> str:
    return hashlib.sha256(repr(sorted(found)).encode()).hexdigest()


def test_r02_every_backend_learns_the_same_labels(
    make_examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R2: no option of attention, packing, chunks, statistics or adapters drops or adds a label."""
    examples = make_examples(12)
    marked = [
        (int.from_bytes(e.row_id), int(token))
        for e in examples
        for token, own in zip(e.input_ids, e.is_label)
        if own
    ]
    attention.register()
    for method in ("lora", "full"):
        tuned = attach(tiny.make_model(), tiny.make_recipe(tiny.Path("x"), method=method), 0)
        for implementation in (attention.NAME, "sdpa", "eager"):
            causal_model(tuned).set_attn_implementation(implementation)
            for chunk in (1 << 24, 1):
                monkeypatch.setattr(loss, "CHUNK_LOGITS", chunk)
                monkeypatch.setattr(loss, "MIN_CHUNK_TOKENS", 8)
                for pack_tokens, statistics in ((1, False), (100, True), (4096, False)):
                    assert learned(tuned, examples, pack_tokens, statistics=statistics) == digest(marked)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_r15_adapters_learn_under_activation_checkpointing(make_examples: Examples, dropout: float) -> None:
    """R15: after one step with recomputed layers no lora_B is still at its start, 0."""
    recipe = tiny.make_recipe(tiny.Path("x"), lora=LoraRecipe(rank=4, dropout=dropout))
    base = tiny.make_model()
    choose_attention(base)
    tuned = attach(base, recipe, 0, recompute=True)
    token_losses(tuned, collate(make_examples(6)), statistics=False).nll.sum().backward()
    torch.optim.SGD([p for p in tuned.parameters() if p.requires_grad], lr=1e-3).step()
    moved = {name: bool(p.detach().any()) for name, p in tuned.named_parameters() if "lora_B" in name}
    assert len(moved) == 14
    assert all(moved.values()), moved


def peak_bytes(work: Callable[[], Any]) -> int:
    """Return the most bytes that `work` held at once on the CPU, beyond what was there before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        work()
    held = most = 0
    for event in profiled.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most


@pytest.mark.parametrize("frozen", [False, True], ids=["trained output", "frozen output"])
def test_r18_evaluation_takes_no_more_memory_than_training(make_examples: Examples, frozen: bool) -> None:
    """R18: evaluation keeps no logits, neither of a pack nor from pack to pack."""
    examples = make_examples(64, shortest=50)
    built = tiny.make_model(vocab_size=16_384)
    built.lm_head.requires_grad_(not frozen)  # tied: the embeddings too
    choose_attention(built)
    (first, *more) = pack(examples, 512)
    assert len(more) >= 6

    def step() -> None:
        token_losses(built, first, statistics=True).nll.sum().backward()

    training = peak_bytes(step)
    built.zero_grad()
    assert peak_bytes(lambda: score(built, examples, 512)) <= training
    logits = sum(batch.label_count for batch in (first, *more)) * 16_384 * 4
    assert training < logits


def test_r18_evaluation_takes_a_pack_at_a_time(make_examples: Examples) -> None:
    """R18: activations of all rows at once would be many times those of a training step."""
    examples = make_examples(64, shortest=50)
    built = tiny.make_model(intermediate_size=1024)
    choose_attention(built)
    training = peak_bytes(
        lambda: token_losses(built, collate(examples[:2]), statistics=True).nll.sum().backward()
    )
    assert peak_bytes(lambda: score(built, examples, 120)) <= training


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let arithmetic that is lifted to 32 bits stay in 64, as numeric differences need."""
    monkeypatch.setattr(Tensor, "float", lambda tensor: tensor)


def test_r19_the_loss_has_the_gradient_of_plain_cross_entropy(
    make_examples: Examples, monkeypatch: pytest.MonkeyPatch, double: None
) -> None:
    """R19: token_losses, whole and in recomputed chunks, against differences and against the plain way."""
    batch = collate(make_examples(3, longest=12))
    built = tiny.make_model(vocab_size=384, num_hidden_layers=1).double()
    choose_attention(built)
    place = batch.targets != -100
    ids = torch.randn(int(place.numel()), 32, dtype=torch.float64, requires_grad=True)
    monkeypatch.setattr(loss, "hidden_states", lambda model, batch: ids)

    def ours(hidden: Tensor) -> Tensor:
        monkeypatch.setattr(loss, "hidden_states", lambda model, batch: hidden)
        return token_losses(built, batch, statistics=True).nll

    plain = F.cross_entropy(built.lm_head(ids)[place], batch.targets[place], reduction="none")
    (wanted,) = torch.autograd.grad(plain.square().sum(), ids)
    for least in (256, 4):
        monkeypatch.setattr(loss, "CHUNK_LOGITS", 1)
        monkeypatch.setattr(loss, "MIN_CHUNK_TOKENS", least)
        assert torch.allclose(ours(ids), plain, rtol=1e-12)
        (found,) = torch.autograd.grad(ours(ids).square().sum(), ids)
        assert (found - wanted).norm() <= 1e-9 * wanted.norm()
        assert gradcheck(ours, (ids,), fast_mode=True)


@pytest.mark.parametrize("variant", ["lora", "rslora"])
def test_r19_the_adapter_has_the_gradient_of_its_formula(variant: str) -> None:
    """R19: base(x) + scale * x A' B', against differences and against the formula."""
    recipe = tiny.make_recipe(tiny.Path("x"), lora=LoraRecipe(rank=4, alpha=8, variant=variant))
    adapted = lora.adapt(tiny.make_model(), recipe).double()
    layer = adapted.get_base_model().model.layers[0].mlp.down_proj
    down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    torch.nn.init.normal_(up)
    x = torch.randn(1, 5, layer.in_features, dtype=torch.float64, requires_grad=True)
    plain = layer.base_layer(x) + 8 / {"lora": 4, "rslora": 2}[variant] * (x @ down.t() @ up.t())
    for found, wanted in zip(
        torch.autograd.grad(layer(x).square().sum(), (x, down, up)),
        torch.autograd.grad(plain.square().sum(), (x, down, up)),
    ):
        assert (found - wanted).norm() <= 1e-9 * wanted.norm()
    assert gradcheck(layer, (x,), fast_mode=True)


@pytest.mark.parametrize("kind", [{}, {"sliding_window": 3}, {"softcap": 2.0}, {"sinks": True}])
def test_r19_packed_attention_has_the_gradient_of_its_formula(kind: dict[str, Any]) -> None:
    """R19: attention over packed examples, against differences."""
    batch = collate([example(4), example(6)])
    q, k, v = (torch.randn(1, heads, 10, 4, dtype=torch.float64, requires_grad=True) for heads in (4, 2, 2))
    sinks = (torch.randn(4, dtype=torch.float64, requires_grad=True),) if kind.get("sinks") else ()
    options = {key: value for key, value in kind.items() if key != "sinks"}

    def run(q: Tensor, k: Tensor, v: Tensor, *sinks: Tensor) -> Tensor:
        given = {"s_aux": sinks[0]} if sinks else {}
        lengths = attention.lengths_for(batch)
        return attention.packed_attention(built, q, k, v, scaling=0.5, **options, **given, **lengths)[0]

    built = model.torch.nn.Module()
    assert gradcheck(run, (q, k, v, *sinks), fast_mode=True)


def example(length: int) -> Example:
    ones = torch.ones(length)
    return Example(b"", "", 1.0, ones.int().numpy(), ones.bool().numpy())
