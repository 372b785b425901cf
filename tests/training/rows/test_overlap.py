"""What judges a run is found in other texts, word for word or nearly, and what only looks like it is not."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.training.rows.overlap import holding, text_of

ITEM = "A ship leaves the old harbour at nine with forty crates of tea and comes back at noon with none. How many?"


def held(text: str, *items: str) -> bool:
    return bool(holding([text], items or [ITEM])[0])


def test_the_same_words_are_found_whatever_stands_around_them() -> None:
    assert held(ITEM)
    assert held(f"Read this first. {ITEM.upper().replace('.', ' –')} Forty.")
    assert held(ITEM.replace("nine", "ten"))
    assert not held("A ship leaves the old harbour at nine with forty crates of tea.")
    assert not held("")
    assert not held(ITEM, "")


def test_short_texts_are_told_by_all_their_words() -> None:
    assert held("Paris!", "paris")
    assert not held("Paris is a city", "paris")
    assert not held("how much is 7 plus 2\n9", "how much is 8 plus 2\n10")
    assert held("how much is 8 plus 2\n10", "how much is 8 plus 2\n10")


def test_what_many_items_share_is_no_sign_of_one() -> None:
    told = "Name the mood of the sentence that stands below, in one word of the list given to you before: "
    moods = [
        f"{told}{mood} all day long by the sea" for mood in ("glad", "sad", "sour", "calm", "cross", "proud")
    ]
    assert not held(f"{told}tired of waiting at a gate", *moods)
    assert held(moods[3], *moods)
    assert held(f"{told}tired of waiting at a gate", moods[0]) is False


def test_scripts_without_spaces_are_read_by_the_character() -> None:
    item = "小船早上九点离开旧港，带着四十箱茶叶，中午空船回来。一共卸下多少箱？"
    assert held(f"请先读完。{item}四十箱。", item)
    assert held(item.replace("九", "八"), item)
    assert not held("小船早上九点离开旧港。", item)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=8), st.integers(0, 7))
def test_every_text_with_words_holds_itself(texts: list[str], which: int) -> None:
    text = texts[which % len(texts)]
    has_words = bool(holding([text], [text])[0])
    assert bool(holding(texts, [text])[which % len(texts)]) == has_words
    if any(c.isascii() and c.isalnum() for c in text):
        assert has_words


def test_system_prompts_are_no_part_of_what_is_said() -> None:
    turns = [
        {"role": "system", "text": "be brief"},
        {"role": "user", "text": "hi"},
        {"role": "assistant", "text": None, "tool_calls": '[{"name":"f"}]'},
    ]
    assert text_of(turns).split() == ["hi", '[{"name":"f"}]']
