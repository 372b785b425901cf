from __future__ import annotations

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.rules.length import Length
from tilth.shards.tables import Verdict


def test_characters_are_counted_by_side() -> None:
    turns = turn_frame(
        [("system", "ab"), ("user", "héllo"), ("assistant", "日本"), ("user", "?"), ("assistant", "four")],
        [("user", None), {"role": "assistant", "text": None, "tool_calls": "[]"}],
    )
    assert Length().measure(turns).drop("row_id").rows() == [(8, 6, 4, 2), (0, 0, None, None)]


def test_bounds_include_their_ends() -> None:
    stage = Length(min_chars=2, max_chars=4)
    assert reasons(stage, answers("a", "ab", "abcd", "abcde")) == [
        {"response_too_short"},
        set(),
        set(),
        {"response_too_long"},
    ]


def test_length_only_tags_by_default() -> None:
    assert {rule.verdict for rule in Length().rules()} == {Verdict.KEEP}
    assert {rule.verdict for rule in Length(verdict=Verdict.DROP).rules()} == {Verdict.DROP}


def test_a_prompt_is_bounded_only_where_the_recipe_says_so() -> None:
    turns = turn_frame([("user", "a" * 9), ("assistant", "b")], [("user", "a" * 10), ("assistant", "b")])
    assert reasons(Length(), turns) == [set(), set()]
    assert reasons(Length(max_prompt_chars=9), turns) == [set(), {"prompt_too_long"}]
