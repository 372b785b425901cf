"""The answer matches the reference."""

from __future__ import annotations

import re

from tilth.training.evaluation.metric import metric


def no_pattern(reference: str) -> str:
    """Return that a reference is no regular expression, "" if it is one."""
    try:
        re.compile(reference)
    except re.error:
        return "the reference is not a regular expression"
    return ""


@metric("regex", problem=no_pattern)
def regex(answer: str, reference: str) -> float:
    """The reference, a regular expression, matches somewhere in the answer."""
    return float(re.search(reference, answer) is not None)
