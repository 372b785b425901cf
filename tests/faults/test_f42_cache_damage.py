"""Class 42: what lies in a cache is believed only with its digest, and made again where it fails."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.faults.decided import curated, write_lines
from tests.reading import FULL
from tests.workbench.conftest import question
from tilth.shards import arrow_file
from tilth.shards.scores import KEY
from tilth.shards.sealed import read_sealed, write_sealed
from tilth.shards.store import Store

FLIPS = 2_000 if FULL else 200
SCORER = "a" * 64
CURATION = "unicode: null, pii: null"


def damages(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """Yield a file with one bit flipped, cut short, grown, empty, or with a stretch of it overwritten."""
    for _ in range(FLIPS):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        yield bytes(flipped)
    for cut in (0, 1, 31, 32, 33, len(data) // 2, len(data) - 1):
        yield data[:cut]
    yield data + b"\0"
    third = len(data) // 3
    yield data[:third] + b"\xff" * 64 + data[third + 64 :]
    yield bytes(len(data))


def test_no_damaged_frame_is_read(tmp_path: Path) -> None:
    path = tmp_path / "frame.arrow"
    frames = [pl.DataFrame({"id": [b"x" * 16, b"y"], "said": ["a", None], "of": [[1, 2], []]})] * 3
    whole = pl.concat(frames)
    assert arrow_file.kept(path) is None
    assert arrow_file.keep(path, iter(frames)).equals(whole)
    found = arrow_file.kept(path)
    assert found is not None and found.equals(whole)
    for damaged in damages(path.read_bytes(), random.Random(42)):
        path.write_bytes(damaged)
        assert arrow_file.kept(path) is None


def test_no_damaged_bytes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    write_sealed(path, b"what was written" * 9)
    assert read_sealed(path) == b"what was written" * 9
    for damaged in damages(path.read_bytes(), random.Random(42)):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged"):
            read_sealed(path)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [question(n) for n in range(200)]
    rows += [
        {**row, "messages": [row["messages"][0], *question(n + 1)["messages"][1:]]}
        for n, row in enumerate(rows[:60])
    ]
    return write_lines(tmp_path_factory.mktemp("cache") / "rows.jsonl", rows)


def test_a_run_over_a_damaged_cache_decides_as_before(source: Path) -> None:
    first = curated(source, CURATION)
    folder = source.parent / "store" / "cache"
    # What a whole run said is kept under its inputs, which are others in each run below.
    cached = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith("run-")]
    assert cached
    whole = {path: path.read_bytes() for path in cached}
    rng = random.Random(7)
    for damage in list(damages(max(whole.values(), key=len), rng))[-10 if not FULL else -60 :: 3]:
        for path in cached:
            path.write_bytes(damage[: len(whole[path])])
        again = curated(source, f"{CURATION}, length: {{max_chars: {rng.randrange(30_000, 40_000)}}}")
        assert again.manifest.content_id == first.manifest.content_id
        assert {path: path.read_bytes() for path in cached} == whole


def test_evidence_is_synced_before_it_has_its_name(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def noted(call: Callable[..., Any], name: str) -> Callable[..., Any]:
        def noting(*words: Any, **options: Any) -> Any:
            done.append(name)
            return call(*words, **options)

        return noting

    monkeypatch.setattr(os, "fsync", noted(os.fsync, "sync"))
    monkeypatch.setattr(Path, "replace", noted(Path.replace, "rename"))
    arrow_file.keep(source.parent / "one.arrow", iter([pl.DataFrame({"a": [1]})]))
    assert done == ["sync", "rename", "sync"]


def test_damaged_scores_are_asked_for_again(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    frame = pl.DataFrame({KEY: [b"k" * 32], "loss": [1.5]})
    store.scores.add(SCORER, frame)
    (shard,) = (tmp_path / "store" / "scores" / "shards" / SCORER).iterdir()
    assert store.scores.known(SCORER).equals(frame)
    for damaged in list(damages(shard.read_bytes(), random.Random(3)))[::5]:
        shard.write_bytes(damaged)
        assert store.scores.known(SCORER).is_empty()
    store.scores.add(SCORER, frame)
    assert store.scores.known(SCORER).equals(frame)
