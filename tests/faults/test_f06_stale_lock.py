"""Fault class 6: the holder of the lock dies. The next run goes on at once; nothing is left to clean up."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.drafts import Line, make_draft
from tilth.shards.errors import Busy
from tilth.shards.lock import temporary
from tilth.shards.store import Store

RUN = Path(__file__).with_name("commit_run.py")


@contextmanager
def another_process_holds(root: Path) -> Iterator[subprocess.Popen]:
    holder = subprocess.Popen(
        [sys.executable, RUN, root, "one", "0", "hold"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        yield holder
    finally:
        holder.kill()
        holder.wait()


def test_a_held_lock_is_busy_and_a_dead_holder_is_not(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    with another_process_holds(store.root) as holder:
        with pytest.raises(Busy, match=str(holder.pid)) as caught, store.lock():
            pass
        assert caught.value.exit_code == 75
        with store.workspace() as own:
            others = [p for p in own.parent.iterdir() if p.is_dir() and p != own]
            assert [(p / "half").read_text() for p in others] == [
                "done"
            ]  # a living process keeps its scratch
    start = time.monotonic()
    with store.lock(), store.workspace() as own:
        store.publish("n", make_draft([Line("one")]))
        assert [p for p in own.parent.iterdir() if p.is_dir()] == [own]
    assert time.monotonic() - start < 5


def test_a_pid_that_lives_again_does_not_hold_the_lock(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    with another_process_holds(store.root):
        pass
    (store.root / "lock").write_text("1\n")  # a pid that is certainly alive
    with store.lock():
        assert store.names() == []


def test_the_lock_may_be_taken_again_by_its_holder_and_is_let_go(tmp_path: Path) -> None:
    store, other = Store.open(tmp_path / "store"), Store.open(tmp_path / "store")
    with store.lock():
        with store.lock():
            pass
        with pytest.raises(Busy), other.lock(wait_s=0.1):
            pass
    with other.lock():
        pass


def test_the_next_command_removes_what_a_killed_run_had_read(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    with another_process_holds(store.root):
        assert Store.open(store.root).cleared_scratch == 0  # its holder lives
    (left,) = [path for path in (store.root / "tmp").iterdir() if path.is_dir()]
    assert [problem for problem in store.verify() if str(left) in problem and "killed" in problem]
    again = Store.open(store.root)
    assert not left.exists() and again.verify() == []
    assert again.gc()["scratch"] == again.cleared_scratch >= 1


def test_a_store_and_scratch_are_readable_by_their_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = Store.open(tmp_path / "a" / "store")
    with store.workspace() as own, temporary() as outside:
        for folder in (store.root, own, outside, outside.parent):
            assert folder.stat().st_mode & 0o077 == 0
    assert not outside.exists()
    outside.parent.chmod(0o777)  # somebody else's, perhaps
    with temporary() as elsewhere:
        assert elsewhere.parent == tmp_path and elsewhere.stat().st_mode & 0o077 == 0
