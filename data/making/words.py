"""Seeded choices: names, numbers, dates and sentences of one language."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from tilth.data.making.lexicon import DESKS, LANGUAGES, NAMES, ORDER_LETTERS, PLACES, lexicon

T = TypeVar("T")

MONTH_DAYS = range(2, 29)
YEARS = range(2026, 2040)


class Words:
    """One seeded speaker of one language."""

    def __init__(self, rng: Random, lang: str) -> None:
        self.rng, self.lexicon, self.lang = rng, lexicon(lang), lang

    def pick(self, options: Sequence[T]) -> T:
        return self.rng.choice(options)

    def order(self) -> str:
        """Return an order number: a letter and four figures."""
        return f"{self.pick(ORDER_LETTERS)}{self.rng.randrange(10, 100)}{self.rng.randrange(10, 100)}"

    def names(self, count: int) -> list[str]:
        return self.rng.sample(NAMES, count)

    def date(self) -> tuple[str, str]:
        """Return a date in words and the same as year-month-day."""
        day, month, year = self.pick(MONTH_DAYS), self.rng.randrange(12), self.pick(YEARS)
        name = self.lexicon.months[month]
        words = {
            "en": f"{day} {name} {year}",
            "de": f"{day}. {name} {year}",
            "fr": f"{day} {name} {year}",
            "es": f"{day} de {name} de {year}",
        }[self.lang]
        return words, f"{year}-{month + 1:02}-{day:02}"

    def slots(self) -> dict[str, str]:
        """Return a value for every common slot."""
        name, name2 = self.names(2)
        item, my_item = self.pick(self.lexicon.items)
        return {
            "name": name,
            "name2": name2,
            "place": self.pick(PLACES),
            "day": self.pick(self.lexicon.days),
            "month": self.pick(self.lexicon.months),
            "hour": str(self.rng.randrange(2, 12)),
            "n": str(self.rng.randrange(10, 100)),
            "order": self.order(),
            "item": item,
            "my_item": my_item,
            "lost": self.pick(self.lexicon.lost),
        }

    def say(self, key: str, /, **slots: str) -> str:
        """Return a phrase of `key` with its slots filled, starting with a capital."""
        return capitalised(self.pick(self.lexicon.phrases[key]).format(**slots))

    def issue(self, desk: str, /, **slots: str) -> str:
        """Return a clause that belongs to `desk`, without capital and full stop."""
        return self.pick(self.lexicon.issues[desk]).format(**slots)

    def desk(self) -> str:
        return self.pick(DESKS)

    def abroad(self) -> Words:
        """Return a speaker of another language who draws from the same generator."""
        return Words(self.rng, self.pick([lang for lang in LANGUAGES if lang != self.lang]))


def capitalised(text: str) -> str:
    """Return `text` with its first letter in upper case and nothing else changed."""
    return text[:1].upper() + text[1:]
