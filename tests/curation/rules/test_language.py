from __future__ import annotations

import polars as pl
import pytest

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.rules.language import Language
from tilth.shards.tables import Shape, Verdict

ENGLISH = "Could you tell me when the post office in the old town opens tomorrow morning?"
GERMAN = "Das Postamt in der Altstadt öffnet morgen früh um acht Uhr und schließt um sechs."
FRENCH = "Le bureau de poste de la vieille ville ouvre demain matin à huit heures précises."
CODE = "def opening_time(day):\n    return times[day]\n\nresult = opening_time('monday')\nprint(result)"
MISMATCH = {"answered_in_another_language"}


def test_an_answer_in_another_language_is_tagged() -> None:
    turns = turn_frame(
        [("user", ENGLISH), ("assistant", GERMAN)],
        [("user", GERMAN), ("assistant", FRENCH)],
        [("user", ENGLISH), ("assistant", "At eight."), ("user", "And the bank?"), ("assistant", GERMAN)],
        [("user", ENGLISH), ("chosen", GERMAN), ("rejected", ENGLISH)],
    )
    assert reasons(Language(), turns) == [MISMATCH] * 4
    (mismatch,) = [rule for rule in Language().rules() if rule.measure == "mismatch"]
    assert mismatch.verdict == Verdict.KEEP


@pytest.mark.parametrize(
    "prompt",
    [
        f"Translate into German: {ENGLISH}",
        f"{ENGLISH} Answer in German, please.",
        f"Übersetze bitte den folgenden Satz: {FRENCH}",
        f"Traduis cette phrase en allemand : {FRENCH}",
        f"把下面的句子翻译成德语：{ENGLISH}",
    ],
)
def test_translations_are_not_tagged(prompt: str) -> None:
    assert reasons(Language(), answers(GERMAN, prompt=prompt)) == [set()]


def test_a_system_turn_may_ask_for_the_language() -> None:
    turns = turn_frame([("system", "Always reply in German."), ("user", ENGLISH), ("assistant", GERMAN)])
    assert reasons(Language(), turns) == [set()]


@pytest.mark.parametrize(
    "answer",
    [
        CODE,
        f"```python\n{CODE}\n```",
        "Guten Morgen!",
        "42",
        "Barolo, La Morra, Cherasco, Verduno and Roddi are villages.",
        "SELECT name FROM employees WHERE department = 'sales';",
    ],
)
def test_code_names_and_short_answers_are_not_tagged(answer: str) -> None:
    assert reasons(Language(), answers(answer, prompt=ENGLISH)) == [set()]
    assert Language().measure(answers(answer, prompt=ENGLISH))["language"].to_list() == ["en"]


@pytest.mark.parametrize(
    "answer",
    [
        "Albert Einstein was a wikipedia('Albert Einstein').",
        "-14 + (-8) + 1 = <<-14+-8+1=-21>>-21 degrees Fahrenheit\n-21/3 = <<-21/3=-7>>-7 degrees "
        "Fahrenheit\nThe average temperature was -7 degrees Fahrenheit.\n#### -7",
    ],
)
def test_names_and_sums_are_no_other_language(answer: str) -> None:
    assert reasons(Language(), answers(answer, prompt=ENGLISH)) == [set()]


def test_a_quotation_from_the_prompt_is_not_tagged() -> None:
    title = "Variations of Snow and Ice in the past and at present on a Global and Regional Scale"
    prompt = f"{GERMAN} Welche Quelle wird genannt? Der Bericht heißt „{title}“."
    assert reasons(Language(), answers(title, prompt=prompt)) == [set()]
    assert reasons(Language(), answers(title, prompt=GERMAN)) == [MISMATCH]


SPANISH = (
    "¿Podría decirme a qué hora abre mañana la oficina de correos del casco antiguo? Tengo que enviar un paquete a mi "
    "hermana y no quiero llegar tarde al trabajo."
)
PORTUGUESE = (
    "A agência dos correios do centro histórico abre amanhã às oito horas da manhã e fecha às seis da tarde. Não se "
    "esqueça de levar o seu documento de identificação para enviar a encomenda à sua irmã."
)


def test_an_answer_in_a_near_language_is_tagged_when_it_is_long_enough() -> None:
    assert reasons(Language(), answers(PORTUGUESE, prompt=SPANISH)) == [MISMATCH]
    assert reasons(Language(), answers(SPANISH, prompt=PORTUGUESE)) == [MISMATCH]
    assert reasons(Language(), answers("Abre amanhã às oito horas, no centro.", prompt=SPANISH)) == [set()]
    assert reasons(Language(), answers(SPANISH, prompt=SPANISH)) == [set()]


