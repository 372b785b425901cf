"""The definition of siblings in plain Python."""

from __future__ import annotations

import re
from collections import Counter

from tilth.curation.similarity.marks import PROBLEM, STRONG, WEAK


def are_siblings(a: tuple[str, str], b: tuple[str, str]) -> bool:
    """Return whether two rows, as (prompt, response) in the Latin alphabet, differ in what they are about."""
    (strong_a, all_a), (strong_b, all_b) = _marks(*a), _marks(*b)
    return bool(strong_a - all_b) and bool(strong_b - all_a)


def _marks(prompt: str, response: str) -> tuple[set[str], set[str]]:
    asked, said = (re.findall(r"\w+", text.lower()) for text in (prompt, response))
    times = Counter(asked + said)
    numbers = {word for word in asked if word[0].isdigit()} if len(asked) <= PROBLEM else set()
    strong = numbers | {word for word, n in times.items() if n >= STRONG}
    return strong, strong | {word for word, n in times.items() if n >= WEAK}
