"""The values of one row: which are the same, how each is written, and where else it stands."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from itertools import islice

from tilth.curation.pii.pattern import KindName

PLACEHOLDER = re.compile(r"\[(KEY|EMAIL|IBAN|CARD|NATIONAL_ID|PHONE|IP)_([0-9]{1,6})\]")
_MIN_DIGITS = 7
_MAX_FOLLOWED = 50  # values that are looked for in the whole row; it would take the square of them otherwise
_MAX_FOLLOWED_CHARS = 256
_VALUES_KEPT = 10_000
_SIGN = r"[ ./()\u00a0\u2011-]{0,2}"
_EDGES = r"(?<![0-9A-Za-z_]){}(?![0-9A-Za-z_])"


class Values:
    """Numbers the values of a row, each kind from 1, in the order in which they are met.

    taken: texts of the row; numbers of placeholders that stand in them are not given again.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self._numbers: dict[KindName, int] = {}
        self._names: dict[tuple[KindName, str], str] = {}
        self._phones: dict[str, list[str]] = {}  # by their last digits
        self.surfaces: dict[tuple[KindName, str], str] = {}
        for text in taken:
            for kind, number in PLACEHOLDER.findall(text) if "[" in text else ():
                name: KindName = kind.lower()
                self._numbers[name] = max(self._numbers.get(name, 0), int(number))

    def placeholder(self, kind: KindName, surface: str) -> str:
        """Return [KIND_N] for a value as it is written."""
        key = self._key(kind, surface)
        if key not in self._names:
            self._numbers[kind] = self._numbers.get(kind, 0) + 1
            self._names[key] = f"[{kind.upper()}_{self._numbers[kind]}]"
            self.surfaces[key] = surface
        return self._names[key]

    def elsewhere(self, text: str) -> list[tuple[int, int, KindName]]:
        """Return where the values of the row stand in a text, in whatever grouping; spans may overlap others."""
        spans: list[tuple[int, int, KindName]] = []
        digits = re.sub(r"[^0-9]", "", text)
        for (kind, key), surface in islice(self.surfaces.items(), _MAX_FOLLOWED):
            if len(surface) > _MAX_FOLLOWED_CHARS:
                continue
            if kind in ("email", "key", "ip"):
                if key not in (text.lower() if kind == "email" else text):
                    continue
                pattern = re.escape(surface)
            elif (core := _core(kind, key, surface)) and core in (digits if core.isdecimal() else text):
                pattern = _SIGN.join(core)
                pattern = rf"(?:\+|00)?(?:[0-9]{_SIGN}){{0,4}}{pattern}" if kind == "phone" else pattern
            else:
                continue
            flags = re.IGNORECASE if kind == "email" else 0
            spans += [(*hit.span(), kind) for hit in re.finditer(_EDGES.format(pattern), text, flags)]
        return spans

    def _key(self, kind: KindName, surface: str) -> tuple[KindName, str]:
        key = identity(kind, surface)
        if kind == "phone":
            alike = self._phones.setdefault(key[-_MIN_DIGITS:], [])
            known = next((known for known in alike if _is_same_phone(known, key)), None)
            if known is None:
                alike.append(key)
            key = known or key
        return kind, key


@lru_cache(_VALUES_KEPT)
def identity(kind: KindName, surface: str) -> str:
    """Return what two spellings of one value have in common."""
    if kind == "email":
        return surface.lower()
    if kind == "phone":
        return re.sub(r"\D", "", surface.replace("(0)", "")).lstrip("0")
    return surface if kind in ("key", "ip") else re.sub(r"[^0-9A-Za-z]", "", surface).upper()


def pseudonym(kinds: Iterable[KindName], text: str) -> str:
    """Return a name for a text that holds personal data and has to stay distinct: its kinds, and a digest of it."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return f"[{'+'.join(dict.fromkeys(kind.upper() for kind in kinds))}] {digest}"


@lru_cache(_VALUES_KEPT)
def masked(kind: KindName, surface: str) -> str:
    """Return a value with all but a few of its characters covered."""
    if kind == "email":
        name, _, domain = surface.partition("@")
        return f"{name[:1]}•••@{domain[:1]}•••.{domain.rpartition('.')[2]}"
    shown = 2 if len(surface) >= 10 and kind != "key" else 0
    last = len(surface) - shown
    covered = "".join(c if i < 2 or i >= last or not c.isalnum() else "•" for i, c in enumerate(surface[:24]))
    return covered + ("…" if len(surface) > 24 else "")


def _is_same_phone(one: str, other: str) -> bool:
    """A number with its country and the same one without."""
    short, long = sorted((one, other), key=len)
    return len(short) >= _MIN_DIGITS and len(long) - len(short) <= 4 and long.endswith(short)


def _core(kind: KindName, key: str, surface: str) -> str:
    """Return the signs by which a number is found again, of a phone without its country; "" for too few."""
    if kind == "phone" and surface.startswith("+"):
        import phonenumbers

        with suppress(phonenumbers.NumberParseException):
            key = str(phonenumbers.parse(surface, None).national_number)
    return key if len(key) >= _MIN_DIGITS else ""
