"""Fault class 8: a shard cut, zeroed, deleted or swapped is named; a stray one changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.drafts import Line, make_draft
from tilth.shards import publish
from tilth.shards.errors import CorruptObject
from tilth.shards.store import Store


@pytest.fixture
def store(tmp_path: Path, monkeypatch) -> Store:
    monkeypatch.setattr(publish, "SHARD_ROWS", 3)
    store = Store.open(tmp_path / "store")
    store.publish("n", make_draft([Line(f"prompt {number}") for number in range(6)]))
    return store


def swap(one: Path, other: Path) -> None:
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


DAMAGES: dict[str, Callable[[Path, Path], object]] = {
    "cut": lambda one, _: one.write_bytes(one.read_bytes()[:-7]),
    "emptied": lambda one, _: one.write_bytes(b""),
    "zeroed": lambda one, _: one.write_bytes(bytes(one.stat().st_size)),
    "deleted": lambda one, _: one.unlink(),
    "swapped": swap,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_shard_is_named(store: Store, damage: str) -> None:
    one, other = (store.objects.find(digest) for digest in store.candidate("n").manifest.objects["turns"])
    DAMAGES[damage](one, other)
    fresh = Store.open(store.root)
    with pytest.raises(CorruptObject, match=f"{one.stem}|{other.stem}"):
        fresh.candidate("n").samples("train")
    version = fresh.candidate("n")
    assert any(one.stem in problem for problem in fresh.verify(version))
    assert any(one.stem in problem for problem in fresh.verify())


def test_a_stray_file_is_named_and_never_read(store: Store) -> None:
    (one, _) = (store.objects.find(digest) for digest in store.candidate("n").manifest.objects["turns"])
    before = store.candidate("n").samples("train")
    stray = one.with_name("stray.parquet")
    stray.write_bytes(one.read_bytes())
    renamed = one.with_name(f"{one.stem[:2]}{'0' * 62}.parquet")
    renamed.write_bytes(one.read_bytes())
    fresh = Store.open(store.root)
    problems = fresh.verify()
    assert any("stray.parquet" in problem for problem in problems)
    assert any(renamed.stem in problem for problem in problems)
    assert fresh.candidate("n").samples("train").equals(before)


def test_a_ref_or_a_log_that_is_damaged_is_named(store: Store) -> None:
    (store.root / "refs" / "n.candidate").write_text("../../etc/passwd\n")
    with pytest.raises(CorruptObject, match="refs"):
        store.candidate("n")
    assert any("n.candidate" in problem for problem in store.verify())
