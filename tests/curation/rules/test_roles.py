from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from tests.turn_frames import reasons, turn_frame
from tilth.curation.rules.roles import Roles
from tilth.shards.tables import Verdict


def conversation(roles: str) -> list[Any]:
    return [(role, "words") for role in roles.split()]


def call(*ids: str | None) -> dict[str, Any]:
    calls = ",".join(f'{{"arguments":{{}},"id":{f"{i!r}" if i else "null"},"name":"f"}}' for i in ids)
    return {"role": "assistant", "text": None, "tool_calls": f"[{calls}]".replace("'", '"')}


def result(call_id: str | None) -> dict[str, Any]:
    return {"role": "tool", "text": "done", "tool_call_id": call_id}


@pytest.mark.parametrize(
    "roles",
    [
        "user assistant",
        "system user assistant user assistant",
        "developer user assistant",
        "user assistant tool assistant",
        "user assistant tool tool assistant user assistant",
        "system user chosen rejected",
        "document",
    ],
)
def test_proper_conversations_are_kept(roles: str) -> None:
    assert reasons(Roles(), turn_frame(conversation(roles))) == [set()]


@pytest.mark.parametrize(
    ("roles", "reason"),
    [
        ("assistant user assistant", "turn_order"),
        ("user user assistant", "turn_order"),
        ("user assistant assistant", "turn_order"),
        ("user system assistant", "turn_order"),
        ("user tool assistant", "turn_order"),
        ("user assistant tool user assistant", "turn_order"),
        ("document document", "turn_order"),
        ("chosen rejected", "turn_order"),
        ("user rejected", "turn_order"),
        ("user chosen", "ends_without_response"),
        ("system", "ends_without_response"),
        ("user assistant tool", "ends_without_response"),
        ("user assistant user", "ends_with_user"),
        ("user", "ends_with_user"),
    ],
)
def test_broken_conversations_are_found(roles: str, reason: str) -> None:
    around = conversation("user assistant")
    assert reasons(Roles(), turn_frame(around, conversation(roles), around)) == [set(), {reason}, set()]


def test_tool_calls_are_matched_by_id() -> None:
    ask, answer = ("user", "Go"), ("assistant", "Done")
    turns = turn_frame(
        [ask, call("a", "b"), result("b"), result("a"), answer],
        [ask, call("a")],  # a call is a fine last response
        [ask, call(None), result(None), answer],  # no ids, nothing to compare
        [ask, call("a", "b"), result("a"), answer],
        [ask, call("a"), result("z"), answer],
    )
    lost = {"tool_call_unanswered"}
    assert reasons(Roles(), turns) == [set(), set(), set(), lost, lost]
    measured = Roles().measure(turns)
    assert measured["lost_calls"].to_list() == [None, None, None, 1.0, 2.0]


def test_in_a_row_with_tools_a_result_needs_a_call() -> None:
    ask, answer = ("user", "Weather?"), ("assistant", "7 degrees")
    written = ("<tool_call>{}</tool_call>", "weather('Kiel')", "Action: weather", "I call the tool weather.")
    turns = turn_frame(
        [ask, ("assistant", "I will look."), result(None), answer],
        *[[ask, ("assistant", text), result(None), answer] for text in written],
        [ask, call(None), result(None), result(None), answer],
    )
    assert reasons(Roles(), turns) == [set()] * 6
    with_tools = turns.with_columns(tools=pl.lit('[{"name":"weather"}]'))
    assert reasons(Roles(), with_tools) == [{"tool_call_unanswered"}, *[set()] * 5]


def test_a_trailing_user_turn_has_a_verdict_of_its_own() -> None:
    rules = {rule.reason: rule.verdict for rule in Roles(trailing_user=Verdict.KEEP).rules()}
    assert rules["ends_with_user"] == Verdict.KEEP
    assert rules["turn_order"] == Verdict.DROP
    assert Roles().measure(turn_frame()).height == 0
