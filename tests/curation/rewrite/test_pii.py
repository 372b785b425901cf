from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.turn_frames import answers, reasons
from tilth.curation.pii import KINDS
from tilth.curation.recipe import parse
from tilth.curation.rewrite.pii import Pii
from tilth.shards.tables import Verdict


def redacted(text: str, **parameters: tuple[str, ...]) -> str:
    return Pii(**parameters).rewrite(answers(text))["text"][1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to jane.doe+x@mail.firm.co.uk.", "Write to [EMAIL]."),
        ("<bob@firm.org>", "<[EMAIL]>"),
        ("Call (212) 736-5000 or 415-736-5001.", "Call [PHONE] or [PHONE]."),
        ("Call +49 30 901820, +33 1 42 68 53 00 or +14157365000.", "Call [PHONE], [PHONE] or [PHONE]."),
        ("Pay to DE89 3704 0044 0532 0130 00.", "Pay to [IBAN]."),
        ("GB82WEST12345698765432", "[IBAN]"),
        ("Card 5500-0055-5555-5559, 378282246310005", "Card [CARD], [CARD]"),
        ("from 93.184.216.34 and 2607:f8b0:4005:805::200e", "from [IP] and [IP]"),
        ("key sk-proj-abcdEFGH1234ijklMNOP5678", "key [KEY]"),
        ("AKIAIOSFODNN7REALKEY ghp_0123456789abcdefghijABCDEFGHIJ012345", "[KEY] [KEY]"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEow7Q1Zx9\nab+/==\n-----END RSA PRIVATE KEY-----",
            "[KEY]",
        ),
    ],
)
def test_personal_data_goes(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "user@example.com, admin@localhost.test",  # nobody's address (RFC 2606)
        "555-555-0123, (212) 555-0199, 123-456-7890",  # nobody's number
        "127.0.0.1, 192.168.1.20, 10.0.0.1, 8.8.8.8, ::1, 2001:db8::1",
        "GB82WEST12345698765431",  # wrong check digits
        "4111 1111 1111 1112, 1234567812345678",  # not Luhn, no issuer
        "The train left at 12:30:45, version v1.2.3.4, section 1.2.3.4.5",
        "3.141592653589793, 1,234,567,890, 2 * 7 = <<2*7=14>>14, 500-200-100=200",
        "x = 5 +12345678901 * 3",
        "@app.route('/a') def f(): return W@x.T + obj@m.call(x)",
        "std::vector<int> a; ns::be::ef; 2023:10:12 08:30",
        "task-based-learning-approaches-for-everyone, sk-learn-contrib-and-other-packages",
        "0123456789012345678901234567890123456789",
        "ISBN 978-3-16-148410-0, uuid 123e4567-e89b-12d3-a456-426614174000",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert redacted(text) == text


def test_only_the_kinds_asked_for() -> None:
    text = "bob@firm.org 93.184.216.34"
    assert redacted(text, kinds=("ip",)) == "bob@firm.org [IP]"
    assert redacted(text, kinds=()) == text
    assert set(Pii().kinds) == set(KINDS)


def test_strings_of_tool_calls_are_redacted_and_stay_canonical() -> None:
    call = [{"arguments": {"card": 378282246310005, "to": "bob@firm.org"}, "id": "1", "name": "send"}]
    calls = json.dumps(call, separators=(",", ":"), sort_keys=True)
    turns = answers(None).with_columns(tool_calls=pl.lit(calls), reasoning=pl.lit("bob@firm.org asks"))
    out = Pii().rewrite(turns)
    assert out["tool_calls"][1] == calls.replace("bob@firm.org", "[EMAIL]")
    assert out["reasoning"].to_list() == ["[EMAIL] asks"] * 2
    assert out.select("row_id", "turn", "role").equals(turns.select("row_id", "turn", "role"))
    assert Pii().rewrite(turns.clear()).schema == turns.schema


@pytest.mark.parametrize(
    ("action", "verdict"),
    [("tag", Verdict.KEEP), ("drop", Verdict.DROP), ("quarantine", Verdict.QUARANTINE)],
)
def test_a_row_can_be_judged_instead(action: str, verdict: Verdict) -> None:
    (stage,) = [s for s in parse({"pii": action}, Path()).stages if isinstance(s, Pii)]
    call = json.dumps([{"arguments": {"to": "ann@firm.org\nbob@firm.org"}, "id": "1", "name": "send"}])
    turns = answers("from 93.184.216.34", "Nothing.", None).with_columns(
        tool_calls=pl.when(pl.col("text").is_null()).then(pl.lit(call))
    )
    assert stage.rewrite(turns).equals(turns)
    assert reasons(stage, turns) == [{"holds_ip"}, set(), {"holds_email"}]
    assert {rule.verdict for rule in stage.rules()} == {verdict}
    assert stage.measure(turns).filter(pl.col("email") > 0)["email"].to_list() == [2.0]
    assert stage.measure(answers("Nothing.")).is_empty()


def test_where_text_is_redacted_nothing_is_left_to_judge() -> None:
    assert Pii().rules() == ()
    assert Pii().measure(answers("bob@firm.org")).is_empty()


@settings(deadline=None)
@given(st.text(alphabet="ab1 .@+-:()[]", max_size=60))
def test_a_second_rewrite_changes_nothing(text: str) -> None:
    once = Pii().rewrite(answers(text))
    assert Pii().rewrite(once).equals(once)
