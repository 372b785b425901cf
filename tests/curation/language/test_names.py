from __future__ import annotations

import pytest

from tilth.curation.language.names import is_named

ASKED = [
    ("en", "Schreib mir die Antwort bitte in gutem Englisch.", "de"),
    ("en", "Réponds uniquement en langue anglaise.", "fr"),
    ("en", "Vastaa minulle englanniksi.", "fi"),
    ("en", "Napiš mi to anglicky, prosím.", "cs"),
    ("de", "Napiš mi to německy, prosím.", "cs"),
    ("en", "Kérlek, angolul válaszolj.", "hu"),
    ("fr", "Napisz to po francusku.", "pl"),
    ("en", "Atsakyk man angliškai.", "lt"),
    ("en", "Напиши ответ на английском.", "ru"),
    ("en", "Γράψε την απάντηση στα αγγλικά.", "el"),
    ("en", "أجب باللغة الإنجليزية من فضلك.", "ar"),
    ("en", "ענה לי באנגלית.", "he"),
    ("en", "英語で答えてください。", "ja"),
    ("fr", "請用法語回答。", "zh"),
    ("en", "영어로 대답해 주세요.", "ko"),
    ("en", "ตอบเป็นภาษาอังกฤษ", "th"),
    ("en", "இதை ஆங்கிலத்தில் எழுது", "ta"),
    ("en", "Trả lời bằng tiếng Anh.", "vi"),
    ("no", "Skriv svaret på norska.", "sv"),
    ("en", "Jibu kwa Kiingereza.", "sw"),
]


@pytest.mark.parametrize(("language", "text", "written_in"), ASKED)
def test_a_language_is_known_by_its_name_in_others(language: str, text: str, written_in: str) -> None:
    assert is_named(language, text, written_in)


@pytest.mark.parametrize(
    ("language", "text", "written_in"),
    [
        ("en", "Wann öffnet das Postamt in der Altstadt morgen?", "de"),
        ("en", "Anh ấy đi chợ lúc mấy giờ?", "vi"),
        ("fr", "Schreib mir die Antwort bitte auf Englisch.", "de"),
        ("en", "明日の天気を教えてください。", "ja"),
    ],
)
def test_other_words_name_no_language(language: str, text: str, written_in: str) -> None:
    assert not is_named(language, text, written_in)
