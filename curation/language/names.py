"""What languages are called in other languages, by CLDR (the babel package): Englisch, anglais, 英語.

>>> is_named("en", "Welches Wort ist das im Englischen?", "de"), is_named("fr", "Welches Wort ist das?", "de")
(True, False)
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_MIN_STEM = 4  # letters
_WORD = re.compile(r"[^\s!-/:-@\[-`{-~。、，？！：；“”«»¿¡]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af]")
_LATIN = re.compile(r"[a-z]")
_LOCALES = {"no": ("nb", "nn"), "zh": ("zh", "zh_Hant"), "tl": ("fil",)}
# What people say beside CLDR's name: other signs, adverbs of another stem, loans.
_ALSO: dict[str, dict[str, tuple[str, ...]]] = {
    "cs": {"de": ("německy",), "zh": ("čínsky",)},
    "sk": {"de": ("nemecky",)},
    "zh": {
        **{
            "en": ("英文", "英语", "英語"),
            "zh": ("汉语", "漢語", "普通话", "國語"),
            "ja": ("日文", "日语", "日語"),
        },
        **{"de": ("德文", "德语", "德語"), "fr": ("法文", "法语", "法語"), "ru": ("俄文", "俄语", "俄語")},
        **{"ko": ("韩文", "韓文", "韩语", "韓語"), "es": ("西班牙",), "it": ("意大利", "義大利")},
    },
    "ja": {"en": ("英文", "英訳")},
    "ko": {"en": ("영문",), "ko": ("한글", "우리말")},
    "tl": {"en": ("Ingles",), "es": ("Kastila", "Espanyol")},
    "hi": {"en": ("अंग्रेजी", "इंग्लिश")},
    "ne": {"en": ("अंग्रेजी",)},
    "ar": {"en": ("إنكليزية",)},
}


def is_named(language: str, text: str, written_in: str) -> bool:
    """Return whether a text names a language in the words of the language that it is written in.

    Case, accents and endings do not matter (`englischen`, `anglicky`, `englanniksi`), nor do articles and
    prepositions written on to a word (Arabic, Hebrew): a word that begins as the name does counts.
    """
    plain = _plain(text)
    words = _WORD.findall(plain)
    for stem in _stems(language, written_in):
        if " " in stem or _UNSPACED.search(stem):
            if stem in plain:
                return True
        elif any(_begins(word, stem) for word in words):
            return True
    return False


def _begins(word: str, stem: str) -> bool:
    return word.startswith(stem) or (not _LATIN.match(stem) and stem in word)


@cache
def _stems(language: str, written_in: str) -> frozenset[str]:
    """Return the beginnings of the names of a language; whole names of several words or without blanks."""
    from babel import Locale, UnknownLocaleError

    names = list(_ALSO.get(written_in, {}).get(language, ()))
    for code in _LOCALES.get(written_in, (written_in,)):
        try:
            known = Locale.parse(code).languages
        except (UnknownLocaleError, ValueError):
            continue
        names += [known[said] for said in (language, *_LOCALES.get(language, ())) if said in known]
    return frozenset(_stem(_plain(name)) for name in names)


def _stem(name: str) -> str:
    if " " in name or _UNSPACED.search(name):
        return name
    name = name.removeprefix("ال")  # the Arabic article
    return name[: max(_MIN_STEM, (len(name) + 1) // 2)] if len(name) > _MIN_STEM else name[:3]


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))
