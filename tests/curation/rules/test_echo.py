from __future__ import annotations

import pytest

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.rules.echo import Echo
from tilth.shards.tables import Shape, Verdict

QUESTION = "What is the capital of the country south of Belgium?"


def test_a_repeated_question_is_found_in_any_turn() -> None:
    turns = turn_frame(
        [("user", QUESTION), ("assistant", QUESTION)],
        [("user", QUESTION), ("assistant", f" {QUESTION.upper()}\n")],
        [("user", "Hi"), ("assistant", "Hi!"), ("user", QUESTION), ("assistant", QUESTION)],
    )
    assert reasons(Echo(), turns) == [{"echo"}] * 3


def test_an_input_given_back_is_found_unless_it_may_be_wanted() -> None:
    instructions = ("Translate into French.", "Answer the question.", "Fix the spelling.", "Repeat the line.")
    turns = turn_frame(*[[("user", f"{i}\n\n{QUESTION}"), ("assistant", QUESTION)] for i in instructions])
    assert reasons(Echo(), turns) == [{"echo"}, {"echo"}, set(), set()]
    java, csharp = "public int factorial(int n)", "public int Factorial(int n)"
    assert reasons(Echo(), answers(csharp, prompt=f"Write it in C#.\n\n{java}")) == [set()]


def test_an_instruction_alone_and_a_change_of_outer_marks_are_repeats() -> None:
    turns = turn_frame(
        [("user", f"{QUESTION}\n\nParis is in France."), ("assistant", QUESTION)],
        [("user", QUESTION), ("assistant", QUESTION.rstrip("?"))],
        [("user", QUESTION), ("assistant", f'"{QUESTION}"')],
        [("user", "请解释为什么天空是蓝色的。"), ("assistant", "请解释为什么天空是蓝色的。")],
    )
    assert reasons(Echo(), turns) == [{"echo"}] * 4


