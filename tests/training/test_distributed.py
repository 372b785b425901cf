"""Two processes compute what one does: gradients, evaluation, resume with sharded adapters (R11, R20)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file

from tilth.shards.store import Store
from tilth.training.journal import read

SCRIPT = Path(__file__).with_name("two_ranks.py")
Run = Callable[..., Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranks")
    tiny.save_base(folder / "base")
    for name in ("one", "two"):
        tiny.make_version(Store.open(folder / name))
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    """Return a run of so many processes in a store of its own; returns the folder of the run."""

    def call(ranks: int, digest: str, *, fails: bool = False, **request: Any) -> Path:
        store = "two" if ranks == 2 else "one"
        version = tiny.make_version(Store.open(folder / store)).id
        path = folder / f"{store}-{digest}.json"
        path.write_text(
            json.dumps({"store": store, "version": version, "digest": digest, "training": {}, **request})
        )
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
        path_of_tests = os.pathsep.join([*sys.path, str(SCRIPT.parents[1])])
        done = subprocess.run(
            [sys.executable, *(torchrun if ranks > 1 else []), str(SCRIPT), str(path)],
            env=os.environ | {"PYTHONPATH": path_of_tests, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (done.returncode != 0) is fails, done.stderr[-3000:]
        found = sorted((folder / store / "runs").iterdir(), key=lambda run: run.stat().st_mtime)
        return found[-1]

    return call


CHANGES: dict[str, Any] = {"pack_tokens": 128, "checkpoint_minutes": 99.0, "reload": False, "merge": False}


@pytest.fixture(scope="module")
def pair(run: Run) -> tuple[Path, Path]:
    """The same run of one process and of two."""
    one, two = (run(ranks, "a", training=CHANGES) for ranks in (1, 2))
    return one, two


def apart(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> float:
    """Return the distance of tensors, relative to their norm."""
    assert ours.keys() == theirs.keys()
    one, two = (torch.cat([found[name].flatten() for name in sorted(found)]) for found in (ours, theirs))
    return float((one - two).norm() / two.norm())


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "adapter" / "adapter_model.safetensors")


def test_gradients_are_those_of_one_process(folder: Path, pair: tuple[Path, Path]) -> None:
    two, one = (torch.load(folder / f"{name}-a.pt") for name in ("two", "one"))
    assert apart(two, one) <= 1e-6


def test_steps_and_evaluations_are_those_of_one_process(pair: tuple[Path, Path]) -> None:
    """R11: losses per slice and panel do not depend on how many processes measure them."""
    one, two = (read(run / "metrics.jsonl") for run in pair)
    assert [line["kind"] for line in one] == [line["kind"] for line in two]
    measured = 0
    for ours, theirs in zip(two, one):
        numbers = {
            k: v for k, v in theirs.items() if isinstance(v, float) and not k.endswith(("seconds", "_s"))
        }
        exact = ours["step"] == 0
        measured += exact and len(numbers)
        for key, value in numbers.items():
            assert ours[key] == pytest.approx(value, rel=1e-6 if exact else 1e-3, abs=1e-6), (
                ours["kind"],
                key,
            )
    assert measured
    assert apart(weights(pair[1]), weights(pair[0])) <= 1e-3


def test_the_first_process_alone_writes(folder: Path, pair: tuple[Path, Path]) -> None:
    one, two = pair
    assert {path.name for path in two.iterdir()} == {path.name for path in one.iterdir()}
    assert len(Store.open(folder / "two").feedback_digests("sums")) == 1


def test_a_sharded_run_goes_on_where_it_was_cut(run: Run, pair: tuple[Path, Path]) -> None:
    """R20: adapters under FSDP, cut after a step, end with the weights of the whole run."""
    changes = CHANGES | {"checkpoint_minutes": 1e-9}
    cut = run(2, "b", training=changes, stop_at=2, fails=True)
    assert not (cut / "adapter").exists()
    resumed = run(2, "b", training=changes)
    assert resumed == cut
    steps = [line["step"] for line in read(resumed / "metrics.jsonl") if line["kind"] == "step"]
    assert steps == sorted(set(steps))
    assert apart(weights(resumed), weights(pair[1])) <= 1e-6
