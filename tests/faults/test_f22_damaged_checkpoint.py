"""A damaged checkpoint is passed over for the one before, or refused; never used."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tilth.shards.errors import TrainingError
from tilth.training.run.checkpoint import Checkpoint, load, save

INPUTS = {"version": "v", "template": "t"}
FLIPS = 40
MORE_FLIPS = 300


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three saves, of which two are kept."""
    folder = tmp_path / "run" / "checkpoints"
    for step in (1, 2, 3):
        tensors = {name: {"x": torch.full((50,), float(step))} for name in ("weights", "optimizer")}
        save(folder, Checkpoint(step, {"seen": step}, tensors), INPUTS)
    return folder


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def delete(path: Path) -> None:
    path.unlink()


def swap(path: Path) -> None:
    other = path.parents[1] / "00000002" / path.name
    if other.exists():
        shutil.copy(other, path)
    else:
        path.write_bytes(next(path.parents[1].glob("00000002/state.*.json")).read_bytes())


def test_the_last_two_are_kept(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["00000002", "00000003"]
    found, problems = load(folder, INPUTS)
    assert found is not None
    assert (found.step, found.state, problems) == (3, {"seen": 3}, [])


@pytest.mark.parametrize("damage", [truncate, zero, delete, swap])
@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "state"])
def test_damage_falls_back_to_the_checkpoint_before(
    folder: Path, damage: Callable[[Path], None], name: str
) -> None:
    last = folder / "00000003"
    damage(next(last.glob("state.*.json")) if name == "state" else last / name)
    found, problems = load(folder, INPUTS)
    assert found is not None
    assert found.step == 2
    assert (found.tensors["weights"]["x"] == 2).all()
    assert len(problems) == 1
    assert "00000003" in problems[0]


def flip_everywhere(folder: Path, count: int) -> None:
    generator = random.Random(0)
    files = sorted((folder / "00000003").iterdir())
    for _ in range(count):
        path = generator.choice(files)
        good = path.read_bytes()
        bad = bytearray(good)
        bad[generator.randrange(len(bad))] ^= 1 << generator.randrange(8)
        path.write_bytes(bad)
        found, _ = load(folder, INPUTS)
        assert found is not None
        assert found.step == 2
        path.write_bytes(good)


def test_every_flipped_bit_is_noticed(folder: Path) -> None:
    flip_everywhere(folder, FLIPS)


@pytest.mark.slow
def test_every_flipped_bit_is_noticed_in_full(folder: Path) -> None:
    flip_everywhere(folder, MORE_FLIPS)


def test_with_nothing_whole_left_the_run_refuses(folder: Path) -> None:
    for path in folder.glob("*/weights.safetensors"):
        truncate(path)
    with pytest.raises(TrainingError, match=r"weights\.safetensors is damaged.*--fresh"):
        load(folder, INPUTS)


@pytest.mark.parametrize("changed", [{"version": "w"}, {"template": "u"}, {"version": "w", "template": "u"}])
def test_a_checkpoint_of_another_beginning_is_refused_by_name(folder: Path, changed: dict[str, str]) -> None:
    with pytest.raises(TrainingError, match=f"has changed: {', '.join(sorted(changed, reverse=False))}"):
        load(folder, INPUTS | changed)


def test_swapped_folders_are_what_they_say_inside(folder: Path) -> None:
    state = json.loads(next((folder / "00000002").glob("state.*.json")).read_bytes())
    shutil.rmtree(folder / "00000003")
    (folder / "00000002").rename(folder / "00000009")
    found, _ = load(folder, INPUTS)
    assert found is not None
    assert found.step == state["step"] == 2
