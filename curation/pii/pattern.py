"""What a form of personal data is: a pattern that finds candidates, and a check that decides."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

KindName = Literal["key", "email", "iban", "card", "national_id", "phone", "ip"]

# Seven digits with at most two signs between one and the next.
DIGITS_HINT = r"[0-9](?:(?:[ ./()\u00a0\u2011-]{0,2}| / )[0-9]){6}"
CAPITALS_HINT = "[A-Z]{2} ?[0-9]{2}"
WORD = "[0-9A-Za-z_]"


def anywhere(text: str, start: int, end: int) -> bool:
    """Whatever stands around it."""
    return True


@dataclass(frozen=True)
class Pattern:
    """One form of one kind of personal data.

    core: the pattern, in the syntax that Rust and Python share; if it names a group, that group is the datum and the
    rest its context. hint: a pattern with few states that is found wherever core is; every text is scanned for the
    hints, all at once. before, after: what must not stand beside it. real: how many characters of the match can be
    somebody's, 0 for none. stands: whether it is personal data where it stands, in text[start:end]; it looks at a
    bounded part of the text. spans_lines: whether a match may hold a line end.
    """

    kind: KindName
    hint: str
    core: str
    before: str
    after: str
    real: Callable[[str], int]
    stands: Callable[[str, int, int], bool] = anywhere
    spans_lines: bool = False

    def compiled(self) -> re.Pattern[str]:
        """Return the pattern with what must not stand beside it."""
        return re.compile(f"(?<!{self.before})(?:{self.core})(?!{self.after})")


def whole(check: Callable[[str], bool]) -> Callable[[str], int]:
    """Return a check of the whole match, separators left out."""
    return lambda hit: len(hit) * check(re.sub(r"[^0-9A-Za-z]", "", hit))
