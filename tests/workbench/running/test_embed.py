"""Embeddings as a user gets them: embedded, named in the recipe, read by curate."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests import tiny
from tests.drafts import Line, make_draft
from tests.workbench.conftest import Done
from tilth.curation.recipe import parse
from tilth.shards.errors import TrainingError
from tilth.shards.store import Store
from tilth.training.scores.embed import Encoder

Run = Callable[..., Done]


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    return tiny.save_base(tmp_path / "encoder")


def test_a_file_of_vectors_is_written_with_the_lines_for_the_recipe(
    run: Run, recipe: Path, encoder: Path
) -> None:
    lines = [Line(f"Order {n}: who mends it?", f"The desk mends number {n}.") for n in range(40)]
    Store.open(recipe.parent / ".tilth").publish("desk", make_draft(lines))
    done = run("train", "embed", recipe, "--encoder", encoder)
    assert done.code == 0, done.err
    assert "embedded: 40 rows, 32 dimensions" in done.out
    assert "dedup: {semantic: 0.95, embeddings: embeddings.parquet}" in done.out
    stored = pl.read_parquet(recipe.parent / "embeddings.parquet")
    assert stored["text_digest"].n_unique() == 40
    assert np.linalg.norm(stored["response"].to_numpy(), axis=1) == pytest.approx(np.ones(40), abs=1e-5)
    again = run(
        "train", "embed", recipe, "--encoder", encoder, "--out", recipe.parent / "b.parquet", "--json"
    )
    assert again.json["rows"] == 40
    assert pl.read_parquet(recipe.parent / "b.parquet").equals(stored)


def test_a_relative_file_lies_beside_the_recipe(tmp_path: Path) -> None:
    stages = parse({"dedup": {"semantic": 0.9, "embeddings": "e.parquet"}}, tmp_path).stages
    assert next(s for s in stages if s.name == "dedup").embeddings == str(tmp_path / "e.parquet")


def test_a_vector_depends_on_its_text_alone(encoder: Path) -> None:
    model = Encoder.load(str(encoder), encoder.parent, device="cpu")
    texts = ["one", "how much is 1 plus 2?", "", "one", "the quick brown fox jumps " * 200]
    vectors = model.encode(pl.Series(texts))
    assert (vectors[0] == vectors[3]).all()
    assert not vectors[2].any()
    for text, vector in zip(texts, vectors):
        assert model.encode(pl.Series([text]))[0] == pytest.approx(vector, abs=1e-5)


def test_an_installed_package_may_carry_the_encoder(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "packages" / "some_encoder"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    encoder.rename(package / "model")
    monkeypatch.syspath_prepend(str(package.parent))
    assert Encoder.load("some-encoder", tmp_path, device="cpu").max_tokens == 256
    assert "some_encoder" not in sys.modules
    with pytest.raises(TrainingError):
        Encoder.load("no-such-encoder", tmp_path, device="cpu")
