"""Scores of one answer against its reference, each in [0, 1], higher is better."""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from collections.abc import Callable
from typing import Any

CHRF_ORDER, CHRF_BETA = 6, 2
MAX_JSON_CHARS = 100_000
_WORD = re.compile(r"[^\W_]+")


def exact(answer: str, reference: str) -> float:
    """Equal up to white space at the ends and runs of it."""
    return float(" ".join(answer.split()) == " ".join(reference.split()))


def contains(answer: str, reference: str) -> float:
    """The reference occurs in the answer, whatever the case and the white space."""
    return float(" ".join(reference.casefold().split()) in " ".join(answer.casefold().split()))


def regex(answer: str, reference: str) -> float:
    """The reference, a regular expression, matches somewhere in the answer."""
    return float(re.search(reference, answer) is not None)


def equal_json(answer: str, reference: str) -> float:
    """Both parse as JSON and hold equal values; key order and spacing do not count."""
    try:
        return float(json.loads(answer) == json.loads(reference))
    except (ValueError, RecursionError):
        return 0.0


def tool_call(answer: str, reference: str) -> float:
    """The answer calls the reference's tools, in order, with equal arguments.

    Calls are the JSON objects with a `name` found in the text, in whatever marks the template puts around
    them, or entries {"function": {"name", "arguments"}}.
    """
    wanted = calls_in(reference)
    return float(bool(wanted) and calls_in(answer) == wanted)


def f1(answer: str, reference: str) -> float:
    """Word F1 after SQuAD's normalisation (Rajpurkar et al., arXiv 1606.05250)."""
    got, wanted = _squad_words(answer), _squad_words(reference)
    if not got or not wanted:
        return float(got == wanted)
    common = sum((Counter(got) & Counter(wanted)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(got), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


def chrf(answer: str, reference: str) -> float:
    """Character n-gram F2 for n up to 6 (Popović 2015), as sacrebleu's sentence chrF, in [0, 1]."""
    got, wanted = "".join(answer.split()), "".join(reference.split())
    precision = recall = 0.0
    orders = 0
    for n in range(1, CHRF_ORDER + 1):
        a, b = _ngrams(got, n), _ngrams(wanted, n)
        if not a or not b:
            continue
        common = sum((a & b).values())
        precision += common / sum(a.values())
        recall += common / sum(b.values())
        orders += 1
    if orders == 0 or precision + recall == 0:
        return 0.0
    precision, recall = precision / orders, recall / orders
    return (1 + CHRF_BETA**2) * precision * recall / (CHRF_BETA**2 * precision + recall)


def rouge(answer: str, reference: str) -> float:
    """ROUGE-L F1 (Lin 2004): words in common in the same order, as the rouge-score package without stemming.

    Words are runs of letters and digits of any script; rouge-score knows those of ASCII only.
    """
    got, wanted = _WORD.findall(answer.lower()), _WORD.findall(reference.lower())
    common = _common_in_order(got, wanted)
    return 2 * common / (len(got) + len(wanted)) if common else 0.0


METRICS: dict[str, Callable[[str, str], float]] = {
    "exact": exact,
    "contains": contains,
    "regex": regex,
    "json": equal_json,
    "tool_call": tool_call,
    "f1": f1,
    "chrf": chrf,
    "rouge": rouge,
}


def calls_in(text: str) -> list[tuple[str, Any]]:
    """Return (name, arguments) of every tool call written in `text`."""
    found: list[tuple[str, Any]] = []
    decoder = json.JSONDecoder()
    text = text[:MAX_JSON_CHARS]
    position = text.find("{")
    while position >= 0:
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            position = text.find("{", position + 1)
            continue
        call = value.get("function") if isinstance(value.get("function"), dict) else value
        if isinstance(call.get("name"), str):
            found.append((call["name"], _arguments(call.get("arguments", call.get("parameters")))))
        position = text.find("{", end)
    return found


def _arguments(value: Any) -> Any:
    """Arguments come as an object or as its JSON text."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value or {}


def _squad_words(text: str) -> list[str]:
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def _ngrams(text: str, n: int) -> Counter[str]:
    return Counter(text[i : i + n] for i in range(len(text) - n + 1))


def _common_in_order(a: list[str], b: list[str]) -> int:
    """Return the length of the longest common subsequence, a bit of an integer for each word of `a` (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for i, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << i
    all_bits = (1 << len(a)) - 1
    free = all_bits
    for word in b:
        matched = free & places.get(word, 0)
        free = ((free + matched) | (free - matched)) & all_bits
    return len(a) - free.bit_count()
