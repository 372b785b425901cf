"""Anchors and a list of contents for the sections of a page, from its headings."""

from __future__ import annotations

import re
from typing import NamedTuple

from markupsafe import Markup

# A section and its heading, as the templates write them; the heading itself is escaped already.
_HEAD = re.compile(r'<section>(\s*<div class="say"><h2)>(.*?)</h2>', re.DOTALL)


class Section(NamedTuple):
    """One section of a page: the anchor and the heading, escaped."""

    anchor: str
    title: Markup


def contents(body: Markup) -> list[Section]:
    """Return the sections of a page in their order."""
    titles = [found[2] for found in _HEAD.finditer(body)]
    return [Section(anchor, Markup(title)) for anchor, title in zip(_anchors(titles), titles, strict=True)]


def anchored(body: Markup) -> Markup:
    """Return the page with an id on each section, which its heading names."""
    anchors = iter(section.anchor for section in contents(body))

    def named(found: re.Match[str]) -> str:
        anchor = next(anchors)
        return f'<section id="{anchor}" aria-labelledby="{anchor}-head">{found[1]} id="{anchor}-head">{found[2]}</h2>'

    return Markup(_HEAD.sub(named, body))


def _anchors(titles: list[str]) -> list[str]:
    """Return a name of letters and digits for each title, no two alike."""
    made: list[str] = []
    for number, title in enumerate(titles):
        words = re.sub(r"[^a-z0-9]+", "-", re.sub(r"<[^>]*>|&[^;]*;", "", title).lower()).strip("-")
        made.append(f"{words}-{number}" if not words or words in made else words)
    return made
