"""SIGKILL and SIGTERM at any moment of a run: the rerun ends with the same bits."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.faults import training_run
from tilth.training.run import checkpoint

STEPS = (2, 7)
MORE_STEPS = tuple(range(1, 11))
DEADLINE_S = 120


def adapter(folder: Path) -> dict[str, bytes]:
    (path,) = folder.glob("store/runs/*/adapter/adapter_model.safetensors")
    return {name: tensor.numpy().tobytes() for name, tensor in load_file(path).items()}


def optimizer(folder: Path) -> dict[str, bytes]:
    last = sorted(folder.glob("store/runs/*/checkpoints/*"))[-1]
    tensors = load_file(last / "optimizer.safetensors")
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the run went through."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        folder = tmp_path_factory.mktemp("whole")
        training_run.run(folder)
    return folder


def kill_after(folder: Path, step: int, number: int, wait_s: float) -> int:
    """Start the run in a process of its own and send it a signal once `step` is written down."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, training_run.__file__, str(folder)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + DEADLINE_S
    while process.poll() is None and time.monotonic() < deadline:
        written = [path.read_bytes() for path in folder.glob("store/runs/*/metrics.jsonl")]
        if written and b'"kind":"step","step":%d,' % step in written[0]:
            break
        time.sleep(0.002)
    time.sleep(wait_s)
    process.send_signal(number)
    return process.wait()


def cut_and_resume(
    whole: Path, folder: Path, step: int, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    shutil.copytree(whole / "base", folder / "base")
    wait_s = random.Random(step).uniform(0, 0.05)
    code = kill_after(folder, step, number, wait_s)
    assert code != 0
    assert not list(folder.glob("store/runs/*/run.json"))
    resumed: list[int] = []
    training_run.run(folder, on_progress=lambda what, done, total: resumed.append(done))
    assert resumed
    assert adapter(folder) == adapter(whole)
    assert optimizer(folder) == optimizer(whole)


@pytest.mark.parametrize(("step", "number"), zip(STEPS, (signal.SIGKILL, signal.SIGTERM)))
def test_a_killed_run_ends_with_the_same_bits(
    whole: Path, tmp_path: Path, step: int, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_and_resume(whole, tmp_path, step, number, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("number", (signal.SIGKILL, signal.SIGTERM))
@pytest.mark.parametrize("step", MORE_STEPS)
def test_a_run_killed_at_many_steps(
    whole: Path, tmp_path: Path, step: int, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_and_resume(whole, tmp_path, step, number, monkeypatch)


@pytest.mark.parametrize(
    "call", ["created", "written", "synced", "renamed", "folder synced", "state written"]
)
def test_a_save_that_is_cut_leaves_the_checkpoint_before(
    whole: Path, tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = next(whole.glob("store/runs/*/checkpoints"))
    saved, _ = checkpoint.load(source, _inputs(source))
    assert saved is not None
    folder = tmp_path / "run" / "checkpoints"
    checkpoint.save(folder, saved, {"a": "b"})

    class Cut(BaseException):
        pass

    def cut(name: str) -> None:
        if name == call:
            raise Cut

    def cut_rename(path: Path, target: Path) -> None:
        raise Cut

    if call == "state written":
        monkeypatch.setattr(Path, "rename", cut_rename)
    else:
        monkeypatch.setattr("tilth.shards.atomic.step", cut)
    later = checkpoint.Checkpoint(saved.step + 1, saved.state, saved.tensors)
    with pytest.raises(Cut):
        checkpoint.save(folder, later, {"a": "b"})
    monkeypatch.undo()
    found, problems = checkpoint.load(folder, {"a": "b"})
    assert found is not None
    assert (found.step, problems) == (saved.step, [])
    checkpoint.save(folder, later, {"a": "b"})
    assert checkpoint.load(folder, {"a": "b"})[0].step == saved.step + 1


def _inputs(folder: Path) -> dict[str, str]:
    import json

    state = sorted(folder.glob("*/state.*.json"))[-1]
    return json.loads(state.read_bytes())["inputs"]
