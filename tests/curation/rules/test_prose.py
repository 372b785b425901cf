from __future__ import annotations

import polars as pl
import pytest

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.quality.columns import COLUMNS
from tilth.curation.recipe import build
from tilth.curation.rules.prose import Prose, ProseScores
from tilth.curation.stage import parameters
from tilth.shards.tables import Shape, Verdict

PAGE = (
    "The ferry leaves the harbour at seven and comes back before dark. We have to be there early, with our coats "
    "and the two baskets that Anna packed. It is not far. Most people sleep on the way, but the view of the "
    "islands is worth staying awake for. Last year a storm kept us on the big island until the morning, and an "
    "old fisherman let all of us sleep in his net loft."
)
EVERY_SET = Prose(sets=("gopher_quality", "gopher_repetition", "c4", "fineweb"))


def documents(*texts: str) -> pl.DataFrame:
    return turn_frame(*[[("document", text)] for text in texts], shape=Shape.DOCUMENT)


def test_plain_prose_passes_every_set() -> None:
    assert reasons(EVERY_SET, documents(PAGE)) == [set()]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Too short to be a page.", "gopher_short_doc"),
        (PAGE.replace(" ", " # "), "gopher_too_many_hashes"),
        (PAGE.replace(".", "... ..."), "gopher_too_many_ellipses"),
        ("\n".join(f"- {line}" for line in PAGE.split(". ")), "gopher_too_many_bullets"),
        (PAGE.replace(". ", "...\n"), "gopher_too_many_end_ellipses"),
        (" ".join(f"{word} 7 8" for word in PAGE.split()), "gopher_few_words_with_letters"),
        ("Ferry leaves harbour seven. " * 20, "gopher_few_stop_words"),
        ("a of to be it in " * 20, "gopher_short_words"),
        ("incomprehensibilities incomprehensibilities the of " * 30, "gopher_long_words"),
        (f"{PAGE}\n\n{PAGE}", "gopher_duplicate_paragraphs"),
        (f"{PAGE}\n{PAGE}", "gopher_duplicate_line_chars"),
        (f"{PAGE} {PAGE}", "gopher_duplicate_10gram_chars"),
        (f"{'tip top ' * 30}{PAGE}", "gopher_top_2gram_chars"),
        (f"{PAGE} Lorem ipsum dolor.", "c4_lorem_ipsum"),
        (f"{PAGE} And f(x) {{ is }} here.", "c4_curly_bracket"),
        (PAGE.replace(".", ","), "c4_too_few_sentences"),
        (PAGE.replace(". ", "\n").rstrip("."), "fineweb_unpunctuated_lines"),
        ("\n".join(PAGE.split(" ")), "fineweb_short_lines"),
        (f"{PAGE}\nRead more about it here.\nRead more about it here.", "fineweb_duplicate_lines"),
        ("\n".join(PAGE.split(" ")), "fineweb_list"),
    ],
)
def test_each_rule_finds_its_defect(text: str, reason: str) -> None:
    assert reason in reasons(EVERY_SET, documents(text))[0]


def test_only_the_chosen_sets_judge() -> None:
    (found,) = reasons(Prose(sets=("c4",)), documents("Too short."))
    assert found == {"c4_too_few_sentences"}
    assert not any(rule.reason.startswith("c4") for rule in Prose().rules())
    assert {rule.verdict for rule in EVERY_SET.rules()} == {Verdict.DROP}


def test_chats_are_scored_and_not_judged() -> None:
    chat = answers("Yes.", PAGE)
    assert Prose().measure(chat).height == 0
    scores = ProseScores().measure(chat)
    assert scores.columns == ["row_id", "turn", *COLUMNS]
    assert scores["words"].to_list() == [1.0, len(PAGE.split())]
    assert ProseScores().rules() == ()
    assert ProseScores().measure(documents(PAGE)).height == 0


def test_a_recipe_may_name_sets_move_bounds_and_switch_bounds_off() -> None:
    assert build(Prose, ["c4"], ("curation", "prose")) == Prose(sets=("c4",))
    moved = build(Prose, {"min_words": 3, "min_stop_words": None, "verdict": "keep"}, ("curation", "prose"))
    assert reasons(moved, documents(PAGE.replace("the", "ye")[:181] + ".")) == [set()]
    assert {rule.verdict for rule in moved.rules()} == {Verdict.KEEP}
    assert parameters(moved, limits=False) == {}, "every bound can be replayed"


def test_an_empty_batch_has_the_columns_of_a_full_one() -> None:
    assert Prose().measure(turn_frame()).schema == Prose().measure(documents(PAGE)).schema
