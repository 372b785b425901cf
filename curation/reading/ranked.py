"""Several answers to one prompt with a score or rank each, as in UltraFeedback and Nectar: best against worst."""

from __future__ import annotations

from typing import Any

from tilth.curation.reading.limits import Reason, Unreadable
from tilth.curation.reading.manner import Manner

COLUMNS = ("completions", "answers", "responses", "generations", "candidates")
_TEXTS = ("response", "answer", "completion", "text", "content", "output")
# In order of preference: UltraFeedback's overall scores are known to hold tens that were ones.
_SCORES = ("fine-grained_score", "fine_grained_score", "overall_score", "score", "rating", "reward")
_RANK = "rank"  # 1 is the best


def is_ranked(value: Any) -> bool:
    """Tell whether a value is a list of answers that have a score or a rank."""
    return (
        type(value) is list
        and bool(value)
        and all(type(answer) is dict and _key(answer, _TEXTS) is not None for answer in value)
        and _scored_by(value) is not None
    )


def best_and_worst(value: Any, manner: Manner, place: str) -> tuple[str, str]:
    """Return the text of the best answer and that of the worst; the first of each where several are alike.

    Raises Unreadable where no answer is better than another, or two answers have no score.
    """
    if type(value) is not list or not all(type(answer) is dict for answer in value):
        raise Unreadable(Reason.WRONG_TYPE)
    by = _scored_by(value)
    scored = []
    for answer in value:
        key = _key(answer, _TEXTS)
        score = _number(answer.get(by)) if by is not None else None
        if key is not None and score is not None:
            scored.append((-score if by == _RANK else score, answer[key]))
        manner.leave(answer, frozenset({*_TEXTS, by or ""}), f"{place}[]")
    best = max(scored, key=lambda pair: pair[0], default=None)
    worst = min(scored, key=lambda pair: pair[0], default=None)
    if best is None or worst is None or best[0] == worst[0]:
        raise Unreadable(Reason.TIED)
    manner.trail.note(f"the best of {place} by {by} against the worst")
    if len(scored) < len(value):
        manner.trail.note(f"answers of {place} without a score or a text passed over")
    return best[1], worst[1]


def _scored_by(answers: list[Any]) -> str | None:
    """Return the key that scores most of these answers; the first of the preferred where they are equal."""
    counts = {
        key: sum(_number(answer.get(key)) is not None for answer in answers) for key in (*_SCORES, _RANK)
    }
    key = max(counts, key=lambda name: counts[name])
    return key if counts[key] else None


def _key(answer: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if type(answer.get(name)) is str), None)


def _number(value: Any) -> float | None:
    """Return a score: a finite number, or a string of one."""
    if type(value) is str:
        try:
            value = float(value)
        except ValueError:
            return None
    if type(value) not in (int, float) or not abs(value) < float("inf"):
        return None
    return value
