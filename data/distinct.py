"""Keeps generated rows apart, so that a near-duplicate or a leak in the sample is always a planted one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

NEAR_WORDS, NEAR_JACCARD = 5, 0.7  # stricter than the default of deduplication (0.8)
LEAK_WORDS, LEAK_COVERAGE, LEAK_RUN_WORDS = 8, 0.4, 12  # stricter than 8-gram coverage .5 and a 13-gram


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation."""
    return re.findall(r"\w+", text.lower())


def shingles(text: str, size: int) -> set[str]:
    """Return the word n-grams of a text; a shorter text is its own single shingle."""
    words = words_of(text)
    return {" ".join(words[i : i + size]) for i in range(max(1, len(words) - size + 1))}


def jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a or b else 1.0


class Index:
    """Texts by their word n-grams."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._sets: list[set[str]] = []
        self._postings: dict[str, list[int]] = defaultdict(list)

    def add(self, text: str) -> None:
        grams = shingles(text, self.size)
        for gram in grams:
            self._postings[gram].append(len(self._sets))
        self._sets.append(grams)

    def shared(self, text: str) -> list[tuple[int, int, int]]:
        """Return (shared n-grams, n-grams of the indexed text, n-grams of either) for every text met."""
        grams = shingles(text, self.size)
        counts = Counter(i for gram in grams for i in self._postings.get(gram, ()))
        return [(c, len(self._sets[i]), len(self._sets[i]) + len(grams) - c) for i, c in counts.items()]


class Distinct:
    """Admits a prompt only if it is not near an admitted one and shares no long span with a held-out one."""

    def __init__(self) -> None:
        self._near = Index(NEAR_WORDS)
        self._leak = Index(LEAK_WORDS)
        self._run = Index(LEAK_RUN_WORDS)

    def hold_out(self, prompt: str) -> None:
        """Remember a prompt of an evaluation item."""
        self._leak.add(prompt)
        self._run.add(prompt)

    def admit(self, prompt: str) -> bool:
        """Return whether `prompt` is distinct, and remember it if it is."""
        near = any(shared / union >= NEAR_JACCARD for shared, _, union in self._near.shared(prompt))
        leak = any(shared / own >= LEAK_COVERAGE for shared, own, _ in self._leak.shared(prompt))
        if near or leak or self._run.shared(prompt):
            return False
        self._near.add(prompt)
        return True
