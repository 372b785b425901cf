"""Telephone numbers: written with their country, in a form that only they have, or where the text says so.

Patterns find candidates. Where neither a plus nor a form nor a word right before it says what a number is,
libphonenumber decides: it has to be given out somewhere, and to be written as that country writes it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from tilth.curation.pii.pattern import DIGITS_HINT, WORD, Pattern

# Asked in this order; each writes its numbers differently enough.
_ASKED = "US GB DE FR ES IT PT BR NL BE PL SE NO DK FI AT CH IE AU NZ IN ZA SG MX AR CO TR JP KR CN RU UA CZ HU RO GR"
REGIONS = tuple(_ASKED.split())
_GAP = r"[ .\u00a0\u2011-]"
_GROUPS = rf"{_GAP}?(?:\([0-9]{{1,4}}\){_GAP}?)?[0-9]{{1,4}}(?:[ ./\u00a0\u2011-]?[0-9]{{2,4}}){{2,4}}"
_INTERNATIONAL = r"(?:\(\+[1-9][0-9]{0,2}\)|\+[1-9][0-9]{0,2})" + _GROUPS
_DIALLED = r"00 ?[1-9][0-9]{0,2}" + _GROUPS
_NATIONAL = "|".join(
    (
        r"(?:1[ .-])?(?:\([0-9]{3}\)[ -]?[0-9]{3}-[0-9]{4}|[0-9]{3}[.-][0-9]{3}[.-][0-9]{4})",  # North America
        r"0[1-9](?:[ .][0-9]{2}){4}",  # France
        r"02[0-9] [0-9]{4} [0-9]{4}|0[17][0-9]{3} [0-9]{6}",  # United Kingdom
        r"0[1-9][0-9]{2} [0-9]{3} [0-9]{3,4}|0[1-9][0-9] [0-9]{3} [0-9]{4}",  # and many others
        r"0[1-9][0-9]{1,3}/ ?[0-9]{5,8}|\(0[1-9][0-9]{1,4}\) ?[0-9]{4,8}",  # Germany, Austria
        r"8 ?\([0-9]{3,4}\) ?[0-9]{2,3}-[0-9]{2}-[0-9]{2}",  # Russia, Belarus
        r"\([1-9][0-9]\) ?9?[0-9]{4}-[0-9]{4}",  # Brazil
    )
)
# A trunk zero and groups, or ten digits as North America writes them.
_GROUPED = "|".join(
    (
        r"\(?0[1-9][0-9]{0,3}\)?[ -][0-9]{5,8}",
        r"\(?0[1-9][0-9]{0,3}\)?[ -][0-9]{3,4}[ -][0-9]{3,4}",
        r"\(?0[1-9][0-9]{0,3}\)?(?:[ -][0-9]{2,4}){3,4}",
        "[2-9][0-9]{2} [2-9][0-9]{2} [0-9]{4}",
    )
)
_WORDS = (
    r"(?:tele)?(?:phone|fon)|telefax|telefon[a-z]{0,5}|tel|tlf|puh(?:elin)?|fax|faks|mob(?:ile)?|m[óo]vil|cell|handy|whatsapp|call"
    r"|тел(?:ефон[аы]?)?|тэл(?:ефон[аы]?)?|τηλ(?:έφωνο)?|电话|電話|전화"
)
_CALLED = (
    rf"(?i:{_WORDS})"
    r"(?i:\.| no\.?| number| me at| us at| at| is)?[:：]? ?"
    r"(?P<number>\(?[0-9]{2,5}\)?(?:(?: / |[ ./\u00a0\u2011-]{0,2})[0-9]{2,8}){1,4})"
)
# In the forty characters before a number: words of many languages that say what it is.
_NEAR_WORDS = re.compile(
    r"\b(?:(?:tele)?(?:phone|fon)|telefon\w*|t[eé]l[eé]?(?:fono|phone|fone|fax)?|tlf|fax|faks|mob(?:ile?|iel|il\w*)?"
    r"|m[óo]vil|cell|handy\w*|whatsapp|call(?:s|ed|ing)?|reach(?:ed)?|ring|dial|sms|text (?:me|us)|anruf\w*|erreich\w*"
    r"|rufen|zur[uü]ckruf\w*|llam\w+|celular|appel\w*|joindre|portable|chiam\w+|cellulare|ligar|ligue|telem[oó]vel|bel|zadzwo\w+|kom[oó]rk\w*"
    r"|puh\w*|soita\w*|ara(?:y\w+)?|cep|тел\w*|звон\w*|позвон\w*|моб\w*|τηλ\w*)\b|电话|電話|手机|手機|携帯|拨打|전화|휴대폰|연락",
    re.IGNORECASE,
)
_NEAR = r"\(?[0-9](?:[ ./()\u00a0\u2011-]{0,2}[0-9]){6,12}"
_NEAR_CHARS = 40
_NO_PHONE = re.compile(
    r"(?:\d{1,3}\.){3}\d{1,3}|\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}|[12]\d{3} ?[-/] ?[12]\d{3}"
)
_COUNTRY_CODE = re.compile(
    r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|2[1-69]\d|3[578]\d|42\d|5[09]\d|6[789]\d|8[0578]\d|9[679]\d"
)
_FICTIONAL = re.compile(r"1?\d{3}55501\d\d")  # set aside for films
_BLANKS = re.compile(r"[()\s\u00a0\u2011]+")
_GIVEN_OUT_KEPT = 10_000


def _digits(hit: str) -> str:
    return re.sub(r"\D", "", hit)


def _is_american(digits: str) -> bool:
    return bool(re.fullmatch(r"1?[2-9]\d\d[2-9]\d{6}", digits))


def _international(hit: str) -> int:
    """ITU E.164: a country code and 15 digits at most; 00 stands for + only where the number is grouped."""
    digits = _digits(hit)
    if hit.startswith("00"):
        digits = digits[2:] if re.search(r"[^0-9]", hit) else ""
    possible = 9 <= len(digits) <= 15 and bool(_COUNTRY_CODE.match(digits))
    if digits.startswith("1"):
        possible = _is_american(digits)
    return len(hit) * (possible and not _FICTIONAL.fullmatch(digits))


def _national(hit: str) -> int:
    digits = _digits(hit)
    american = digits[0] != "0" and not re.match(r"\(\d\d\)|8 ?\(", hit)
    possible = _is_american(digits) or not american
    return len(hit) * (possible and len(set(digits)) > 2 and not _FICTIONAL.fullmatch(digits))


def _called(hit: str) -> int:
    digits = _digits(hit)
    return len(hit) * (7 <= len(digits) <= 13 and len(set(digits)) > 2 and not _FICTIONAL.fullmatch(digits))


@lru_cache(_GIVEN_OUT_KEPT)
def given_out(hit: str, *, as_written: bool) -> bool:
    """Whether some country gives out this number; if `as_written`, one that writes it in these groups."""
    import phonenumbers

    digits = _digits(hit)
    if (
        not 7 <= len(digits) <= 13
        or len(set(digits)) < 3
        or _FICTIONAL.fullmatch(digits)
        or "1234567" in digits
    ):
        return False
    written = _BLANKS.sub(" ", hit)
    for region in REGIONS:
        try:
            number = phonenumbers.parse(hit, region)
        except phonenumbers.NumberParseException:
            return False
        if phonenumbers.is_valid_number_for_region(number, region):
            usual = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
            if not as_written or _BLANKS.sub(" ", usual) == written:
                return True
            if "-" not in hit and re.findall(r"\d+", usual) == re.findall(r"\d+", hit):
                return True
    return False


def _written(hit: str) -> int:
    return len(hit) * given_out(hit, as_written=True)


def _near(hit: str) -> int:
    return len(hit) * (not _NO_PHONE.fullmatch(hit) and given_out(hit, as_written="-" in hit))


def _is_first(text: str, start: int, end: int) -> bool:
    """Not inside a row of numbers."""
    return not re.search("[0-9] $", text[max(0, start - 2) : start])


def _is_alone(text: str, start: int, end: int) -> bool:
    """No further number and no unit before or behind."""
    behind = text[end : end + 8]
    return _is_first(text, start, end) and not re.match(
        r" ?[0-9€$£%¥]| (?:zł|Kč|kr|Ft|EUR|USD|km|kg)\b", behind
    )


def _is_called(text: str, start: int, end: int) -> bool:
    """A word of calling shortly before it in the line, and no other number between."""
    before = re.split(r"[0-9\n]", text[max(0, start - _NEAR_CHARS) : start])[-1]
    return bool(_NEAR_WORDS.search(before)) and _is_alone(text, start, end)


_BEFORE = r"[0-9A-Za-z_.,+=*/$-]"
_AFTER = r"[0-9A-Za-z_]|[.,][0-9]| ?[*/=-] ?[0-9]| ?\+ [0-9]|\+[0-9]"

PHONES: tuple[Pattern, ...] = (
    Pattern("phone", DIGITS_HINT, _INTERNATIONAL, _BEFORE, _AFTER, _international),
    Pattern("phone", DIGITS_HINT, _DIALLED, _BEFORE, _AFTER, _international, _is_first),
    Pattern("phone", DIGITS_HINT, _NATIONAL, _BEFORE, _AFTER, _national, _is_first),
    Pattern("phone", DIGITS_HINT, _GROUPED, _BEFORE, _AFTER, _written, _is_alone),
    Pattern("phone", DIGITS_HINT, _CALLED, WORD, _AFTER, _called),
    Pattern("phone", DIGITS_HINT, _NEAR, _BEFORE, _AFTER, _near, _is_called),
)
