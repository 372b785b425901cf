"""Fault class 5: several writers at once. One draft is one version, two drafts are a line of two."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tilth.shards.store import Store

RUN = Path(__file__).with_name("commit_run.py")


def publish_at_once(root: Path, *prompts: str) -> list[str]:
    runs = [
        subprocess.Popen(
            [sys.executable, RUN, root, p], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for p in prompts
    ]
    results = [(*run.communicate(timeout=120), run.returncode) for run in runs]
    assert [code for _, _, code in results] == [0] * len(runs), results
    return [out.strip() for out, _, _ in results]


def test_four_writers_of_the_same_publish_once(tmp_path: Path) -> None:
    ids = publish_at_once(tmp_path / "store", *["one,two"] * 4)
    store = Store.open(tmp_path / "store")
    assert set(ids) == set(store.version_ids()) and len(set(ids)) == 1
    assert store.verify() == [] and len(store.log("n")) == 1


def test_two_writers_of_different_drafts_publish_two(tmp_path: Path) -> None:
    ids = publish_at_once(tmp_path / "store", "one,two", "one,three")
    store = Store.open(tmp_path / "store")
    newest, oldest = store.log("n")
    assert {newest["id"], oldest["id"]} == set(ids) and newest["parent"] == oldest["id"]
    assert store.verify() == []
