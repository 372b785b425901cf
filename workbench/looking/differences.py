"""Two texts side by side with what differs marked."""

from __future__ import annotations

import difflib
import re

from rich.text import Text

_WORD = re.compile(r"\s+|\S+")


def mark(left: str, right: str) -> tuple[Text, Text]:
    """Return both texts with the words that the other lacks in reverse video."""
    a, b = _WORD.findall(left), _WORD.findall(right)
    out_a, out_b = Text(), Text()
    for kind, a0, a1, b0, b1 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        style = "" if kind == "equal" else "reverse"
        out_a.append("".join(a[a0:a1]), style)
        out_b.append("".join(b[b0:b1]), style)
    return out_a, out_b
