"""Every key of a recipe says what it is; an unknown one is told the nearest, a wrong value what the key takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilth.curation.stage import registry
from tilth.shards.errors import UsageError
from tilth.workbench.recipes.keys import nearest, recipe_keys
from tilth.workbench.recipes.recipe_file import load

MINIMAL = "name: desk\nsources: [{path: rows.jsonl}]\n"


def test_every_key_has_a_type_and_a_sentence() -> None:
    keys = recipe_keys()
    assert [key.path for key in keys if not key.sentence or not key.type] == []
    assert len({key.path for key in keys}) == len(keys)
    paths = {key.path for key in keys}
    assert {f"curation.{name}" for name in registry()} <= paths
    assert {
        "training.lora.rank",
        "sources[].map",
        "evaluation.tasks[].metric",
        "limits.max_line_bytes",
    } <= paths


def test_a_key_knows_its_unit_range_and_default() -> None:
    keys = {key.path: key for key in recipe_keys()}
    jaccard = keys["curation.dedup.near_jaccard"]
    assert (jaccard.range, jaccard.default, jaccard.unit) == ("from 0 to 1", "0.8", "share")
    pack = keys["training.pack_tokens"]
    assert (pack.unit, pack.range) == ("tokens", "from 1 to 1,000,000,000")
    assert keys["training.rate"].range == "above 0 to 1"
    assert keys["checks.max_leak_rate"].takes == "number or null from 0 to 1 (default 0.0)"


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        (("training", "rank"), "did you mean 'training.lora.rank'?"),
        (("training", "lora_rank"), "did you mean 'training.lora.rank'?"),
        (("training", "learning_rate"), "did you mean 'rate'?"),
        (("training", "epoch"), "did you mean 'epochs'?"),
        (("curation", "near_jaccard"), "did you mean 'curation.dedup.near_jaccard'?"),
        (("near_jaccard",), "did you mean 'curation.dedup.near_jaccard'?"),
        (("train",), "did you mean 'training'?"),
        (("sources", 0, "pth"), "did you mean 'path'?"),
        (("training", "lora", "frobnicate"), "known here: alpha"),
    ],
)
def test_an_unknown_key_is_told_the_nearest(path: tuple[str | int, ...], hint: str) -> None:
    assert nearest(path).startswith(hint)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("curation.dedup.near_jaccard=1.9", "from 0 to 1 (default 0.8)"),
        ("curation.split.feedback=-0.1", "from 0 to 1"),
        ("curation.length.min_chars=-1", "from 0"),
        ("curation.pushback.max_row_share=7", "from 0 to 1"),
        ("curation.balance.max_weight=0.5", "from 1"),
        ("limits.max_depth=0", "from 1"),
        ("training.rate=-1", "above 0 to 1"),
        ("checks.max_leak_rate=2", "from 0 to 1"),
    ],
)
def test_a_number_out_of_range_is_told_the_range(tmp_path: Path, setting: str, words: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(MINIMAL + "training: {base: none}\n")
    with pytest.raises(UsageError) as refused:
        load(path, (setting,))
    assert refused.value.exit_code == 2
    assert words in refused.value.message() and setting.partition("=")[0] in refused.value.message()
