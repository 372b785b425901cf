"""Documents with planted near duplicates: real sentences put together anew, copies with a known number of edits."""

from __future__ import annotations

import random
import re

import polars as pl

from benchmarks.inputs.sample import read_real, sample_texts

SHINGLE_WORDS = 5
_WORDS = re.compile(r"\w+")


def planted(n: int, seed: int = 7) -> tuple[pl.Series, pl.DataFrame]:
    """Return `n` documents and the planted pairs (a, b, jaccard) with the exact similarity of each.

    80 % are of their own, 15 % are one of these with 1 to 8 words in 90 replaced, removed or added, 5 % are
    copies.
    """
    rng = random.Random(seed)
    sentences = _sentences()
    words = sorted({word for sentence in sentences[:20_000] for word in sentence.split()})
    own, edited = int(n * 0.8), int(n * 0.15)
    texts = [_document(sentences, rng) for _ in range(own)]
    sources = rng.sample(range(own), n - own)
    texts += [_edited(texts[i], words, rng) if k < edited else texts[i] for k, i in enumerate(sources)]
    order = rng.sample(range(n), n)
    place = {old: new for new, old in enumerate(order)}
    pairs = pl.DataFrame(
        {
            "a": [place[i] for i in sources],
            "b": [place[own + k] for k in range(n - own)],
            "jaccard": [jaccard(texts[i], texts[own + k]) for k, i in enumerate(sources)],
        }
    )
    return pl.Series([texts[old] for old in order]), pairs


def jaccard(a: str, b: str) -> float:
    """Return the exact Jaccard similarity of the word shingles of two texts."""
    x, y = shingles(a), shingles(b)
    return len(x & y) / len(x | y)


def shingles(text: str) -> set[tuple[str, ...]]:
    """Return the runs of SHINGLE_WORDS words of a text; a shorter one is one run."""
    words = _WORDS.findall(text.lower())
    return {tuple(words[i : i + SHINGLE_WORDS]) for i in range(max(1, len(words) - SHINGLE_WORDS + 1))}


def _sentences() -> list[str]:
    real = read_real("near_dup/docs.jsonl.zst")
    texts = sample_texts() if real is None else real.filter(pl.col("lang") == "en")["text"]
    found = {
        sentence
        for text in texts.to_list()
        for sentence in re.split(r"(?<=[.!?:])\s+|\n+", text[:60_000])
        if 6 <= sentence.count(" ") + 1 <= 60 and sentence.isascii()  # words are then the same to every tool
    }
    return sorted(found)


def _document(sentences: list[str], rng: random.Random) -> str:
    least = max(40, min(900, int(rng.lognormvariate(4.4, 0.6))))
    said: list[str] = []
    words = 0
    while words < least or len(said) < 4:
        said.append(rng.choice(sentences))
        words += said[-1].count(" ") + 1
    return " ".join(said)


def _edited(text: str, vocabulary: list[str], rng: random.Random) -> str:
    words = text.split()
    for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 6, 8)) * max(1, len(words) // 90)):
        place, draw = rng.randrange(len(words)), rng.random()
        if draw < 0.6:
            words[place] = rng.choice(vocabulary)
        elif draw < 0.8:
            del words[place]
        else:
            words.insert(place, rng.choice(vocabulary))
    return " ".join(words)