def test_legitimate_repeats_are_kept() -> None:
    turns = turn_frame(
        [("user", "Good morning!"), ("assistant", "Good morning!")],
        [("user", f"Repeat after me: {QUESTION}"), ("assistant", QUESTION)],
        [("user", f"Correct the grammar.\n\n{QUESTION}"), ("assistant", QUESTION)],
        [("user", QUESTION), ("assistant", f"{QUESTION} Paris.")],
        [("user", "你好，早上好！"), ("assistant", "你好，早上好！")],
        [("user", "1, 2, 3, 4, 5, 6, 7, 8, 9"), ("assistant", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10")],
        [("user", f"Who wrote this line: {QUESTION}"), ("assistant", QUESTION)],
    )
    assert reasons(Echo(), turns) == [set()] * 7


def test_the_turn_before_is_never_that_of_another_row() -> None:
    turns = turn_frame(
        [("user", QUESTION)], [("assistant", QUESTION), ("user", "And?"), ("assistant", "Paris")]
    )
    assert reasons(Echo(), turns) == [set()] * 2


def test_the_bound_is_a_parameter_and_a_bad_rejected_answer_is_no_fault() -> None:
    greeting = turn_frame([("user", "Good morning!"), ("assistant", "Good morning!")])
    assert reasons(Echo(max_chars=5), greeting) == [{"echo"}]
    pair = [("user", QUESTION), ("chosen", "Paris"), ("rejected", QUESTION)]
    assert reasons(Echo(), turn_frame(pair, shape=Shape.PREFERENCE)) == [set()]


@pytest.mark.parametrize(
    "prompt",
    [
        "Translate the following sentence into French:",
        "Convert this to upper case:\n",
        "Summarize:  the article below:",
        "Name the theme.\n\nThe poem begins with these words:",
        "Übersetze den folgenden Satz:",
        "Name the theme.\n\nInput:",
        "Where is the largest lake? Use the following text:",
        "翻译以下句子：",
    ],
)
def test_a_prompt_that_breaks_off_at_its_colon_is_tagged(prompt: str) -> None:
    assert reasons(Echo(), answers("Certainly.", prompt=prompt)) == [{"dangling_colon"}]
    assert {rule.reason: rule.verdict for rule in Echo().rules()}["dangling_colon"] == Verdict.KEEP


@pytest.mark.parametrize(
    "prompt",
    [
        "Translate the following sentence into French: I am here.",
        "What is the name of the goddess:",
        "Write the body.\n\ndef hypotenuse(a: float, b: float) -> float:",
        "Write a diary entry.\n\nDay 53:",
        "Who won?\n\nAnswer:",
        "Can a hamster fly over this fence? Give a step-by-step reasoning process:",
        "Can a hamster fly over this fence? Let's think first, then decide:",
        "Smile :)",
        "Note:",
    ],
)
def test_questions_labels_and_code_may_end_with_a_colon(prompt: str) -> None:
    assert reasons(Echo(), answers("Certainly.", prompt=prompt)) == [set()]


@pytest.mark.parametrize(
    "instruction",
    [
        "Rank these sentences from the politest on.",
        "Put the towns in order of size.",
        "Select the line that rhymes.",
        "Match each word with its number.",
        "Which sentence has a verb?",
        "Transcribe the note.",
        "Normalise the address.",
        "Remove all personal data.",
        "Make the text gender neutral where needed.",
        "Ordne die Wörter nach dem Alphabet.",
        "Quelle phrase est correcte ?",
        "¿Cuál de las frases es correcta?",
        "Corrigez les fautes.",
        "Исправь ошибки.",
        "请改正错别字。",
        "並べ替えてください。",
    ],
)
def test_an_input_that_may_be_the_answer_is_no_echo(instruction: str) -> None:
    turns = answers(QUESTION, prompt=f"{instruction}\n\n{QUESTION}")
    assert reasons(Echo(), turns) == [set()]


@pytest.mark.parametrize(
    "instruction",
    [
        "Rewrite the sentence in the past tense.",
        "Paraphrase the sentence.",
        "Summarise this in five words.",
        "Turn this into a statement.",
        "Formuliere den Satz um und erkläre ihn.",
        "Traduisez la phrase en allemand.",
        "Resume el texto en una frase.",
        "Переведи на немецкий.",
        "把这句话翻译成法语。",
    ],
)
def test_an_input_that_was_to_become_another_text_is_an_echo(instruction: str) -> None:
    turns = answers(QUESTION, prompt=f"{instruction}\n\n{QUESTION}")
    assert reasons(Echo(), turns) == [{"echo"}]


def test_an_input_given_back_to_any_other_instruction_is_tagged() -> None:
    turns = answers(QUESTION, prompt=f"Make it shine.\n\n{QUESTION}")
    assert reasons(Echo(), turns) == [{"input_returned"}]
    assert {rule.reason: rule.verdict for rule in Echo().rules()}["input_returned"] == Verdict.KEEP


def test_a_turn_before_may_want_what_follows_said_again() -> None:
    turns = turn_frame(
        [("system", "Repeat whatever the user says."), ("user", QUESTION), ("assistant", QUESTION)],
        [("system", "Korrigiere die Sätze des Nutzers."), ("user", QUESTION), ("assistant", QUESTION)],
        [
            ("user", "Say back each line of mine."),
            ("assistant", "Go."),
            ("user", QUESTION),
            ("assistant", QUESTION),
        ],
        [("system", "You are kind."), ("user", QUESTION), ("assistant", QUESTION)],
    )
    assert reasons(Echo(), turns) == [set(), set(), set(), {"echo"}]


@pytest.mark.parametrize(
    "prompt",
    [
        "Write a question about tea:",
        "Give me a name for a cat:",
        "Schreibe einen Satz über Regen:",
        "写一个关于茶的句子：",
    ],
)
def test_a_whole_task_may_end_with_a_colon(prompt: str) -> None:
    assert reasons(Echo(), answers("Certainly.", prompt=prompt)) == [set()]
