"""Sections of a page are anchored and listed by their headings."""

from __future__ import annotations

from markupsafe import Markup

from tilth.validators.sections import anchored, contents

BODY = Markup(
    '<section>\n<div class="say"><h2>Held-out loss by slice</h2></div></section>'
    '<section><div class="say"><h2>&lt;script&gt;</h2></div></section><section>no heading</section>'
)


def test_every_heading_is_listed_and_its_section_found_by_the_anchor() -> None:
    page = anchored(BODY)
    for section in contents(BODY):
        assert f'<section id="{section.anchor}" aria-labelledby="{section.anchor}-head">' in page
    assert [section.title for section in contents(BODY)] == ["Held-out loss by slice", "&lt;script&gt;"]
    assert page.count("id=") == 4


def test_what_stands_in_a_heading_stays_escaped() -> None:
    assert "<script>" not in anchored(BODY)
