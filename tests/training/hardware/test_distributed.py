"""Two processes compute what one does: gradients, evaluation, resume with sharded adapters (R10, R11, R20)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests import tiny
from tests.training.hardware import two_ranks
from tilth.shards.errors import TrainingError
from tilth.shards.store import Store
from tilth.training.hardware import distributed, launch
from tilth.training.methods.method import method_of
from tilth.training.run.journal import read

SCRIPT = Path(__file__).with_name("two_ranks.py")
RunOf = Callable[[str, str], Path]

SHORT: dict[str, Any] = {
    "pack_tokens": 128,
    "max_steps": 4,
    "checkpoint_minutes": 99.0,
    "reload": False,
    "merge": False,
}
FULL = SHORT | {"method": "full", "rate": 1e-3, "max_steps": 1}
DROPPING = SHORT | {"lora": {"rank": 4, "alpha": 8, "dropout": 0.1}}
OFTEN = DROPPING | {"checkpoint_minutes": 1e-9}
ALONE = [{"digest": "a", "training": SHORT}, {"digest": "f", "training": FULL}]
TOGETHER = [
    *ALONE,
    {"digest": "d", "training": DROPPING},
    {"digest": "c", "training": OFTEN, "stop_at": 2},
    {"digest": "c", "training": OFTEN},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of one process in the store `one`, those of two in the store `two`."""
    folder = tmp_path_factory.mktemp("ranks")
    tiny.save_base(folder / "base")
    for name, requests in (("one", ALONE), ("two", TOGETHER)):
        tiny.make_version(Store.open(folder / name))
        (folder / f"{name}.json").write_text(json.dumps(requests))
    two_ranks.main(folder / "one.json")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
            *(str(SCRIPT), str(folder / "two.json")),
        ],
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([*sys.path, str(SCRIPT.parents[3])]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def run_of(folder: Path) -> RunOf:
    """Return the folder of a run by store and digest."""

    def find(store: str, digest: str) -> Path:
        records = (folder / store / "runs").glob("*/run.json")
        (found,) = (
            path.parent for path in records if json.loads(path.read_bytes())["inputs"]["recipe"][0] == digest
        )
        return found

    return find


def apart(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> float:
    """Return the distance of tensors, relative to their norm."""
    assert ours.keys() == theirs.keys()
    one, two = (torch.cat([found[name].flatten() for name in sorted(found)]) for found in (ours, theirs))
    return float((one - two).norm() / two.norm())


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "adapter" / "adapter_model.safetensors")


@pytest.mark.parametrize("digest", ["a", "f"], ids=["adapters", "every weight"])
def test_gradients_are_those_of_one_process(folder: Path, digest: str) -> None:
    """R10: to within 1e-6 of their norm, before any is clipped."""
    two, one = (torch.load(folder / f"{name}-{digest}.pt") for name in ("two", "one"))
    assert apart(two, one) <= 1e-6


def test_steps_and_evaluations_are_those_of_one_process(run_of: RunOf) -> None:
    """R11: losses per slice and panel do not depend on how many processes measure them."""
    one, two = (read(run_of(store, "a") / "metrics.jsonl") for store in ("one", "two"))
    assert [line["kind"] for line in two] == [line["kind"] for line in one]
    measured = 0
    for ours, theirs in zip(two, one):
        untrained = theirs["step"] == 0
        for key, value in theirs.items():
            if isinstance(value, float) and not key.endswith(("seconds", "_s")):
                measured += untrained
                # Later steps add up what rounding made of the earlier ones.
                assert ours[key] == pytest.approx(value, rel=1e-6 if untrained else 1e-3, abs=1e-6), key
    assert measured > 4
    assert apart(weights(run_of("two", "a")), weights(run_of("one", "a"))) <= 1e-3


def test_the_first_process_alone_writes(folder: Path, run_of: RunOf) -> None:
    two, one = ({path.name for path in run_of(store, "a").iterdir()} for store in ("two", "one"))
    assert two == one
    assert len(Store.open(folder / "two").feedback_digests("sums")) == 4


def test_a_sharded_run_goes_on_where_it_was_cut(run_of: RunOf) -> None:
    """R20: adapters under FSDP, cut after a step, end with the bits of the whole run."""
    steps = [line["step"] for line in read(run_of("two", "c") / "metrics.jsonl") if line["kind"] == "step"]
    assert steps == list(range(1, steps[-1] + 1))
    assert steps[-1] > 2
    cut, whole = weights(run_of("two", "c")), weights(run_of("two", "d"))
    assert all(torch.equal(cut[name], whole[name]) for name in whole)


@pytest.mark.parametrize("processes", [1, 2, 3, 5])
def test_every_item_is_dealt_once_and_comes_back_in_order(
    processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, "size", lambda: processes)
    for count in range(12):
        dealt = []
        for rank in range(processes):
            monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
            dealt.append(distributed.share(range(count)))
        assert len({len(own) + joins for own, joins in dealt}) == 1  # as often as the others
        monkeypatch.setattr(distributed, "exchanged", lambda own, dealt=dealt: [items for items, _ in dealt])
        assert distributed.dealt_back([]) == list(range(count))


@pytest.mark.parametrize(
    "changes", [{"method": "gradual"}, {"lora": {"bits": 4}}, {"method": "full", "retention": {"kl": 1.0}}]
)
def test_what_cannot_be_sharded_is_refused(changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = tiny.make_recipe(Path("x")).model_validate({"base": "x", **changes})
    unsharded = method_of(recipe).unsharded
    distributed.require_sharable(unsharded)
    monkeypatch.setattr(distributed, "size", lambda: 2)
    with pytest.raises(TrainingError, match="cannot be sharded"):
        distributed.require_sharable(unsharded)


def test_every_visible_card_gets_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    def start(command: list[str], **keywords: Any) -> subprocess.CompletedProcess[bytes]:
        started.append(command)
        return subprocess.CompletedProcess(command, 7)

    monkeypatch.setattr(launch.subprocess, "run", start)
    monkeypatch.setattr(launch.sys, "argv", ["train", "recipe.yaml", "--fresh"])
    monkeypatch.setattr(launch.torch.cuda, "device_count", lambda: 4)
    recipe = tiny.make_recipe(Path("x"), device="auto")
    assert launch.launch(recipe.model_copy(update={"device": "cpu"}), "") is None
    assert launch.launch(recipe, "method: gradual") is None
    assert launch.launch(recipe, "") == 7
    assert started[0][3:] == [
        "--standalone",
        "--nproc-per-node=4",
        "-m",
        launch.COMMAND,
        "recipe.yaml",
        "--fresh",
    ]
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert launch.launch(recipe, "") is None
