"""Numbers that somebody issues and that can be checked: accounts, cards, and what states call their people.

What this project has no check of its own for is decided by python-stdnum. A number whose check passes one other in
ten counts only where its form or a word before it says what it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module

from tilth.curation.pii import checksums
from tilth.curation.pii.pattern import CAPITALS_HINT, DIGITS_HINT, WORD, Pattern, whole

_IBAN = r"[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?"
_CARD = r"[2-6][0-9]{3}(?:[ -]?[0-9]{3,6}){2,4}"
_BEFORE, _AFTER = r"[0-9A-Za-z_.,$-]", r"[0-9A-Za-z_]|[.,-][0-9]"


def stdnum(module: str) -> Callable[[str], bool]:
    """Return the check of a module of python-stdnum, which is loaded when first used."""

    @cache
    def loaded() -> Callable[[str], bool]:
        found: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
        return found

    return lambda number: bool(loaded()(number))


def _danish(digits: str) -> bool:
    """CPR: a date, and the check of numbers given out until 2007; later ones cannot be told from others."""
    weights = (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
    return stdnum("dk.cpr")(digits) and sum(w * int(d) for w, d in zip(weights, digits)) % 11 == 0


def _eleven(digits: str) -> bool:
    """Eleven digits in a row: Germany, Poland, Norway, Turkey."""
    return (
        checksums.german_tax_id(digits)
        or checksums.polish_pesel(digits)
        or any(stdnum(module)(digits) for module in ("no.fodselsnummer", "tr.tckimlik"))
    )


def _thirteen(digits: str) -> bool:
    """Thirteen digits in a row, no time of a clock in milliseconds: Romania, South Africa."""
    return not re.match(r"1[4-9]", digits) and any(stdnum(m)(digits) for m in ("ro.cnp", "za.idnr"))


def _six_and_four(digits: str) -> bool:
    return checksums.swedish_personal_number(digits) or _danish(digits)


_FRENCH = r"[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[AB])(?: ?[0-9]{3}){2} ?[0-9]{2}"
# Form -> check of what it holds without separators.
_OF_DIGITS: dict[str, Callable[[str], bool]] = {
    r"[0-9]{3}-[0-9]{2}-[0-9]{4}": checksums.us_ssn,
    r"[0-9]{11}": _eleven,
    r"[1-9][0-9](?: [0-9]{3}){3}": checksums.german_tax_id,
    r"[0-9]{6}-[0-9]{4}": _six_and_four,
    r"(?:[0-9]{8}|[XYZ]-?[0-9]{7}|[0-9]{2}\.[0-9]{3}\.[0-9]{3})-?[A-HJ-NP-TV-Z]": checksums.spanish_dni,
    _FRENCH: checksums.french_nir,
    r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}": checksums.brazilian_cpf,
    r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}": stdnum("be.nn"),
    r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}": stdnum("ch.ssn"),
    r"[0-9]{6}-[0-9]{3}[0-9A-FHJ-NPR-Y]": lambda compact: stdnum("fi.hetu")(f"{compact[:6]}-{compact[6:]}"),
    r"[0-9]{6} [0-9]{5}": stdnum("no.fodselsnummer"),
    r"[2-9][0-9]{3} [0-9]{4} [0-9]{4}": stdnum("in_.aadhaar"),
    r"[1-9][0-9]{16}[0-9X]": stdnum("cn.ric"),
    r"[0-9]{6}-[1-8][0-9]{6}": stdnum("kr.rrn"),
    r"[0-9]{13}": _thirteen,
    r"[0-9]{6}/[0-9]{3,4}": stdnum("cz.rc"),
    r"[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}-[0-9K]": stdnum("cl.rut"),
}
_OF_LETTERS: dict[str, Callable[[str], bool]] = {
    "[A-Z]{6}[0-9]{2}[A-EHLMPR-T][0-9]{2}[A-Z][0-9]{3}[A-Z]": checksums.italian_fiscal_code,
    "[A-Z]{2}(?: ?[0-9]{2}){3} ?[A-D]": checksums.british_insurance_number,
    "[A-Z]{4}[0-9]{6}[HM][A-Z]{5}[0-9A-Z][0-9]": stdnum("mx.curp"),
}
# Numbers that need their name before them: name -> module of python-stdnum.
_NAMED = {
    "BSN": "nl.bsn",
    "NHS": "gb.nhs",
    "SIN": "ca.sin",
    "TFN": "au.tfn",
    "NIF": "pt.nif",
    "OIB": "hr.oib",
    "PPS": "ie.pps",
    "ЕГН": "bg.egn",
    "EGN": "bg.egn",
    "CNP": "ro.cnp",
    "RUT": "cl.rut",
    "ITIN": "us.itin",
    "Aadhaar": "in_.aadhaar",
}
_NAMED_CORE = (
    rf"(?:{'|'.join(_NAMED)})(?:[- ]?(?i:no|nr|number|nummer|n[uú]mero))?[^0-9A-Za-z\n]{{1,4}}"
    r"(?P<named>[0-9][0-9 .-]{5,12}[0-9K](?:[A-W][A-I]?)?)"
)


def _named(hit: str) -> int:
    compact = re.sub(r"[^0-9A-Za-z]", "", hit)
    return len(hit) * any(stdnum(module)(compact) for module in dict.fromkeys(_NAMED.values()))


def _iban(hit: str) -> int:
    """Leave out a word in capitals behind the number: the country says how long it is."""
    ends = [end for end, character in enumerate(hit, 1) if character != " "]
    length = checksums.IBAN_LENGTHS.get(hit[:2], 0)
    end = ends[length - 1] if 0 < length <= len(ends) else 0
    return end if checksums.iban(hit[:end].replace(" ", "")) and hit[end : end + 1] in ("", " ") else 0


def _is_alone(text: str, start: int, end: int) -> bool:
    """No further number in the same row of numbers."""
    return not re.search(r"[0-9] $", text[max(0, start - 2) : start]) and not re.match(
        " [0-9]", text[end : end + 2]
    )


def _any_of(forms: dict[str, Callable[[str], bool]]) -> Callable[[str], int]:
    """Return the check of a match of any of the forms."""
    checks = [(re.compile(form), check) for form, check in forms.items()]

    def real(hit: str) -> int:
        compact = re.sub(r"[^0-9A-Za-z]", "", hit)
        return len(hit) * any(form.fullmatch(hit) and check(compact) for form, check in checks)

    return real


IDENTIFIERS: tuple[Pattern, ...] = (
    Pattern("iban", CAPITALS_HINT, _IBAN, WORD, WORD, _iban),
    Pattern("card", DIGITS_HINT, _CARD, _BEFORE, _AFTER, whole(checksums.card)),
    Pattern("national_id", "|".join(_NAMED), _NAMED_CORE, WORD, WORD, _named),
    *(
        Pattern("national_id", hint, "|".join(forms), _BEFORE, _AFTER, _any_of(forms), _is_alone)
        for hint, forms in ((DIGITS_HINT, _OF_DIGITS), (CAPITALS_HINT, _OF_LETTERS))
    ),
)
