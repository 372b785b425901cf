"""A user's own rules."""

from __future__ import annotations

import json

import pytest

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.recipe import parse
from tilth.curation.rules.custom import Custom, CustomRule
from tilth.curation.run.provenance import recipe_digest
from tilth.shards.errors import RecipeError
from tilth.shards.tables import Verdict

NO_DIGITS = {
    "name": "no_digits",
    "expression": '~pl.col("response").str.contains("[0-9]")',
    "verdict": "drop",
}
LONG = {"name": "long_answer", "expression": 'pl.col("response").str.len_chars()', "high": 10}


def custom(*rules: dict[str, object], tmp_path) -> Custom:  # type: ignore[no-untyped-def]
    stages = parse({"custom": list(rules)}, tmp_path).stages
    return next(s for s in stages if isinstance(s, Custom))


def test_a_recipe_adds_rules(tmp_path) -> None:  # type: ignore[no-untyped-def]
    stage = custom(NO_DIGITS, LONG, tmp_path=tmp_path)
    assert reasons(stage, answers("none", "42", "forty two and 2", None)) == [
        {"no_digits"}, set(), {"long_answer"}, set(),
    ]  # fmt: skip
    assert [r.verdict for r in stage.rules()] == [Verdict.DROP, Verdict.KEEP]


def test_rules_see_the_parts_of_a_row(tmp_path) -> None:  # type: ignore[no-untyped-def]
    row = [("system", "Be kind."), ("user", "One?"), ("assistant", "1"), ("user", "Two?"), ("assistant", "2")]
    checks = {
        "system": '(pl.col("system") == "Be kind.") & (pl.col("turns") == 5)',
        "parts": '(pl.col("prompt") == "Be kind.\\nOne?\\n1\\nTwo?") & (pl.col("response") == "2")',
        "text": 'pl.col("text").str.ends_with("Two?\\n2") & (pl.col("shape") == "chat")',
        "attribute": '(pl.col("category") == "qa") & (pl.col("stars").cast(pl.Float64) > 3)',
    }
    stage = custom(*({"name": n, "expression": e} for n, e in checks.items()), tmp_path=tmp_path)
    attributes = [json.dumps({"category": "qa", "stars": 4}), None]
    frame = turn_frame(row, [("user", "Hello"), ("assistant", "Hi")], attributes=attributes)  # type: ignore[list-item]
    assert reasons(stage, frame) == [set(checks), set()]
    assert stage.attributes() == ["category", "stars"]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([{**NO_DIGITS, "expression": "import os"}], "rule 'no_digits'"),
        ([NO_DIGITS, NO_DIGITS], "must be a word of its own"),
        ([{**NO_DIGITS, "name": "two words"}], "must be a word of its own"),
        ([{**NO_DIGITS, "verdict": "delete"}], "verdict"),
        ([{"name": "x"}], "expression"),
    ],
)
def test_a_bad_rule_is_refused_by_its_key(rules: list[dict[str, object]], said: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RecipeError, match=r"curation\.custom") as refused:
        custom(*rules, tmp_path=tmp_path)
    assert said in str(refused.value)


def test_a_rule_is_part_of_the_recipes_identity(tmp_path) -> None:  # type: ignore[no-untyped-def]
    digests = {
        recipe_digest([], parse({"custom": [r]}, tmp_path)) for r in (NO_DIGITS, LONG, {**LONG, "high": 11})
    }
    assert len(digests) == 3
    assert CustomRule(**LONG) != CustomRule(**{**LONG, "high": 11})  # type: ignore[arg-type]
