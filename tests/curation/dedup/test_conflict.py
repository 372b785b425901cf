"""Conflicts: only where there can be one answer."""

from __future__ import annotations

import pytest

from tests.row_frames import make_rows
from tilth.curation.dedup.conflict import Conflict
from tilth.shards.tables import Verdict


def verdicts(pairs: list[tuple[str, str]], stage: Conflict | None = None) -> dict[str, str]:
    stage = stage or Conflict()
    frame, texts = make_rows(pairs)
    found = stage.decide(frame, stage.evidence(frame, texts))
    answers = texts.responses(found["row_id"])
    return {a: f"{v} {r}" for a, v, r in zip(answers, found["verdict"], found["reason"])}


def test_short_answers_that_disagree_are_set_aside_together() -> None:
    asked = [("What is 7 * 8?", "56"), ("what is  7 * 8", "54"), ("What is 7 + 8?", "15")]
    assert verdicts(asked) == {
        "56": "quarantine conflicting_answers",
        "54": "quarantine conflicting_answers",
    }


@pytest.mark.parametrize(
    "answers",
    [
        ("Hi, what can I get for you?", "Hello! What would you like today?"),
        ("72", "The answer is 72."),
        ("Paris", "It is Paris!"),
    ],
)
def test_open_ended_and_nested_answers_are_only_tagged(answers: tuple[str, str]) -> None:
    found = verdicts([("Tell me", answer) for answer in answers])
    assert set(found.values()) == {"keep several_answers"}


@pytest.mark.parametrize("answers", [("56", "56."), ("Yes", "yes"), ("a  b", "A b")])
def test_the_same_answer_in_other_dress_is_no_conflict(answers: tuple[str, str]) -> None:
    assert verdicts([("Tell me", answer) for answer in answers]) == {}


def test_a_part_of_a_number_is_another_number() -> None:
    assert set(verdicts([("Count", "7"), ("Count", "72")]).values()) == {"quarantine conflicting_answers"}


def test_rows_without_a_prompt_have_none_in_common() -> None:
    assert verdicts([("", "one"), ("", "two")]) == {}


def test_bounds_are_the_recipes() -> None:
    asked = [
        ("Who built the old bridge?", name) for name in ("a rather long name indeed", "some other long name")
    ]
    assert set(verdicts(asked, Conflict(max_chars=40, verdict=Verdict.DROP)).values()) == {
        "drop conflicting_answers"
    }


@pytest.mark.parametrize(
    ("prompt", "answers"),
    [
        ("Hello there", ("Hi!", "Good day!")),
        ("Guten Abend", ("Hallo!", "Servus!")),
        ("Bonjour, ça va ?", ("Oui, et toi ?", "Très bien !")),
        ("你好", ("您好！", "嗨！")),
        ("Give me any number between 1 and 10.", ("7", "3")),
        ("Nenne mir eine zufällige Zahl von 1 bis 100.", ("42", "17")),
        ("Choisis un nombre entre 1 et 10.", ("4", "9")),
        ("请随机说一个1到10的数字", ("3", "8")),
        ("Roll two dice.", ("7", "11")),
        ("Lanza una moneda: ¿cara o cruz?", ("Cara", "Cruz")),
        ("What is another word for quick?", ("fast", "rapid")),
        ("Nenne ein Synonym für groß.", ("riesig", "mächtig")),
        ("Name a fruit.", ("Apple", "Pear")),
        ("Which colour do you like best?", ("Blue", "Green")),
        ("Complete the sentence: the cat is on the", ("mat", "roof")),
        ("¿Estás bien hoy?", ("Sí", "No")),
    ],
)
def test_small_talk_picks_and_synonyms_are_only_tagged(prompt: str, answers: tuple[str, str]) -> None:
    assert set(verdicts([(prompt, answer) for answer in answers]).values()) == {"keep several_answers"}


@pytest.mark.parametrize(
    ("prompt", "answers"),
    [
        ("Wie viele Tage hat der Februar in einem Schaltjahr?", ("29", "28")),
        ("Combien de pattes a une araignée ?", ("8", "6")),
        ("¿Quién pintó la Mona Lisa del museo?", ("Leonardo", "Rafael")),
        ("水的沸点是多少摄氏度？", ("100", "90")),
        ("Is 91 a prime number? Answer yes or no.", ("yes", "no")),
        (
            "Label the tone of this review as good or bad: the soup was cold and the waiter rude.",
            ("good", "bad"),
        ),
    ],
)
def test_facts_counts_and_labels_have_one_answer(prompt: str, answers: tuple[str, str]) -> None:
    found = verdicts([(prompt, answer) for answer in answers])
    assert set(found.values()) == {"quarantine conflicting_answers"}


@pytest.mark.parametrize("answers", [("15", "15.0"), ("1,500", "1500"), ("$2.50", "$2.5"), ("-3", "-3.00")])
def test_a_number_in_another_notation_is_the_same_answer(answers: tuple[str, str]) -> None:
    assert verdicts([("How many are left of them?", answer) for answer in answers]) == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Is 'Polish' a language?", "Is 'polish' a language?"),
        ("What does March mean to a farmer?", "What does march mean to a farmer?"),
        ("Fix it:\nfor i in a:\n    s += i\n    print(s)", "Fix it:\nfor i in a:\n    s += i\nprint(s)"),
    ],
)
def test_case_and_indentation_are_part_of_a_question(one: str, other: str) -> None:
    assert verdicts([(one, "5"), (other, "6")]) == {}


def test_a_question_in_capitals_or_with_a_small_first_letter_is_the_same() -> None:
    asked = [
        ("how many legs has a spider?", "8"),
        ("How many legs has a spider", "6"),
        ("HOW MANY DAYS IN MAY?", "31"),
    ]
    assert set(verdicts(asked)) == {"8", "6"}
