from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.curation.pii import FOUND, KINDS, find, redact, suspects
from tilth.curation.pii.patterns import PATTERNS, Pattern

# One of each form, and how it reads redacted.
FORMS = [
    ("key sk-proj-abcdEFGH1234ijklMNOP5678", "key [KEY]"),
    ("AKIAIOSFODNN7REALKEY ghp_0123456789abcdefghijABCDEFGHIJ012345", "[KEY] [KEY]"),
    (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow7Q1Zx9\nab+/==\n-----END RSA PRIVATE KEY-----\nann@firm.org",
        "[KEY]\n[EMAIL]",
    ),
    ("bot 123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1", "bot [KEY]"),
    ("export API_KEY='q8Zr1vT0pLx73mKw9sBd'", "export API_KEY='[KEY]'"),
    ("aws_secret_access_key: BKoKpIW021s7vPtraGxDOmsJbkV/0xOVBG73m+8f", "aws_secret_access_key: [KEY]"),
    ("postgres://app:h7Gk2pQz@db.firm.org:5432/app", "postgres://app:[KEY]@db.firm.org:5432/app"),
    ("Write to jane.doe+x@mail.firm.co.uk.", "Write to [EMAIL]."),
    ("Pay to DE89 3704 0044 0532 0130 00.", "Pay to [IBAN]."),
    ("AT61 1904 3002 3457 3201 BIC", "[IBAN] BIC"),
    ("Card 5500-0055-5555-5559, 378282246310005", "Card [CARD], [CARD]"),
    ("SSN 219-09-5571, not 078-05-1120", "SSN [NATIONAL_ID], not 078-05-1120"),
    ("IdNr 36 574 261 809 oder 86095742719", "IdNr [NATIONAL_ID] oder [NATIONAL_ID]"),
    ("DNI 54362315K, NIE X-2482300-W", "DNI [NATIONAL_ID], NIE [NATIONAL_ID]"),
    ("NIR 2 95 10 99 126 111 93", "NIR [NATIONAL_ID]"),
    ("RCCMNL83S18D969H", "[NATIONAL_ID]"),
    ("CPF 390.533.447-05, PESEL 44051401359", "CPF [NATIONAL_ID], PESEL [NATIONAL_ID]"),
    ("880320-0016 and AB 12 34 56 C", "[NATIONAL_ID] and [NATIONAL_ID]"),
    ("Call +49 (0)30 901820, +33 1 42 68 53 00 or 0049 30 901820.", "Call [PHONE], [PHONE] or [PHONE]."),
    ("(212) 736-5000, 1-415-736-5001, (+34) 91 567 43 80", "[PHONE], [PHONE], [PHONE]"),
    ("01 42 68 53 00, 0511/123456, (11) 91234-5678", "[PHONE], [PHONE], [PHONE]"),
    ("020 7123 4567, 0121 496 4567", "[PHONE], [PHONE]"),
    ("Tel. 973 43 80 06, fax: 4029587, call 030 / 901820", "Tel. [PHONE], fax: [PHONE], call [PHONE]"),
    ("8(0176) 74-96-83, (06021) 46206 oder 0778 789 289", "[PHONE], [PHONE] oder [PHONE]"),
    ("tlf. 57641686, puh. 316 8611, тел. 123-45-67", "tlf. [PHONE], puh. [PHONE], тел. [PHONE]"),
    ("+370 604 16800 +45 60 212 810, 00 33 1 42 68 53 00", "[PHONE] [PHONE], [PHONE]"),
    ("BSN 111222333, NHS number 943 476 5919", "BSN [NATIONAL_ID], NHS number [NATIONAL_ID]"),
    ("NN 85.07.30-033.28, AHV 756.9217.0769.85", "NN [NATIONAL_ID], AHV [NATIONAL_ID]"),
    ("HETU 131052-308T, 151086 95088, 690104/5437", "HETU [NATIONAL_ID], [NATIONAL_ID], [NATIONAL_ID]"),
    ("身份证 360426199101010071", "身份证 [NATIONAL_ID]"),
    ("971013-1019901, 2234 5678 9127", "[NATIONAL_ID], [NATIONAL_ID]"),
    ("CURP BOXW310820HNERXN09, RUT 12.531.909-2", "CURP [NATIONAL_ID], RUT [NATIONAL_ID]"),
    ("CNP 1630615123457 y 7503305044089", "CNP [NATIONAL_ID] y [NATIONAL_ID]"),
    ("Diners 3600 000000 0008, UnionPay 6212345678901232", "Diners [CARD], UnionPay [CARD]"),
    ("Anna, Mühlgasse 4, 030 901820; 212 736 5000", "Anna, Mühlgasse 4, [PHONE]; [PHONE]"),
    ("Mi móvil es el 612 87 56 43.", "Mi móvil es el [PHONE]."),
    ("from 93.184.216.34 and 2607:f8b0:4005:805::200e", "from [IP] and [IP]"),
]  # fmt: skip

