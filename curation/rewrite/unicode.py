"""One form for the same text: composed characters, `\\n` line ends, no invisible characters.

Inside fenced code only line ends change. Joiners stay where they carry meaning: in emoji, and in scripts that
shape their letters with them (Persian, Indic).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from tilth.curation.stage import CHANGES, Phase, stage

LINE_END = "\r\n?|[\u0085\u2028\u2029]"
# Control characters but tab and newline; soft hyphen, word joiner, byte order mark.
INVISIBLE = "[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u00ad\u2060\ufeff]"
# A zero-width space or joiner at the start, or after a letter or mark that no joiner shapes.
IDLE_JOINER = (
    r"(^|[\p{Latin}\p{Greek}\p{Cyrillic}\p{Hebrew}\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul} -~\n\t])"
    "[\u200b-\u200d]+"
)
# What the rewrite would touch in a fenced block must not be touched there.
_FENCED = re.compile(r"((?:^|\n) {0,3}```[^\n]*\n.*?(?:\n {0,3}```|\Z))", re.DOTALL)


_KINDS = {
    "line ends": re.compile(LINE_END),
    "invisible": re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u2060\ufeff\u200b-\u200d]"),
}
_SHOWN = 20


@stage("unicode", order=10)
@dataclass(frozen=True)
class Unicode:
    """Rewrite text and reasoning in NFC with `\\n` line ends and without invisible characters."""

    phase: ClassVar[Phase] = Phase.REWRITE

    def rewrite(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return the turns with the same keys; tool calls are data and stay as they are."""
        plain = turns.with_columns(_plain(turns["text"]), _plain(turns["reasoning"]))
        return plain.with_columns(changes=_changes(turns, plain))


def _changes(before: pl.DataFrame, after: pl.DataFrame) -> pl.Series:
    """Return, of each turn, what kinds of signs were rewritten in it (CHANGES), the first few with their numbers."""
    differs = before["text"].ne_missing(after["text"]) | before["reasoning"].ne_missing(after["reasoning"])
    places = differs.arg_true()
    said: list[list[dict[str, str]] | None] = [None] * before.height
    for number, (place, *texts) in enumerate(
        zip(places, before["text"].gather(places), before["reasoning"].gather(places))
    ):
        text = "\n".join(t for t in texts if t)
        kinds = {kind: pattern for kind, pattern in _KINDS.items() if pattern.search(text)}
        said[place] = [
            {"kind": kind, "shown": _code_points(pattern.findall(text)) if number < _SHOWN else ""}
            for kind, pattern in kinds.items()
        ] or [{"kind": "composed", "shown": ""}]
    return pl.Series(said, dtype=CHANGES)


def _code_points(signs: list[str]) -> str:
    """Return the signs as U+200B ×3, which shows nothing of the text around them."""
    counted = Counter("".join(signs)).most_common(_SHOWN)
    return ", ".join(f"U+{ord(sign):04X} ×{count}" for sign, count in counted)


def _plain(texts: pl.Series) -> pl.Series:
    unbroken = texts.str.replace_all(LINE_END, "\n")
    plain = _clean(unbroken)
    fenced = (plain != unbroken) & unbroken.str.contains("```", literal=True)
    at = fenced.fill_null(False).arg_true()
    return plain.scatter(at, [_around_code(text) for text in unbroken.gather(at)]) if len(at) else plain


def _clean(texts: pl.Series) -> pl.Series:
    visible = texts.str.replace_all(INVISIBLE, "").str.replace_all(IDLE_JOINER, "${1}")
    return visible.str.normalize("NFC")


def _around_code(text: str) -> str:
    """Return `text` cleaned everywhere but in its fenced blocks (the odd pieces of the split)."""
    pieces = _FENCED.split(text)
    pieces[::2] = _clean(pl.Series(pieces[::2], dtype=pl.String))
    return "".join(pieces)
