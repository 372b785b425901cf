"""The extra that writes TensorBoard events: the same figures as the journal."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests import tiny
from tilth.shards.errors import TrainingError
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.plan.request import Request
from tilth.training.run.journal import read
from tilth.training.train import train


def test_the_events_hold_the_figures_of_the_journal(
    store: Store, version: Version, base_path: Path, tmp_path: Path
) -> None:
    recipe = tiny.make_recipe(base_path, loggers=["tensorboard"])
    result = train(Request(version, recipe, base_dir=tmp_path, recipe_digest="r" * 64), store)
    events = EventAccumulator(str(result.run_dir / "tensorboard")).Reload()
    journal = read(result.run_dir / "metrics.jsonl")
    losses = [(line["step"], line["loss"]) for line in journal if line["kind"] == "step"]
    written = [(event.step, event.value) for event in events.Scalars("train/loss")]
    assert [step for step, _ in written] == [step for step, _ in losses]
    assert [loss for _, loss in written] == pytest.approx([loss for _, loss in losses], rel=1e-6)
    tags = set(events.Tags()["scalars"])
    assert {"train/rate", "held_out/loss", "feedback/even", "probe/odd"} <= tags
    assert any(tag.startswith("monitor/twin_gap/") for tag in tags)


def test_without_the_package_the_run_does_not_start(
    store: Store, version: Version, base_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorboard" else real(name)
    )
    recipe = tiny.make_recipe(base_path, loggers=["tensorboard"])
    with pytest.raises(TrainingError, match=r"tilth\[tensorboard\]"):
        train(Request(version, recipe, base_dir=tmp_path, recipe_digest="r" * 64), store)
    assert not (store.root / "runs").exists()