# What resembles them: nobody's, no data at all, or wrong check digits.
LOOKALIKES = [
    "api_key = 'your_api_key_here', token: get_token_from_request_2(x), password=xxxxxxxxxxxxxxxxxxxx1",
    "postgres://user:password@localhost, redis://:6379, https://host:8080/a@b",
    "git@github.com, you@gmail.com, jane@domain.com",
    "GB82 WEST 1234 5698 7654 31, SKU AB12 3456 7890",
    "078-05-1120, 219-05-2006, 000-12-3456",
    "36574261808, 54362315A, 390.533.447-06, 44051401358, QQ 12 34 56 C",
    "2023-10-12 08:30:45, 1697099445123, 12.10.2023, 10/12/2023, 0900 1000 1100 1200",
    "2000-400-200=1400, (1990) 1995-1996, 20 - 5 - 3 + 1000000, 1500/1600, 4694 0039 0903 1807",
    "8.8.8.8, 3.2.2.5, ::1, 123.45.67.89",
    "+1 555 555 0123, tel: 1-212-555-0199, tel: 123, call 1000000",
    "Chrome/120.0.6099.109, version 93.184.216.34, nginx/1.18.0.1, 300.1.2.3, 203.0.113.7",
    "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709, doi 10.1000/182, ISBN 978-3-16-148410-0",
    "logo@2x.png, pkg@1.4.2.tgz, core@v2.1.0.zip, getty@tty1.service, react@18.2.0-rc.1",
    "driver version 3.12.10.4 beside 3.12.11.2 of it, tool==1.7.34.26, app-4.10.20.30.tar.gz",
    "Sections 3.12.1.4 and 12.5.29.7 apply.",
    "3.12.10.4 Scope of the annex",
    "It cost 612 345 678 zł, 03465-418478, 4694 0039 0903 1807",
    "40.7128, -74.0060; 4.0 3.0 2.0 1.0; $1,234,567.89; ports 8080,8443,9090",
]


def unnumbered(text: str) -> str:
    return re.sub(r"(?<=[A-Z])_[0-9]+\]", "]", text)


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_every_form_is_found(text: str, expected: str) -> None:
    assert [unnumbered(said) for said in redact(pl.Series([text]))] == [expected]


@pytest.mark.parametrize("text", LOOKALIKES)
def test_what_only_looks_like_it_stays(text: str) -> None:
    found = find(pl.Series([text]))
    assert [text[start:end] for _, _, start, end in found.rows()] == []


def test_spans_are_in_characters_and_nulls_hold_nothing() -> None:
    texts = pl.Series(["Ünïcödé 😀 bob@firm.org, 93.184.216.34", None, "", "ann@firm.org"])
    found = find(texts)
    assert found.schema == FOUND
    assert found.rows() == [(0, "email", 10, 22), (0, "ip", 24, 37), (3, "email", 0, 12)]
    assert texts[0][10:22] == "bob@firm.org"
    assert find(texts.clear()).schema == FOUND
    assert redact(texts.head(2).slice(1)).to_list() == [None]


def test_spans_count_from_the_start_of_the_text_not_of_the_line() -> None:
    text = "first é line\n\nbob@firm.org\r\nand 93.184.216.34\n"
    assert find(pl.Series(["", text])).rows() == [(1, "email", 14, 26), (1, "ip", 32, 45)]


def test_one_value_is_one_placeholder_within_a_text() -> None:
    text = "ann@firm.org, +49 30 901820, bob@firm.org, 030 901820, ANN@firm.org"
    assert redact(pl.Series([text, "bob@firm.org"])).to_list() == [
        "[EMAIL_1], [PHONE_1], [EMAIL_2], [PHONE_1], [EMAIL_1]",
        "[EMAIL_1]",
    ]
    assert redact(pl.Series(["[EMAIL_3] wrote to ann@firm.org"])).to_list() == [
        "[EMAIL_3] wrote to [EMAIL_4]"
    ]


def test_only_the_kinds_asked_for() -> None:
    texts = pl.Series(["bob@firm.org 93.184.216.34"])
    assert find(texts, ["ip"])["kind"].to_list() == ["ip"]
    assert find(texts, []).is_empty()
    assert {kind for pattern in PATTERNS for kind in [pattern.kind]} == set(KINDS)


def test_a_password_in_an_address_is_no_part_of_an_email() -> None:
    texts = pl.Series(["ftp://ann:h7Gk2pQz@firm.org/x"])
    assert find(texts)["kind"].to_list() == ["key"]


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: f"{pattern.kind} {pattern.core[:20]}")
def test_each_pattern_finds_something_and_is_found_by_its_hint(pattern: Pattern) -> None:
    texts = [text for text, _ in FORMS]
    hits = [hit[0] for text in texts for hit in re.finditer(pattern.core, text)]
    assert hits
    assert pl.Series(hits).str.contains(pattern.hint).all()


PIECES = [text for text, _ in FORMS] + LOOKALIKES + [" ", "\n", "-", "(", "a", "1"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=4).map("".join))
def test_spans_never_overlap_and_redaction_replaces_just_them(text: str) -> None:
    texts = pl.Series([text], dtype=pl.String)
    found = find(texts)
    assert found.equals(found.sort("start"))
    assert (found["start"].slice(1) >= found["end"].head(max(found.height - 1, 0))).all()
    assert (found["start"] < found["end"]).all() and (found["end"] <= len(text)).all()
    assert found.is_empty() or len(suspects(texts)) == 1
    once = unnumbered(redact(texts)[0])
    assert len(once) == len(text) + sum(len(kind) + 2 - end + start for _, kind, start, end in found.rows())
