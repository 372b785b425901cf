"""Recipes: what is accepted, and the line that every refusal names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilth.shards.errors import UsageError
from tilth.workbench.recipes.recipe_file import load

MINIMAL = "name: desk\nsources:\n  - path: rows.jsonl\ntraining:\n  base: some-model\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str, *overrides: str) -> str:
    with pytest.raises(UsageError) as caught:
        load(write(folder, text), overrides)
    assert caught.value.exit_code == 2
    return caught.value.message()


def test_name_source_and_base_are_a_recipe(tmp_path: Path) -> None:
    recipe = load(write(tmp_path, MINIMAL))
    assert recipe.name == "desk"
    assert recipe.require_training().base == "some-model"
    names = [stage.name for stage in recipe.curation.stages]
    assert names.index("unicode") < names.index("length") < names.index("split") < names.index("dedup")


def test_unknown_key_names_line_and_neighbour(tmp_path: Path) -> None:
    message = refusal(tmp_path, MINIMAL + "  lora_rank: 8\n")
    assert message.startswith(
        "recipe.yaml:6: training.lora_rank: unknown key; did you mean 'training.lora.rank'?"
    )


def test_unknown_stage_parameter_is_found_in_its_line(tmp_path: Path) -> None:
    message = refusal(tmp_path, MINIMAL + "curation:\n  dedup:\n    near_jacard: 0.8\n")
    assert message.startswith(
        "recipe.yaml:8: curation.dedup.near_jacard: unknown key; did you mean 'near_jaccard'?"
    )


def test_wrong_type_is_refused(tmp_path: Path) -> None:
    assert "recipe.yaml:8: curation.dedup.near_jaccard" in refusal(
        tmp_path, MINIMAL + "curation:\n  dedup:\n    near_jaccard: high\n"
    )


def test_null_switches_a_stage_off(tmp_path: Path) -> None:
    recipe = load(write(tmp_path, MINIMAL + "curation: {language: null}\n"))
    assert "language" not in [stage.name for stage in recipe.curation.stages]


def test_set_overrides_and_reads_yaml_numbers(tmp_path: Path) -> None:
    recipe = load(write(tmp_path, MINIMAL), ("training.rate=1e-5", "curation.dedup.near_jaccard=0.9"))
    assert recipe.require_training().rate == 1e-5
    assert next(s for s in recipe.curation.stages if s.name == "dedup").near_jaccard == 0.9


def test_set_errors_name_the_option(tmp_path: Path) -> None:
    assert refusal(tmp_path, MINIMAL, "training.rat=1").startswith(
        "--set training.rat: training.rat: unknown key"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: a\nname: b\n", "recipe.yaml:2: the same key stands here twice"),
        ("name: [a\n", "not valid YAML"),
        ("- a\n", "does not hold keys"),
        ("name: !!python/object:os.system x\n", "tags, anchors and aliases are refused"),
        ("a: &x [1]\nb: *x\n", "tags, anchors and aliases are refused"),
        ("name: desk\n", "sources: is missing"),
        ("name: ../up\nsources: [{path: a}]\n", "must be letters"),
        (
            f"{MINIMAL}  method: graduall\n",
            "recipe.yaml:6: training.method: there is no method 'graduall'; did you mean 'gradual'?",
        ),
        (
            f"{MINIMAL}  freeze_layers: 2\n  lora: {{variant: osf}}\n",
            "recipe.yaml:6: training.freeze_layers: leaves layers without adapters",
        ),
        ("name: desk\nsources: [{path: a, colour: red}]\n", "recipe.yaml:2: sources.0.colour: unknown key"),
    ],
)
def test_refusals_are_one_clear_message(tmp_path: Path, text: str, words: str) -> None:
    assert words in refusal(tmp_path, text)


def test_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tilth init"):
        load(tmp_path / "none.yaml")


def test_a_report_without_examples_shows_no_answers(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    for examples, shown in ((50, True), (0, False)):
        path.write_text(f"name: a\nsources: [{{path: x}}]\nreport: {{examples: {examples}}}\n")
        assert load(path).evaluation.show_answers is shown


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.jsonl.zst"])
def test_a_data_file_is_no_recipe_and_init_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x28\xb5\x2f\xfd")
    with pytest.raises(UsageError, match=f"data file, not a recipe.*tilth init .*{name}"):
        load(tmp_path / name)