def test_only_languages_to_keep_stay() -> None:
    turns = turn_frame(
        [("user", ENGLISH), ("assistant", ENGLISH)],
        [("user", FRENCH), ("assistant", FRENCH)],
        [("user", ENGLISH), ("assistant", "Oui, d'accord")],
        [
            ("user", ENGLISH),
            ("assistant", "Վաղն առավոտյան մենք կգնանք շուկա և թարմ հաց կգնենք ընտանիքի համար։"),
        ],
    )
    assert reasons(Language(keep=("en", "de")), turns) == [set(), {"language_not_kept"}, set(), set()]
    assert Language().measure(turns)["outside"].null_count() == turns["row_id"].n_unique()


def test_measures_of_documents_and_of_rows_without_a_response() -> None:
    document = turn_frame([("document", FRENCH)], shape=Shape.DOCUMENT)
    lone = turn_frame([("user", GERMAN)])
    columns = ["language", "response_language", "prompt_language", "mismatch"]
    assert Language().measure(document).select(columns).rows() == [("fr", "fr", "unknown", 0.0)]
    assert Language().measure(lone).select(columns).rows() == [("de", "unknown", "de", 0.0)]


def test_an_empty_batch_has_the_columns_of_a_full_one() -> None:
    stage = Language(keep=("en",))
    assert stage.measure(turn_frame()).schema == stage.measure(answers(ENGLISH)).schema
    assert stage.measure(answers(ENGLISH)).schema["language"] == pl.String()


def test_an_answer_in_the_language_that_the_prompt_names_is_no_mismatch() -> None:
    english = "Good morning is said before noon, and good night before people go to bed in the evening."
    asked = {
        "hu": "Hogyan köszöntik egymást az emberek reggel és este angolul? Írd le kérlek!",
        "pl": "Jak ludzie witają się rano i żegnają wieczorem po angielsku? Opisz to.",
        "cs": "Jak se lidé zdraví ráno a loučí večer anglicky? Popiš to prosím celou větou.",
        "sv": "Hur hälsar människor på varandra på morgonen och kvällen på engelska?",
        "fi": "Miten ihmiset tervehtivät toisiaan aamulla ja illalla englanniksi?",
        "el": "Πώς χαιρετιούνται οι άνθρωποι το πρωί και το βράδυ στα αγγλικά;",
        "uk": "Як люди вітаються вранці та прощаються ввечері англійською?",
        "ja": "朝と夜のあいさつを英語でどう言うか、短く説明してください。",
        "ko": "아침과 저녁 인사를 영어로 어떻게 하는지 짧게 설명해 주세요.",
        "th": "ช่วยอธิบายสั้น ๆ ว่าคนทักทายกันตอนเช้าและตอนเย็นเป็นภาษาอังกฤษอย่างไร",
    }
    for prompt in asked.values():
        assert reasons(Language(), answers(english, prompt=prompt)) == [set()]
    # Asked for nothing of the kind, or for another language, it is one.
    unasked = ["Hogyan köszöntik egymást az emberek reggel és este? Írd le kérlek!"]
    assert reasons(Language(), answers(english, prompt=unasked[0])) == [MISMATCH]


def test_a_row_without_a_language_in_its_answer_goes_by_its_prompt() -> None:
    japanese = "次のうち、日本でいちばん長い川はどれですか。\n信濃川\n利根川\n石狩川"
    german = "Welcher Fluss in diesem Land ist nach der Karte von gestern der längste von allen?"
    turns = turn_frame(
        [("user", japanese), ("assistant", "信濃川")],
        [("user", japanese), ("assistant", "367")],
        [("user", german), ("assistant", "Der Rhein.")],
        [("user", ENGLISH), ("assistant", "At eight.")],
        [("user", ENGLISH), ("assistant", "8")],
        [("user", japanese), ("assistant", "The longest of them is the river Shinano.")],
        [("user", "Hm?"), ("assistant", "8")],
    )
    drop = {"language_not_kept"}
    assert reasons(Language(keep=("en",)), turns) == [drop, drop, drop, set(), set(), set(), set()]


def test_a_short_answer_in_chinese_can_be_a_mismatch() -> None:
    turns = answers("邮局明天早上八点开门，下午六点关门。", prompt=ENGLISH)
    assert reasons(Language(), turns) == [MISMATCH]
