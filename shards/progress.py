"""How long work says what it is at."""

from __future__ import annotations

from collections.abc import Callable

# what, done, total. Behind the first comma of `what` stands how it goes: "train, loss 1.234".
Progress = Callable[[str, int, int], None]


def silent(what: str, done: int, total: int) -> None:
    """Say nothing: for work that nobody watches."""
