"""How numbers and foreign text are written on a page."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

NOTHING = "–"
ELLIPSIS = "…"
MINUS = "\u2212"
# Controls, marks that reorder or hide text, and lone surrogates: shown as a replacement character.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_RELATIVE = re.compile(
    r"(\.\./)*[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*(#[A-Za-z0-9_-]+)?"
)


def visible(text: str) -> str:
    """Return text in which every character can be seen and none changes the reading order."""
    return _UNSEEN.sub("\ufffd", text)


def shorten(text: str, most: int) -> str:
    """Return at most `most` characters, cut in the middle so that both ends can be read."""
    if len(text) <= most:
        return text
    tail = most // 4
    return text[: most - tail - 1].rstrip() + ELLIPSIS + text[-tail:].lstrip() if tail else text[:most]


def is_relative(href: str) -> bool:
    """Return whether `href` leads to a file beside the page: no scheme, no host, no absolute path."""
    return _RELATIVE.fullmatch(href) is not None


def _or_nothing(write: Callable[[float], str]) -> Callable[[float | None], str]:
    """Write a dash for a missing number, and a true minus sign."""

    @wraps(write)
    def written(value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return NOTHING
        return write(value).replace("-", MINUS)

    return written


@_or_nothing
def count(value: float) -> str:
    """12345 -> 12,345."""
    return f"{round(value):,}"


@_or_nothing
def percent(value: float) -> str:
    """0.1234 -> 12.3 %; below a thousandth with one digit more."""
    digits = 0 if value in (0, 1) else 2 if abs(value) < 0.001 else 1
    return f"{100 * value:.{digits}f}\u202f%"


@_or_nothing
def number(value: float) -> str:
    """Whole and large numbers with separators, others with four significant digits."""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.4g}"


@_or_nothing
def decimal(value: float) -> str:
    """Three decimals, for columns of losses and scores."""
    return f"{value:.3f}"


@_or_nothing
def signed(value: float) -> str:
    """Three decimals with a sign."""
    return f"{value:+.3f}"


@_or_nothing
def seconds(value: float) -> str:
    """75.2 -> 1 min 15 s."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


@_or_nothing
def size(value: float) -> str:
    """1_700_000_000 -> 1.7 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def quantity(value: float | None, unit: str) -> str:
    """Write a value in one of the units of a plan."""
    return {"seconds": seconds, "bytes": size}.get(unit, count)(value)


def plain(value: Any) -> Any:
    """Return JSON values with every number that is not finite replaced by None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
