"""tilth cache says what is kept, by kind, and the bound of a recipe holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workbench.conftest import Done
from tilth.curation.recipe import parse
from tilth.curation.run.kept.folder import trim, usage
from tilth.shards.errors import RecipeError
from tilth.shards.store import Store

Run = Callable[..., Done]


def test_what_is_kept_is_shown_by_kind(run: Run, tmp_path: Path) -> None:
    store = Store.open(tmp_path / ".tilth")
    store.cache.mkdir()
    for name, size in {"read-1.json": 10, "read-1.said.arrow": 20, "judged-2.json": 5}.items():
        (store.cache / name).write_bytes(b"x" * size)
    found = run("tilth", "cache", "--store", store.root, "--json").json
    assert found == {
        "bytes": 35,
        "kinds": {"judged": {"files": 1, "bytes": 5}, "read": {"files": 2, "bytes": 30}},
    }
    assert "35 B in all" in run("tilth", "cache", "--store", store.root).out


def test_what_was_not_used_for_longest_goes_first_and_whole(tmp_path: Path) -> None:
    for age, name in enumerate(("old-1.json", "old-1.rows.parquet", "new-1.json")):
        (tmp_path / name).write_bytes(b"x" * 10)
        os.utime(tmp_path / name, (age, age))
    assert trim(tmp_path, 25) == 20
    assert usage(tmp_path) == {"new": (1, 10)}


def test_the_bound_is_a_key() -> None:
    assert parse({"max_cache_bytes": 5, "decontaminate": None}, Path()).max_cache_bytes == 5
    with pytest.raises(RecipeError):
        parse({"max_cache_bytes": -1, "decontaminate": None}, Path())
