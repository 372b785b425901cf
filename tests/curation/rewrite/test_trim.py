from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tests.turn_frames import turn_frame
from tilth.curation.rewrite.trim import Trim
from tilth.shards.tables import TURNS, Role


def trimmed(*rows: str) -> list[list[str]]:
    turns = turn_frame(*[[(role, "words") for role in row.split()] for row in rows])
    left = Trim().rewrite(turns.select(TURNS.names()))
    ids = turns["row_id"].unique(maintain_order=True)
    return [left.filter(pl.col("row_id") == row)["role"].to_list() for row in ids]


def test_trailing_user_turns_are_left_out() -> None:
    assert trimmed("user assistant user", "user assistant user user", "system user assistant") == [
        ["user", "assistant"],
        ["user", "assistant"],
        ["system", "user", "assistant"],
    ]


def test_rows_without_a_response_and_open_tool_calls_stay_whole() -> None:
    rows = ("user", "system user", "user assistant tool user", "document")
    assert trimmed(*rows) == [row.split() for row in rows]


@given(st.lists(st.lists(st.sampled_from(["user", "assistant", "tool"]), min_size=1), min_size=1, max_size=6))
def test_nothing_but_an_unanswered_end_is_ever_left_out(rows: list[list[str]]) -> None:
    for before, after in zip(rows, trimmed(*[" ".join(row) for row in rows]), strict=True):
        assert after == before[: len(after)] and after
        assert set(before[len(after) :]) <= {Role.USER.value}
        assert after == before or after[-1] == Role.ASSISTANT.value
