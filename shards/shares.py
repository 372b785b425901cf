"""What declared shares of the values of a column come to, where they do not add up to one or leave values out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_ROUNDING = 1e-3


@dataclass(frozen=True)
class Aim:
    """The share of the whole that each declared value is to have, what is left to the others, and what to say of it.

    note: empty where the declared shares say it all.
    """

    shares: dict[str, float]
    others: float
    note: str


def aim_of(declared: Mapping[str, float], rows: Mapping[str | None, float]) -> Aim:
    """Return what is aimed at, by the spelling of `rows` (how many each value has; None: those without one).

    Shares of less than one in all are taken as they are, and the values that are not named share the rest in the
    proportion they have. Shares of one in all leave nothing for them: they keep what they have, and the shares are
    of the rest. Where all values are named, or the shares are more than one, they are taken in proportion.
    """
    named = {spelled(value, rows): share for value, share in declared.items()}
    total, everything = sum(named.values()), sum(rows.values()) or 1.0
    sums_to_one = abs(total - 1) <= _ROUNDING
    left_out = {value: n for value, n in rows.items() if value not in named and n > 0}
    kept = sum(left_out.values()) / everything
    sums = (
        "" if abs(total - 1) <= _ROUNDING else f"the shares add up to {total:g} and are taken in proportion"
    )
    if not left_out:
        return Aim(named if sums_to_one else {v: share / total for v, share in named.items()}, 0.0, sums)
    names = ", ".join(sorted("(none)" if value is None else value for value in left_out)[:5])
    names += " …" if len(left_out) > 5 else ""
    if total < 1 - _ROUNDING:
        return Aim(named, 1 - total, f"not named: {names}; they have the remaining {1 - total:.1%}")
    note = f"not named: {names}; they keep their {kept:.1%}, and the shares are of the other {1 - kept:.1%}"
    shares = {value: share / total * (1 - kept) for value, share in named.items()}
    return Aim(shares, kept, f"{note}; {sums}" if sums else note)


def spelled(value: str, rows: Mapping[str | None, float]) -> str:
    """Return a value of a recipe as the rows spell it: YAML's True is JSON's true, and 1 is 1.0."""
    if value in rows:
        return value
    if value.lower() in rows:
        return value.lower()
    return next((known for known in rows if known is not None and _number(known) == _number(value)), value)


def _number(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value
