"""Published examples of each scheme, and that one wrong digit is noticed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tilth.curation.pii import checksums

ISSUED: list[tuple[Callable[[str], bool], str]] = [
    (checksums.luhn, "79927398713"),
    (checksums.iban, "GB82WEST12345698765432"),
    (checksums.iban, "NO9386011117947"),
    (checksums.iban, "MT84MALT011000012345MTLCAST001S"),
    (checksums.card, "5500005555555559"),
    (checksums.card, "378282246310005"),
    (checksums.german_tax_id, "36574261809"),
    (checksums.german_tax_id, "86095742719"),
    (checksums.spanish_dni, "54362315K"),
    (checksums.spanish_dni, "X2482300W"),
    (checksums.french_nir, "295109912611193"),
    (checksums.italian_fiscal_code, "RCCMNL83S18D969H"),
    (checksums.brazilian_cpf, "39053344705"),
    (checksums.polish_pesel, "44051401359"),
    (checksums.swedish_personal_number, "8803200016"),
]


@pytest.mark.parametrize(("check", "issued"), ISSUED, ids=lambda value: getattr(value, "__name__", value))
def test_an_issued_number_passes_and_a_wrong_last_sign_does_not(
    check: Callable[[str], bool], issued: str
) -> None:
    assert check(issued)
    others = "0123456789" if issued[-1].isdecimal() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert [sign for sign in others if check(issued[:-1] + sign)] == [issued[-1]]


def test_in_corsica_a_letter_counts_as_a_digit() -> None:
    assert checksums.french_nir("255082A123456" + f"{97 - 2550819123456 % 97:02}")
    assert not checksums.french_nir("255082A123456" + f"{97 - 2550818123456 % 97:02}")


@pytest.mark.parametrize("digits", ["000123456", "666123456", "900123456", "123004567", "123450000"])
def test_social_security_numbers_that_are_never_issued(digits: str) -> None:
    assert not checksums.us_ssn(digits)


def test_social_security_numbers_that_may_be() -> None:
    assert checksums.us_ssn("219095571")
    assert not checksums.us_ssn("219052006"), "May 2006"
    assert not checksums.us_ssn("123456789"), "written for any number"


def test_insurance_numbers_have_no_check_digit_but_letters_never_issued() -> None:
    assert checksums.british_insurance_number("AB123456C")
    for compact in ("BG123456C", "QQ123456C", "AO123456C", "AB111111C"):
        assert not checksums.british_insurance_number(compact)
