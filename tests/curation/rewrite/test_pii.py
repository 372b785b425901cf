from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.turn_frames import answers, reasons, turn_frame
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
    assert re.sub(r"(?<=[A-Z])_[0-9]+\]", "]", redacted(text)) == expected


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
    assert redacted(text, kinds=("ip",)) == "bob@firm.org [IP_1]"
    assert redacted(text, kinds=()) == text
    assert set(Pii().kinds) == set(KINDS)


CARD = 378282246310005
TOOL = {"function": {"description": "ask olaf@firm.org", "name": "send"}, "type": "function"}


def packed(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def row_with_everything() -> pl.DataFrame:
    call = {"arguments": {"CARD": CARD, "to": "bob@firm.org", "x": 1.5}, "id": "bob@firm.org", "name": "send"}
    turns = turn_frame(
        [
            ("user", f"Send {CARD} to bob@firm.org, Tel. 030 901820."),
            {"role": "assistant", "reasoning": "bob@firm.org asks", "tool_calls": packed([call])},
            {
                "role": "tool",
                "text": f'{{"a\\n": [{CARD}, 1.50],  "tel": "030901820"}}',
                "tool_call_id": "bob@firm.org",
            },
            ("assistant", f'Sent: 3782 822463 10005 to BOB@firm.org. {{"card": {CARD}}}'),
        ],
        attributes=[packed({"bob@firm.org": CARD, "contact_phone": 493012345678.0, "plain": 7})],
    )
    first = pl.int_range(pl.len()) == 0
    return turns.with_columns(
        attributes=pl.when(first).then("attributes"),
        tools=pl.when(first).then(pl.lit(packed([TOOL]))),
        group=pl.when(first).then(pl.lit("bob@firm.org")),
    )


def test_one_value_is_one_placeholder_in_all_that_a_row_holds() -> None:
    turns = row_with_everything()
    out = Pii().rewrite(turns)
    assert out["text"].to_list() == [
        "Send [CARD_1] to [EMAIL_1], Tel. [PHONE_1].",
        None,
        '{"a\\n": ["[CARD_1]", 1.50],  "tel": "[PHONE_1]"}',
        'Sent: [CARD_1] to [EMAIL_1]. {"card": "[CARD_1]"}',
    ]
    assert out["reasoning"][1] == "[EMAIL_1] asks"
    arguments = {"CARD": "[CARD_1]", "to": "[EMAIL_1]", "x": 1.5}
    assert out["tool_calls"][1] == packed([{"arguments": arguments, "id": "[EMAIL_1]", "name": "send"}])
    assert out["tool_call_id"][2] == "[EMAIL_1]"
    assert json.loads(out["tools"][0])[0]["function"]["description"] == "ask [EMAIL_2]"
    assert out["attributes"][0] == packed({"[EMAIL_1]": "[CARD_1]", "contact_phone": "[PHONE_2]", "plain": 7})
    assert out["group"][0].startswith("[EMAIL] ") and "bob" not in out["group"][0]
    left = out.drop("row_id", "changes", "text_digest").write_json()
    assert not re.search(r"firm\.org|3782|901820|12345678", left, re.IGNORECASE)
    assert out.select("row_id", "turn", "role").equals(turns.select("row_id", "turn", "role"))
    assert Pii().rewrite(out.drop("changes")).drop("changes").equals(out.drop("changes"))


def test_groups_with_personal_data_stay_apart_and_equal_ones_together() -> None:
    turns = answers("a", "b", "c").with_columns(
        group=pl.when(pl.col("turn") == 0).then(
            pl.col("row_id").replace_strict(
                [n.to_bytes(16, "big") for n in range(3)], ["ann@firm.org", "bob@firm.org", "ann@firm.org"]
            )
        )
    )
    one, other, again = Pii().rewrite(turns)["group"].drop_nulls()
    assert one == again != other


def test_two_spellings_of_one_key_stay_two_keys() -> None:
    turns = answers("ANN@firm.org").with_columns(
        attributes=pl.when(pl.col("turn") == 0).then(pl.lit('{"ANN@firm.org":1,"ann@firm.org":2}'))
    )
    assert json.loads(Pii().rewrite(turns)["attributes"][0]) == {"[EMAIL_1]": 1, "[EMAIL_1] (2)": 2}


def test_what_was_found_is_said_masked() -> None:
    said = Pii().rewrite(row_with_everything())["changes"]
    assert [change["kind"] for change in said[0]].count("email") == 4
    assert "b•••@f•••.org → [EMAIL_1]" in [change["shown"] for change in said[0]]
    assert not re.search(r"bob@|378282246310005|901820", str(said.to_list()))


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("Convert the IPv4 address to binary.\n\n203.0.114.77", "11001011.00000000.01110010.01001101"),
        ("Is jane.doe@firm.org a valid e-mail address?", "Yes."),
        ("What is the country code of the phone number +49 30 901820?", "Germany"),
        ("Check the Luhn checksum of the card number 378282246310005.", "It is right."),
        ("Wandle die IP-Adresse 93.184.216.34 in binär um: binär?", "01011101"),
        ("Generate a random IPv4 address.", "93.184.216.34"),
    ],
)
def test_a_row_about_an_address_is_left_whole_and_tagged(prompt: str, answer: str) -> None:
    turns = answers(answer, prompt=prompt)
    out = Pii().rewrite(turns)
    assert out["text"].to_list() == [prompt, answer]
    assert reasons(Pii(), out) == [{"personal_data_is_the_task"}]


@pytest.mark.parametrize(
    "prompt",
    [
        "How can I write to the harbour office?\nIt was office@harbour-museum.org.",
        "Please check that my e-mail jane.doe@firm.org is valid.",
        "Track the parcel of +49 30 901820.",
        "Decode this key: sk-proj-abcdEFGH1234ijklMNOP5678",
    ],
)
def test_what_belongs_to_somebody_is_replaced(prompt: str) -> None:
    out = Pii().rewrite(answers("Done.", prompt=prompt))
    assert out["text"][0] != prompt
    assert reasons(Pii(), out) == [set()]


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
    assert stage.rewrite(turns).drop("changes").equals(turns)
    assert reasons(stage, turns) == [{"holds_ip"}, set(), {"holds_email"}]
    assert {rule.verdict for rule in stage.rules()} == {verdict}
    assert stage.measure(turns).filter(pl.col("email") > 0)["email"].to_list() == [2.0]
    assert stage.measure(answers("Nothing.")).is_empty()


def test_where_text_is_redacted_nothing_is_left_to_judge() -> None:
    assert Pii().measure(Pii().rewrite(answers("bob@firm.org"))).is_empty()


@settings(deadline=None)
@given(st.text(alphabet="ab1 .@+-:()[]", max_size=60))
def test_a_second_rewrite_changes_nothing(text: str) -> None:
    once = Pii().rewrite(answers(text))
    assert Pii().rewrite(once).equals(once)
