"""Fault class 2: a process killed before or after any call of the atomic writer.

A SIGKILL leaves what the kernel holds at that moment, so a copy of the folder taken at each step is what a
kill there would leave; real kills of a process check a few of them.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.drafts import Line, feedback_of, make_draft
from tilth.shards import atomic
from tilth.shards.feedback import FEEDBACK_ROWS, FEEDBACK_SLICES
from tilth.shards.store import Store

RUN = Path(__file__).with_name("commit_run.py")
OLD, NEW = [Line("one")], [Line("one"), Line("two"), Line(reason="blank")]


def old_store(root: Path) -> str:
    """Make a store with one served version; return its id."""
    store = Store.open(root)
    version = store.publish("n", make_draft(OLD))[0]
    store.promote("n")
    return version.id


def copies_at_every_step(root: Path, copies: Path, monkeypatch, act: Callable[[Store], object]) -> list[Path]:
    """Run `act` on the store and return copies of it, one per step, each as a kill there would leave it."""
    taken: list[Path] = []

    def copy(name: str) -> None:
        taken.append(copies / f"{len(taken):03d}")
        if root.exists():
            shutil.copytree(root, taken[-1])

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "step", copy)
        act(Store.open(root))
    return taken


def test_publish_killed_anywhere_leaves_the_old_or_the_new_version(tmp_path: Path, monkeypatch) -> None:
    old = old_store(tmp_path / "store")
    act = lambda store: store.publish("n", make_draft(NEW))  # noqa: E731
    copies = copies_at_every_step(tmp_path / "store", tmp_path / "copies", monkeypatch, act)
    new = Store.open(tmp_path / "store").candidate("n").id
    assert len(copies) > 40
    seen = []
    for copy in copies:
        store = Store.open(copy)
        seen.append(store.candidate("n").id)
        assert store.served("n").id == old
        assert store.verify() == []
        version, _ = store.publish("n", make_draft(NEW))
        counts = version.manifest.counts
        assert version.id == new
        assert counts["lines"] == counts["kept"] + counts["dropped"] + counts["quarantined"]
        published = [move for move in store.refs.moves("n") if move["to"] == new]
        assert len(published) == 1 and [entry["id"] for entry in store.log("n")] == [new, old]
        store.gc()
        assert store.verify() == [] and not list(copy.rglob("*.tmp"))
    assert seen == sorted(seen, key=[old, new].index) and set(seen) == {old, new}


def test_making_a_store_can_be_killed_anywhere(tmp_path: Path, monkeypatch) -> None:
    act = lambda store: store.publish("n", make_draft(OLD))  # noqa: E731
    copies = copies_at_every_step(tmp_path / "store", tmp_path / "copies", monkeypatch, act)
    id_ = Store.open(tmp_path / "store").candidate("n").id
    for copy in copies:
        assert Store.open(copy).publish("n", make_draft(OLD))[0].id == id_
        assert Store.open(copy).verify() == []


@pytest.mark.parametrize("act", ["promote", "rollback", "add_feedback", "gc"])
def test_every_other_write_can_be_killed_anywhere_and_done_again(
    tmp_path: Path, monkeypatch, act: str
) -> None:
    old_store(tmp_path / "store")
    store = Store.open(tmp_path / "store")
    version = store.publish("n", make_draft(NEW))[0]
    store.objects.put_bytes(b"unused")
    acts: dict[str, Callable[[Store], object]] = {
        "promote": lambda s: s.promote("n"),
        "rollback": lambda s: s.rollback("n"),
        "add_feedback": lambda s: s.add_feedback(
            "n", feedback_of(version), FEEDBACK_ROWS.to_frame(), FEEDBACK_SLICES.to_frame()
        ),
        "gc": lambda s: s.gc(keep=1),
    }
    copies = copies_at_every_step(tmp_path / "store", tmp_path / "copies", monkeypatch, acts[act])

    def state(root: Path) -> dict[str, object]:
        opened = Store.open(root)
        refs = {path.name: path.read_text() for path in (root / "refs").glob("[!.]*")}
        return {"refs": refs, "feedback": opened.feedback_digests("n"), "problems": opened.verify()}

    done = state(tmp_path / "store")
    assert done["problems"] == []
    for copy in copies:
        assert Store.open(copy).verify() == []
        if state(copy) != done:
            acts[act](Store.open(copy))
        assert state(copy) == done


@pytest.mark.parametrize("step", [1, 8, 21, 34])
def test_a_real_kill_leaves_the_same(tmp_path: Path, step: int) -> None:
    run = [sys.executable, RUN, tmp_path / "store", "one,two"]
    killed = subprocess.run([*run, str(step)], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert Store.open(tmp_path / "store").verify() == []
    again = subprocess.run(run, capture_output=True, check=True, text=True)
    assert (
        again.stdout.strip()
        == Store.open(tmp_path / "other").publish("n", make_draft([Line("one"), Line("two")]))[0].id
    )


@pytest.mark.slow
@pytest.mark.parametrize("step", range(1, 80))
def test_a_real_kill_at_every_step(tmp_path: Path, step: int) -> None:
    run = [sys.executable, RUN, tmp_path / "store", "one,two"]
    subprocess.run([*run, str(step)], capture_output=True, check=False)
    again = subprocess.run(run, capture_output=True, check=True, text=True)
    assert Store.open(tmp_path / "store").verify() == []
    assert (
        again.stdout.strip()
        == Store.open(tmp_path / "other").publish("n", make_draft([Line("one"), Line("two")]))[0].id
    )
