"""Held-out shares as a person meets them: on the page, in the checks, and from version to version."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.workbench.conftest import Done
from tilth.curation.dedup.split import Splits
from tilth.curation.dedup.split_family import SplitFamily
from tilth.shards.store import Store

Run = Callable[..., Done]


def write(folder: Path, numbers: range, greet: str = "Hello there") -> Path:
    """Write chats that open with the same words, and a recipe for them."""
    lines = []
    for n in numbers:
        rng = random.Random(n)
        asked = f"My {rng.choice('abcdef') * 3} parcel {n * 37} is not in {rng.choice('stuvwx') * 4} yet, where is it?"
        turns = [greet, "Good day, how can I help?", asked, f"Parcel {n * 37} waits at gate {n}."]
        roles = ("user", "assistant", "user", "assistant")
        messages = [{"role": role, "content": text} for role, text in zip(roles, turns)]
        lines.append(json.dumps({"messages": messages, "topic": "one"}))
    (folder / "rows.jsonl").write_text("\n".join(lines))
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        "name: desk\nsources: [{path: rows.jsonl}]\ncuration: {language: null, conflict: null}\n"
        "training: {base: base}\n"
    )
    return recipe


def sides(folder: Path) -> pl.DataFrame:
    version = Store.open(folder / ".tilth").candidate("desk")
    assert version is not None
    return version.decisions().select("row_id", pl.col("split").cast(pl.String))


def test_rows_stay_where_the_first_version_put_them(run: Run, tmp_path: Path) -> None:
    recipe = write(tmp_path, range(200))
    first = run("curate", recipe, "--json")
    assert first.code == 0, first.err
    page = json.loads((Path(first.json["page"]).parent / "report.json").read_bytes())
    of = {line["split"]: line for line in page["splits"]}
    assert (of["feedback"]["asked"], of["final"]["asked"], of["promotion"]["asked"]) == (0.04, 0.02, None)
    assert abs(1 - of["train"]["share"] - 0.06) <= 0.01
    before = sides(tmp_path)
    write(tmp_path, range(600))
    assert run("curate", recipe).code == 0
    both = before.join(sides(tmp_path), on="row_id")
    assert both.height == 200 and both["split"].equals(both["split_right"])
    again = run("curate", recipe, "--json")
    assert not again.json["published"]
    assert run("tilth", "verify").code == 0
    replayed = run("curate", recipe, "--what-if", "dedup.near_jaccard=0.9", "--json")
    assert replayed.code == 0 and replayed.json["rows"] == [], replayed.err


def test_what_cannot_be_held_out_is_a_failed_check_that_says_what_to_do(run: Run, tmp_path: Path) -> None:
    recipe = write(tmp_path, range(100))
    text = recipe.read_text()
    recipe.write_text(text.replace("path: rows.jsonl", "path: rows.jsonl, group: topic"))
    refused = run("curate", recipe)
    assert refused.code != 0
    assert "max_split_miss" in refused.out and "DO NOT USE" in refused.out
    said = " ".join(refused.out.split()).replace("\u202f", " ")
    assert "0 % of the rows are held out and 6.0 % were asked for" in said, said
    assert "group: COLUMN" in refused.out
    assert run("validate", recipe).code != 0
    # With the group gone, rows may part: in the family of the versions before, or in a new one.
    recipe.write_text(text.replace("curation: {", "curation: {split: {family: 1}, "))
    assert run("curate", recipe).code == 0
    family = Store.open(tmp_path / ".tilth").candidate("desk").fitted("split")
    assert json.loads(family)["number"] == 1


def test_a_store_from_before_there_were_families_goes_on_as_it_was(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = write(tmp_path, range(200))
    unchecked = ("--set", "checks.max_split_miss=null")
    with monkeypatch.context() as before:
        before.setattr(Splits, "fit", lambda *_: SplitFamily())
        assert run("curate", recipe, *unchecked).code == 0
    write(tmp_path, range(400))
    assert run("curate", recipe, *unchecked).code == 0
    assert Store.open(tmp_path / ".tilth").candidate("desk").fitted("split") is None
    assert set(sides(tmp_path)["split"].drop_nulls()) == {"train"}  # one greeting, one key, as it was
