"""Texts in which the blanks at the start of a line carry meaning: Python, YAML.

A text that differs from another in nothing but these says something else. The depth of each line is therefore
written before its first word, so that it is part of that word: level 1, 2 … whatever the width of a step.
"""

from __future__ import annotations

import re

import polars as pl

# A line that opens a block of Python; a text of nothing but keys and items, as YAML has them.
OPENS_BLOCK = (
    r"(?m)^[ \t]*(?:if|elif|else|for|while|def|class|try|except|finally|with|match|case|async)\b"
    r"[^\n]*:[ \t]*(?:#[^\n]*)?$"
)
_IS_YAML = r"\A(?:[ \t]*(?:- |#|[\w.\"'-]{1,40}:(?:[ \t]|$))[^\n]*(?:\n\s*)*)+\z"
_MAX_YAML_CHARS = 20_000
_INDENTED = r"\n[ \t]+\S"


def with_levels(texts: pl.Series) -> pl.Series:
    """Return the texts, those in which indentation has meaning with the level of each line before it."""
    text = pl.col("text")
    has = text.str.contains(_INDENTED) & (
        text.str.contains(OPENS_BLOCK)
        | ((text.str.len_chars() <= _MAX_YAML_CHARS) & text.str.contains(r"(?m)" + _IS_YAML))
    )
    at = texts.alias("text").to_frame().select(has.fill_null(False))["text"].arg_true()
    return texts.scatter(at, [_leveled(said) for said in texts.gather(at)]) if len(at) else texts


def _leveled(text: str) -> str:
    steps: list[int] = [0]
    lines = []
    for line in text.split("\n"):
        bare = line.lstrip(" \t")
        width = len(line[: len(line) - len(bare)].expandtabs(4))
        if bare:
            while steps[-1] > width:
                steps.pop()
            if steps[-1] < width:
                steps.append(width)
        depth = len(steps) - 1
        lines.append(re.sub(r"^(\W*)(?=\w)", rf"\1l{depth}_", bare, count=1) if bare and depth else bare)
    return "\n".join(lines)
