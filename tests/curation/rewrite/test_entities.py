from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.turn_frames import answers
from tilth.curation.rewrite.entities import Entities


def rewritten(text: str, prompt: str = "Tell me.") -> str:
    return Entities().rewrite(answers(text, prompt=prompt))["text"][1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("&quot;友谊是一盏灯。&quot;", '"友谊是一盏灯。"'),
        ("&ldquo;Still waters&rdquo;, he said &amp; left.", "“Still waters”, he said & left."),
        ("It&#39;s 3 &lt; 5, caf&eacute;&nbsp;bar", "It's 3 < 5, café bar"),
        ("&amp;quot;twice&amp;quot;", '"twice"'),
        ("&#x2019; and &#8217;", "’ and ’"),
    ],
)
def test_residue_of_escaping_is_written_as_what_it_stands_for(text: str, expected: str) -> None:
    assert rewritten(text) == expected


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("Write `&quot;` in the page.", "Tell me."),
        ("Write &quot; there.", "How do I write a quotation mark in HTML?"),
        ("<p>Tom &amp; Ann</p>", "Tell me."),
        ("&lt;b&gt;bold&lt;/b&gt;", "Tell me."),
        ("```\na &amp;&amp; b\n```", "Tell me."),
        ("AT&T; R&D; &nosuchname;", "Tell me."),
        ("x = a && b; y", "Tell me."),
    ],
)
def test_what_may_be_meant_stays(text: str, prompt: str) -> None:
    assert rewritten(text, prompt) == text


def test_what_was_written_is_said() -> None:
    said = Entities().rewrite(answers("&quot;a&quot; &amp; b", "none"))["changes"].to_list()
    assert said == [None, [{"kind": "entity", "shown": "&quot; &amp;"}], None, None]


@given(st.lists(st.sampled_from(["&amp;", "&", "amp;", "quot;", "lt;", "<", "a", ";", "#39;"]), max_size=8))
def test_texts_without_an_entity_stay(pieces: list[str]) -> None:
    text = "".join(pieces).replace("&", "and ")
    assert Entities().rewrite(answers(text)).equals(answers(text))
    assert Entities().rewrite(answers(text).clear()).equals(pl.DataFrame(answers(text).clear()))
