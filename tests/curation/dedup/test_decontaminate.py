"""Decontamination: whole items, covered items, long spans; never a turn of phrase."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tests.row_frames import make_rows
from tilth.curation.dedup.decontaminate import Decontaminate
from tilth.curation.run.texts import HeldTexts
from tilth.shards.errors import SourceError, UsageError
from tilth.shards.tables import ROWS, TURNS, conform

LONG = "A farmer has twelve hens and each hen lays three eggs a week so how many eggs are there after a month"
ANSWER = (
    "First we count the hens which are twelve then we multiply by three to get thirty six eggs a week "
    "and over the four weeks of a month that makes one hundred and forty four eggs in all"
)
Pair = tuple[str, str]


def eval_file(folder: Path, items: list[Pair]) -> str:
    path = folder / "evals.jsonl"
    path.write_text("".join(json.dumps({"prompt": p, "response": r}) + "\n" for p, r in items), "utf-8")
    return str(path)


def found(folder: Path, rows: list[Pair], items: list[Pair], **limits: object) -> list[tuple]:
    stage = Decontaminate(paths=(eval_file(folder, items),), **limits)  # type: ignore[arg-type]
    frame, texts = make_rows(rows)
    drops = stage.decide(frame, stage.evidence(frame, texts))
    assert set(drops["verdict"]) <= {"drop"}
    said = texts.prompts(drops["row_id"])
    return sorted(zip(said, drops["reason"], drops["value"], drops["turn"]))


def test_a_copied_prompt_is_found_in_a_longer_row(tmp_path: Path) -> None:
    row = (f"Solve this. {LONG.upper()}? Think first.", "144")
    assert found(tmp_path, [row, ("Something else entirely", "x")], [(LONG, "144")]) == [
        (row[0], "covers_eval_item", 1.0, 0)
    ]


def test_fields_stand_for_themselves(tmp_path: Path) -> None:
    half = " ".join(LONG.split()[:10])
    assert found(tmp_path, [("Other words", ANSWER)], [(LONG, ANSWER)]) == [
        ("Other words", "covers_eval_item", 1.0, 1)
    ]
    assert found(tmp_path, [(half, "36")], [(LONG, "144")]) == []
    assert found(tmp_path, [("Other words", "144")], [(LONG, "144")]) == []


def test_a_short_item_must_be_the_whole_turn(tmp_path: Path) -> None:
    rows = [("What is 17 + 4?", "21"), ("What is 17 - 4?", "13"), ("Say: what is 17 + 4? Now.", "21")]
    assert found(tmp_path, rows, [("what is  17 + 4", "21")]) == [("What is 17 + 4?", "is_eval_item", 1.0, 0)]


def test_turns_of_phrase_are_ignored_and_whole_items_are_not(tmp_path: Path) -> None:
    phrase = "Please answer the following question about our parcel depot in one short sentence"
    rows = [(f"{phrase} number {i}", "x") for i in range(30)]
    assert found(tmp_path, rows, [(f"{phrase} where does the van stop on rainy mondays", "y")]) == []
    assert len(found(tmp_path, rows, [(phrase, "y")])) == 30


def test_a_long_span_counts_by_itself(tmp_path: Path) -> None:
    context = " ".join(f"fact{i}" for i in range(300))
    span = " ".join(f"fact{i}" for i in range(100, 160))
    rows = [(f"Read this {span} and go on", "x")]
    assert [f[1:3] for f in found(tmp_path, rows, [(context, "y")])] == [("shares_eval_span", 60.0)]
    assert found(tmp_path, rows, [(context, "y")], rule="tulu-3") == []
    assert found(tmp_path, rows, [(context, "y")], max_span=61) == []


def test_the_evidence_names_the_item(tmp_path: Path) -> None:
    path = eval_file(tmp_path, [("What was it?", "y"), (LONG, "144")])
    frame, texts = make_rows([(LONG, "x")])
    evidence = Decontaminate(paths=(path,)).evidence(frame, texts)
    assert evidence["item"].to_list() == ["evals.jsonl:2"]
    assert evidence["field"].to_list() == ["prompt"]


def test_without_files_nothing_is_read() -> None:
    frame, texts = make_rows([(LONG, "x")])
    stage = Decontaminate()
    assert stage.decide(frame, stage.evidence(frame, texts)).is_empty()


def test_an_item_that_cannot_be_read_stops_the_run(tmp_path: Path) -> None:
    path = Path(eval_file(tmp_path, [(LONG, "144")]))
    path.write_text(path.read_text("utf-8") + '\n{"prompt": "secret words\n', "utf-8")
    frame, texts = make_rows([(LONG, "x")])
    with pytest.raises(SourceError, match=r"evals\.jsonl:3: .*cannot be read") as stopped:
        Decontaminate(paths=(str(path),)).evidence(frame, texts)
    assert "secret" not in str(stopped.value)


def test_a_row_of_another_run_is_not_judged(tmp_path: Path) -> None:
    stage = Decontaminate(paths=(eval_file(tmp_path, [(LONG, "144")]),))
    frame, texts = make_rows([(LONG, "x"), ("other", "y")])
    kept = frame.filter(
        pl.col("row_id") != frame["row_id"][texts.prompts(frame["row_id"]).to_list().index(LONG)]
    )
    assert stage.evidence(kept, texts).is_empty()


@pytest.mark.parametrize("side", ["chosen", "rejected"])
def test_both_sides_of_a_preference_pair_are_looked_at(tmp_path: Path, side: str) -> None:
    said = {"chosen": "A short answer.", "rejected": "Another one."} | {side: ANSWER}
    turns = [
        {"row_id": b"p" * 16, "turn": place, "role": role, "text": text}
        for place, (role, text) in enumerate([("user", "Other words"), *said.items()])
    ]
    given = {name: TURNS[name] for name in ("row_id", "turn", "role", "text")}
    texts = HeldTexts(conform(pl.DataFrame(turns, schema=given), TURNS))
    rows = conform(pl.DataFrame({"row_id": [b"p" * 16], "shape": ["preference"]}), ROWS)
    stage = Decontaminate(paths=(eval_file(tmp_path, [(LONG, ANSWER)]),))
    drops = stage.decide(rows, stage.evidence(rows, texts))
    assert drops.select("reason", "turn").rows() == [("covers_eval_item", 1 if side == "chosen" else 2)]


TASK = "Read the note below and say whether its writer is content, angry or neither of the two. One word, no more."


def test_an_instruction_that_rows_share_with_an_item_is_no_leak(tmp_path: Path) -> None:
    notes = (
        "The van came late and wet.",
        "All is well with the keys.",
        "It is a door.",
        "We wait for the second parcel.",
    )
    rows = [(f"{TASK}\n\nNote: {note}", "angry") for note in notes[:2]]
    one, two = ((f"{TASK}\n\nNote: {note}", "content") for note in notes[2:])
    assert found(tmp_path, rows, [one]) == []
    assert found(tmp_path, rows, [one, two]) == []
    # In one paragraph only the items say which words are the instruction.
    flat = [(f"{TASK} Note: {note}", "angry") for note in notes]
    assert found(tmp_path, flat[:2], flat[2:]) == []
    assert [reason for _, reason, *_ in found(tmp_path, [flat[2]], flat[2:])] == ["covers_eval_item"]
    assert [reason for _, reason, *_ in found(tmp_path, [one], [one, two])] == ["covers_eval_item"]


@pytest.mark.parametrize("times", [1, 9, 14, 40])
def test_a_leak_with_a_word_changed_is_found_however_often_it_stands_there(
    tmp_path: Path, times: int
) -> None:
    words = LONG.split()
    added = [
        (" ".join([*words[:18], "long", *words[18:]]) + "?", f"So it is 144, by way {n}.")
        for n in range(times)
    ]
    assert len(found(tmp_path, added, [(LONG, "144")])) == times
    # Each with another word changed.
    swapped = [
        (" ".join([*words[: n % 20], "maybe", *words[n % 20 + 1 :]]) + f" Way {n}.", "144")
        for n in range(times)
    ]
    assert len(found(tmp_path, swapped, [(LONG, "144")])) == times


def test_a_template_of_many_rows_is_no_leak_of_the_item_that_fills_it_otherwise(tmp_path: Path) -> None:
    rows = [
        (f"{TASK} Note: the parcel of house {n} came by van {n + 7} in time", "content") for n in range(40)
    ]
    item = f"{TASK} Note: nobody has seen our cat since the storm broke"
    assert found(tmp_path, rows, [(item, "angry")]) == []


REWORDED = "After a month, how many eggs are there if every one of twelve hens of a farmer lays three a week?"


def test_an_item_in_other_words_is_tagged_where_the_recipe_asks(tmp_path: Path) -> None:
    rows = [
        (REWORDED, "144"),
        ("Where does the van stop on rainy mondays in the old town?", "144"),
        (LONG, "144"),
    ]
    assert [reason for _, reason, *_ in found(tmp_path, rows, [(LONG, "144")])] == ["covers_eval_item"]
    stage = Decontaminate(paths=(eval_file(tmp_path, [(LONG, "144")]),), rewordings=0.6)
    frame, texts = make_rows(rows)
    drops = stage.decide(frame, stage.evidence(frame, texts))
    by_prompt = dict(zip(texts.prompts(drops["row_id"]), drops.select("reason", "verdict").rows()))
    assert by_prompt == {REWORDED: ("rewords_eval_item", "keep"), LONG: ("covers_eval_item", "drop")}


def test_a_question_counts_without_its_choices(tmp_path: Path) -> None:
    question = "Which of these gases do the leaves of most green plants take in by day?"
    item = f"{question}\nA. Oxygen\nB. Carbon dioxide\nC. Helium\nD. Neon"
    rows = [(question, "Carbon dioxide"), (f"{question} (1) Oxygen (2) Neon", "Neither")]
    assert {reason for _, reason, *_ in found(tmp_path, rows, [(item, "B")])} == {"covers_eval_item"}
    assert len(found(tmp_path, rows, [(item, "B")])) == 2


def test_an_evaluation_file_of_no_known_columns_is_told_so_in_its_own_terms(tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text('{"alpha": "x y", "beta": [1]}\n', "utf-8")
    frame, texts = make_rows([("a", "b")])
    with pytest.raises(SourceError, match="this evaluation file cannot be read"):
        Decontaminate(paths=(str(path),)).evidence(frame, texts)


def test_a_map_reads_an_evaluation_file_of_unknown_columns(tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text(json.dumps({"frage": LONG, "antwort": "144"}) + "\n", "utf-8")
    frame, texts = make_rows([(LONG, "144"), ("a", "b")])
    stage = Decontaminate(paths=(str(path),), map={"prompt": "frage", "response": "antwort"})
    assert stage.decide(frame, stage.evidence(frame, texts))["reason"].to_list() == ["covers_eval_item"]
    with pytest.raises(UsageError, match="no map"):
        Decontaminate(paths=(str(path),), map={"frage": "frage"}).evidence(frame, texts)
