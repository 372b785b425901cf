"""The planted defects are well formed, many enough, and carry no text of the public set."""

from __future__ import annotations

from collections import Counter

from benchmarks.inputs.defects.cases import evaluation, load, read
from benchmarks.inputs.defects.damage import DAMAGES

MIN_CASES = 20
TURNS = [
    {"role": "user", "content": "Why, please?\n\nAn old text, with a comma."},
    {"role": "assistant", "content": "So. #### 4"},
]
OTHER = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "A, b and c. #### 5"}]


def test_ids_are_unique_and_every_class_has_enough_cases() -> None:
    written = [case for case in load(None) if case.group == "defect"]
    damaged = read("damaged.jsonl")
    ids = [case.id for case in written] + [line["id"] for line in damaged]
    assert len(ids) == len(set(ids)) >= 500
    per_class = Counter([case.defect for case in written] + [line["defect"] for line in damaged])
    assert min(per_class.values()) >= MIN_CASES
    assert len(damaged) * 2 >= len(ids)


def test_hard_negatives_are_real_rows_named_once_and_used_nowhere_else() -> None:
    names = [line["row"] for line in read("hard_negatives.jsonl")]
    assert len(names) == len(set(names)) >= 400
    used = {line[key] for line in read("damaged.jsonl") for key in ("row", "other") if key in line}
    assert not used & set(names)


def test_no_text_of_the_public_set_is_stored() -> None:
    allowed = {"id", "defect", "expect", "row", "damage", "number", "other", "beyond"}
    for line in read("damaged.jsonl"):
        assert set(line) <= allowed
        assert all(len(str(value)) < 60 and " " not in str(value) for value in line.values())
    for line in read("hard_negatives.jsonl"):
        assert set(line) <= {"row", "tempts", "fair_tags"} and " " not in line["row"]


def test_every_damage_changes_the_row_and_says_the_same_each_time() -> None:
    for line in read("damaged.jsonl"):
        damage = DAMAGES[line["damage"]]
        damaged = damage(TURNS, OTHER, line["number"])
        assert damaged == damage(TURNS, OTHER, line["number"])
        assert damaged != {"messages": TURNS} or line["damage"] == "copy"


def test_real_rows_become_cases_with_their_twins() -> None:
    class AnyRow(dict):  # type: ignore[type-arg]
        def __missing__(self, key: str) -> object:
            return TURNS

    cases = load(AnyRow())
    assert len({case.id for case in cases}) == len(cases)
    assert Counter(case.group for case in cases)["background"] == 1400
    twins = {case.id.removesuffix("/twin") for case in cases if case.group == "twin"}
    assert twins <= {case.id for case in cases if case.group == "defect"}
    assert len(evaluation(AnyRow())) > len(evaluation(None)) > 0
