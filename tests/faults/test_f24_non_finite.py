"""A loss or gradient that is not a number, or memory that runs out: the run stops, and teaches nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults import training_run
from tilth.shards.errors import TrainingError
from tilth.shards.store import Store
from tilth.training.methods.method import Method
from tilth.training.model import loss
from tilth.training.model.loss import TokenLoss
from tilth.training.rows.pack import Batch
from tilth.training.run import loop
from tilth.training.run.checkpoint import load

BAD_STEP = 4


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def in_training(losses: Callable[..., TokenLoss], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the steps of a run, and not its evaluations, take their losses from a function."""
    real = Method.losses

    def replaced(self: Method, *args: Any, **keywords: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(loss, "token_losses", losses)
            return real(self, *args, **keywords)

    monkeypatch.setattr(Method, "losses", replaced)


def spoil_at(step: int, monkeypatch: pytest.MonkeyPatch, value: float) -> list[str]:
    """Make one label of the given step (from 1) lose `value`; return the row it belongs to."""
    spoiled: list[str] = []
    real = loss.token_losses
    real_step = loop.take_step
    steps = [1]

    def count(optimizer: object, rate: float) -> None:
        real_step(optimizer, rate)
        steps[0] += 1

    def spoil(model: object, batch: Batch, *, statistics: bool) -> TokenLoss:
        found = real(model, batch, statistics=statistics)
        if steps[0] != step or spoiled:
            return found
        spoiled.append(batch.examples[int(found.example_of[0])].row_id.hex())
        nll = found.nll.clone()
        nll[0] = nll[0] * value
        return TokenLoss(nll, found.margin, found.gap, found.example_of)

    monkeypatch.setattr(loop, "take_step", count)
    in_training(spoil, monkeypatch)
    return spoiled


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_the_row_is_named_and_the_checkpoint_before_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    spoiled = spoil_at(BAD_STEP, monkeypatch, value)
    with pytest.raises(TrainingError) as caught:
        training_run.run(tmp_path)
    assert f"step {BAD_STEP}: the loss is not finite, at row {spoiled[0]}" in str(caught.value)
    assert "plus" not in str(caught.value)
    (folder,) = tmp_path.glob("store/runs/*/checkpoints")
    assert not list(folder.parent.glob("run.json"))
    assert Store.open(tmp_path / "store").feedback_digests("sums") == []
    monkeypatch.undo()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    steps: list[int] = []
    training_run.run(tmp_path, on_progress=lambda what, done, total: steps.append(done))
    assert BAD_STEP in steps
    assert BAD_STEP - 1 not in steps


def test_a_gradient_that_is_not_finite_stops_before_the_weights_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = loop.clip
    monkeypatch.setattr(loop, "clip", lambda model, norm: real(model, norm) * float("nan"))
    with pytest.raises(TrainingError, match="step 1: the gradient is not finite, at row"):
        training_run.run(tmp_path)
    assert not list(tmp_path.glob("store/runs/*/checkpoints/*"))


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory")])
def test_memory_that_runs_out_leaves_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    real = loss.token_losses
    calls = [0]

    def fail(*args: object, **keywords: object) -> TokenLoss:
        calls[0] += 1
        if calls[0] == 9:
            raise error
        return real(*args, **keywords)

    in_training(fail, monkeypatch)
    with pytest.raises(TrainingError, match=r"not enough memory.*training\.pack_tokens"):
        training_run.run(tmp_path)
    assert Store.open(tmp_path / "store").feedback_digests("sums") == []
    (folder,) = tmp_path.glob("store/runs/*/checkpoints")
    from tests.faults.test_f21_kill_resume import _inputs

    found, problems = load(folder, _inputs(folder))
    assert found is not None
    assert problems == []
