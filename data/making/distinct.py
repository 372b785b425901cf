"""Keeps generated rows apart, so that a near-duplicate or a leak in the sample is always a planted one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

NEAR_WORDS, NEAR_JACCARD = 5, 0.7  # stricter than the default of deduplication (0.8)
LEAK_WORDS, LEAK_COVERAGE = 8, 0.4  # stricter than the default of decontamination (0.5)


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

    def shared(self, text: str) -> list[tuple[int, int]]:
        """Return (shared n-grams, n-grams of either) for every indexed text that shares one."""
        grams = shingles(text, self.size)
        counts = Counter(i for gram in grams for i in self._postings.get(gram, ()))
        return [(c, len(self._sets[i]) + len(grams) - c) for i, c in counts.items()]


class HeldOut:
    """Prompts of evaluation items, and how much of one a text repeats in runs of LEAK_WORDS words."""

    def __init__(self) -> None:
        self._lengths: list[int] = []
        self._places: dict[str, list[tuple[int, int]]] = defaultdict(list)  # gram -> item, first word

    def add(self, prompt: str) -> None:
        words = words_of(prompt)
        for start in range(len(words) - LEAK_WORDS + 1):
            gram = " ".join(words[start : start + LEAK_WORDS])
            self._places[gram].append((len(self._lengths), start))
        self._lengths.append(len(words))

    def coverage(self, text: str) -> float:
        """Return the largest share of the words of one item that runs of `text` cover."""
        covered: dict[int, set[int]] = defaultdict(set)
        for gram in shingles(text, LEAK_WORDS):
            for item, start in self._places.get(gram, ()):
                covered[item].update(range(start, start + LEAK_WORDS))
        return max((len(words) / self._lengths[item] for item, words in covered.items()), default=0.0)


class Distinct:
    """Admits a prompt only if it is not near an admitted one and repeats no held-out one."""

    def __init__(self) -> None:
        self._near = Index(NEAR_WORDS)
        self._held_out = HeldOut()

    def hold_out(self, prompt: str) -> None:
        """Remember a prompt of an evaluation item."""
        self._held_out.add(prompt)

    def admit(self, prompt: str) -> bool:
        """Return whether `prompt` is distinct, and remember it if it is."""
        near = any(shared / union >= NEAR_JACCARD for shared, union in self._near.shared(prompt))
        if near or self._held_out.coverage(prompt) > LEAK_COVERAGE:
            return False
        self._near.add(prompt)
        return True
