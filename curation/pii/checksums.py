"""Check digits and structures of identifiers that people, accounts and cards carry.

Each function takes the identifier without separators and says whether it can have been issued.
"""

from __future__ import annotations

import re

# ISO 13616 registry: length of an IBAN by country.
IBAN_LENGTHS = {
    code: length
    for length, codes in {
        15: "NO",
        16: "BE",
        18: "DK FK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for code in codes.split()
}
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_NEVER_ISSUED_SSN = {"078051120", "219099999", "123456789"}
# Values of a character at an odd place of an Italian fiscal code (decree of 23 December 1976).
_FISCAL_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12,
         14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip


def luhn(digits: str) -> bool:
    """ISO 7812: double every second digit from the right; the digit sum is a multiple of 10."""
    doubled = (int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits)))
    return sum(d - 9 * (d > 9) for d in doubled) % 10 == 0


def iban(compact: str) -> bool:
    """ISO 13616: the country's length, and 1 modulo 97 with country and check digits moved to the end."""
    if len(compact) != IBAN_LENGTHS.get(compact[:2]):
        return False
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def card(digits: str) -> bool:
    """ISO 7812: an issuer, its length, and Luhn's check digit."""
    issued = re.fullmatch(
        r"4\d{12}(?:\d{3})?|(?:5[1-5]|2[2-7]|35|6[0245])\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|62\d{15,17}",
        digits,
    )
    return bool(issued) and luhn(digits) and len(set(digits)) > 2


def us_ssn(digits: str) -> bool:
    """Social Security Administration: no area 000, 666 or 9xx, no group 00, no serial 0000.

    What ends in a month and a year (219-05-2006) is taken for a date, one number in 400.
    """
    return (
        bool(re.fullmatch(r"(?!000|666|9)\d{3}(?!00)\d\d(?!0000)\d{4}", digits))
        and not re.search(r"(?:0[1-9]|1[0-2])(?:19|20)\d\d$", digits)
        and len(set(digits)) > 2
        and digits not in _NEVER_ISSUED_SSN
    )


def german_tax_id(digits: str) -> bool:
    """IdNr: of its first ten digits one stands twice or thrice, the others once; ISO 7064 MOD 11,10."""
    counts = sorted(map(digits[:10].count, set(digits[:10])))
    if digits[0] == "0" or counts[-1] not in (2, 3) or counts[-2:-1] != [1]:
        return False
    product = 10
    for digit in digits[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def spanish_dni(compact: str) -> bool:
    """DNI and NIE: the letter is the number modulo 23 (X, Y, Z in front count as 0, 1, 2)."""
    number = compact[:-1].translate(str.maketrans("XYZ", "012"))
    return _DNI_LETTERS[int(number) % 23] == compact[-1]


def french_nir(compact: str) -> bool:
    """NIR: the last two digits are 97 minus the first thirteen modulo 97 (Corsica: 2A is 19, 2B is 18)."""
    number = compact[:13].replace("2A", "19").replace("2B", "18")
    return number.isdecimal() and 97 - int(number) % 97 == int(compact[13:])


def italian_fiscal_code(compact: str) -> bool:
    """Codice fiscale: the last letter is the sum of the values of the others modulo 26."""
    odd = sum(_FISCAL_ODD[c] for c in compact[:15:2])
    even = sum(int(c) if c.isdecimal() else ord(c) - 65 for c in compact[1:15:2])
    return chr(65 + (odd + even) % 26) == compact[15]


def brazilian_cpf(digits: str) -> bool:
    """CPF: two check digits modulo 11, with falling weights from 10 and 11."""

    def check(count: int) -> int:
        total = sum(int(d) * (count + 1 - i) for i, d in enumerate(digits[:count]))
        return total * 10 % 11 % 10

    return len(set(digits)) > 1 and f"{check(9)}{check(10)}" == digits[9:]


def polish_pesel(digits: str) -> bool:
    """PESEL of those born from 1900 to 2099: a date, and a sum with weights 1, 3, 7, 9 divisible by 10."""
    month, day = int(digits[2:4]), int(digits[4:6])
    total = sum(int(d) * w for d, w in zip(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), strict=True))
    return 1 <= (month - 20 if month > 20 else month) <= 12 and 1 <= day <= 31 and total % 10 == 0


def swedish_personal_number(digits: str) -> bool:
    """Personnummer: a date (or its day plus 60, a coordination number), and Luhn over all ten digits."""
    month, day = int(digits[2:4]), int(digits[4:6])
    return 1 <= month <= 12 and (1 <= day <= 31 or 61 <= day <= 91) and luhn(digits)


def british_insurance_number(compact: str) -> bool:
    """National insurance number: no check digit, but letters never issued (HMRC, NIM39110)."""
    letters = re.fullmatch(r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]", compact[:2])
    return bool(letters) and len(set(compact[2:8])) > 1
