"""datatrove's four prose filters: documents a CPU-second, and the values that they compare with their bounds.

    python benchmarks/peers/datatrove.py TEXTS.parquet [VALUES.json]

A filter says only yes or no. So that no formula is written twice, its bounds are replaced by objects that write
down what they are compared with, and break nothing.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    c4_filters,
)
from datatrove.utils.text import TERMINAL_PUNCTUATION
from datatrove.utils.word_tokenizers import WordTokenizer
from loguru import logger

SENTENCE = re.compile(
    rf"(?:^|(?<=\s))(?=\S).*?(?:[{re.escape(''.join(TERMINAL_PUNCTUATION))}…][\"')\]}}”’»]*(?=\s|$)|$)", re.S
)


class Words(WordTokenizer):
    """Words are what str.split returns; a sentence ends at a word that ends with terminal punctuation."""

    def word_tokenize(self, text: str) -> list[str]:
        return text.split()

    def sent_tokenize(self, text: str) -> list[str]:
        return [text[a:b] for a, b in self.span_tokenize(text)]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        return [found.span() for found in SENTENCE.finditer(text) if found[0].strip()]


class Bound:
    """A bound that nothing breaks, and that notes the values it is compared with."""

    __array_ufunc__ = None  # numpy leaves the comparison to this class

    def __init__(self) -> None:
        self.seen: list[float] = []

    def _note(self, value: float) -> bool:
        self.seen.append(float(value))
        return False

    __lt__ = __gt__ = _note


def fresh(tokenizer: Any) -> list[Any]:
    """Return the four filters with their default bounds."""
    chosen = {} if tokenizer is None else {"language": tokenizer}
    kinds = (GopherQualityFilter, GopherRepetitionFilter, C4QualityFilter, FineWebQualityFilter)
    return [kind(**chosen) for kind in kinds]


def values(text: str, tokenizer: Any) -> dict[str, float]:
    """Return what the filters compare, by the names of `tilth.curation.quality.statistics`."""
    found: dict[str, float] = {}
    for measure in (gopher_quality, gopher_repetition, c4, fineweb):
        found |= measure(text, tokenizer)
    return found


def gopher_quality(text: str, tokenizer: Any) -> dict[str, float]:
    if not text.split():
        return {}  # it divides by the number of words
    names = (
        "min_doc_words", "min_avg_word_length", "max_symbol_word_ratio", "max_bullet_lines_ratio",
        "max_ellipsis_lines_ratio", "max_non_alpha_words_ratio", "min_stop_words",
    )  # fmt: skip
    bounds = {name: Bound() for name in names}
    GopherQualityFilter(**bounds, max_doc_words=None, max_avg_word_length=None, language=tokenizer).filter(
        Document(text=text, id="")
    )
    seen = [value for name in names for value in bounds[name].seen]
    ours = (
        "non_symbol_words", "mean_word_length", "hash_ratio", "ellipsis_ratio", "bullet_lines", "ellipsis_lines",
        "alpha_words", "stop_words",
    )  # fmt: skip
    return dict(zip(ours, seen, strict=True))


def gopher_repetition(text: str, tokenizer: Any) -> dict[str, float]:
    if not text:
        return {}
    names = ("dup_para_frac", "dup_para_char_frac", "dup_line_frac", "dup_line_char_frac")
    ours = ("duplicate_paragraphs", "duplicate_paragraph_chars", "duplicate_lines", "duplicate_line_chars")
    bounds = {name: Bound() for name in names}
    top = {f"top_{n}gram_chars": (n, Bound()) for n in (2, 3, 4)}
    repeated = {f"duplicate_{n}gram_chars": (n, Bound()) for n in range(5, 11)}
    GopherRepetitionFilter(
        **bounds, top_n_grams=tuple(top.values()), dup_n_grams=tuple(repeated.values()), language=tokenizer
    ).filter(Document(text=text, id=""))
    seen = dict(zip(ours, (bounds[name] for name in names))) | {k: v[1] for k, v in (top | repeated).items()}
    return {name: bound.seen[0] for name, bound in seen.items() if bound.seen}


def c4(text: str, tokenizer: Any) -> dict[str, float]:
    sentences = []
    split = c4_filters.split_into_sentences

    def counted(line: str, language: Any) -> list[str]:
        sentences.append(split(line, language))
        return sentences[-1]

    whole = C4QualityFilter(
        filter_lorem_ipsum=False, filter_curly_bracket=False, min_num_sentences=0, language=tokenizer
    )
    c4_filters.split_into_sentences = counted
    whole.filter(Document(text=text, id=""))
    c4_filters.split_into_sentences = split
    lines = {name: float(stat.total) for name, stat in whole.stats.stats.items()}
    total = lines.get("line-total", 0.0)
    ours = {
        "long_word_lines": "too_long_word", "unpunctuated_lines": "no_terminal_punc",
        "few_word_lines": "too_few_words", "javascript_lines": "javascript", "policy_lines": "policy",
    }  # fmt: skip
    found = {name: lines.get(f"line-filter-{theirs}", 0.0) for name, theirs in ours.items()}
    found |= {"lines": total, "sentences": float(sum(map(len, sentences)))}
    if total:
        found["kept_lines"] = lines.get("line-kept", 0.0) / total
    for name, off in (("lorem_ipsum", "filter_curly_bracket"), ("curly_bracket", "filter_lorem_ipsum")):
        only = C4QualityFilter(**{off: False}, min_num_sentences=-1, language=tokenizer)
        found[name] = float(only.filter(Document(text=text, id="")) == (False, name))
    return found


def fineweb(text: str, tokenizer: Any) -> dict[str, float]:
    if not text.split():
        return {}
    names = ("line_punct_thr", "short_line_thr", "char_duplicates_ratio", "new_line_ratio")
    ours = ("terminal_lines", "short_lines", "duplicate_text_line_chars", "newlines_per_word")
    bounds = {name: Bound() for name in names}
    FineWebQualityFilter(**bounds, language=tokenizer).filter(Document(text=text, id=""))
    return {name: bounds[theirs].seen[0] for name, theirs in zip(ours, names, strict=True)}


def judged(texts: list[str], tokenizer: Any) -> tuple[float, list[list[bool]]]:
    """Return the CPU seconds of the four filters over all texts, and what each said of each text."""
    filters = fresh(tokenizer)
    for each in filters:
        each.filter(Document(text="One warm sentence. " * 30, id=""))
    started = time.process_time()
    said = [[_passes(each, text) for each in filters] for text in texts]
    return time.process_time() - started, said


def _passes(each: Any, text: str) -> bool:
    try:
        return each.filter(Document(text=text, id="")) is True
    except ZeroDivisionError:
        return False


def main(texts_path: str, values_path: str | None = None) -> None:
    """Print one line of JSON."""
    logger.remove()
    texts = pl.read_parquet(texts_path)["text"].to_list()
    seconds, said = judged(texts, None)
    words_seconds, said_with_words = judged(texts, Words())
    if values_path:
        words = Words()
        found = [values(text, words) for text in texts]
        Path(values_path).write_text(json.dumps(found), encoding="utf-8")
    result = {
        "version": version("datatrove"), "rows": len(texts), "cpu_s": seconds, "words_cpu_s": words_seconds,
        "passed": said, "passed_with_words": said_with_words,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
