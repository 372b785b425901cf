"""Personal data and secrets, replaced by their kind: [EMAIL], [PHONE], [IBAN], [CARD], [IP], [KEY].

One scan in polars finds the rows in which a pattern occurs, in linear time; only those are gone through in
Python, where look-around and checksums decide. Python's matches start at the edge of a token only, so that
scan is linear too. What cannot be anybody's is kept: addresses at example.com, 555-01xx numbers, private and
documentation networks, public resolvers.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import orjson
import polars as pl

from tilth.curation.stage import Phase, stage


@dataclass(frozen=True)
class Kind:
    """One kind of personal data.

    core: the pattern, in the syntax that Rust and Python share. before, after: what must not stand beside it.
    is_real: a checksum or a register.
    """

    mark: str
    core: str
    before: str
    after: str
    is_real: Callable[[str], bool]

    def redact(self, text: str) -> str:
        """Return `text` with every real hit replaced."""
        pattern = re.compile(f"(?<!{self.before})(?:{self.core})(?!{self.after})")
        return pattern.sub(lambda hit: self.mark if self.is_real(hit[0]) else hit[0], text)


def _is_key(hit: str) -> bool:
    """A key is drawn at random, so it has digits and many different characters."""
    return len(set(hit)) > 8 and any(c.isdigit() for c in hit)


def _is_email(hit: str) -> bool:
    domain = hit.rpartition("@")[2].lower()
    reserved = domain.split(".")[-1] in {"example", "test", "invalid", "localhost", "local"}
    return not reserved and ".".join(domain.split(".")[-2:]) not in {
        "example.com",
        "example.org",
        "example.net",
    }


def _is_iban(hit: str) -> bool:
    """ISO 13616: the country and check digits moved to the end give 1 modulo 97."""
    compact = hit.replace(" ", "")
    if not 15 <= len(compact) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def _is_card(hit: str) -> bool:
    """ISO 7812: a known issuer, its length, and Luhn's check digit."""
    digits = re.sub(r"[ -]", "", hit)
    if not re.fullmatch(r"4\d{12}(?:\d{3})?|(?:5[1-5]|2[2-7]|35|6[0245])\d{14}|3[47]\d{13}", digits):
        return False
    doubled = (int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits)))
    return sum(d - 9 * (d > 9) for d in doubled) % 10 == 0 and len(set(digits)) > 2


def _is_phone(hit: str) -> bool:
    """ITU E.164 with its country code, or a North American number with a possible area and exchange."""
    digits = re.sub(r"\D", "", hit)
    if hit.startswith("+"):
        national = digits.removeprefix("1") if digits.startswith("1") else ""
        return 9 <= len(digits) <= 15 and (not national or _is_american(national))
    return _is_american(digits)


def _is_american(digits: str) -> bool:
    fictional = digits[3:8] == "55501"
    return bool(re.fullmatch(r"[2-9]\d\d[2-9]\d{6}", digits)) and not fictional


PUBLIC_RESOLVERS = {"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9"}


def _is_public_address(hit: str) -> bool:
    try:
        address = ipaddress.ip_address(hit)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast and hit not in PUBLIC_RESOLVERS


_KEY = "|".join(
    (
        r"sk-[0-9A-Za-z_-]{20,}",
        r"(?:AKIA|ASIA)[0-9A-Z]{16}",
        r"gh[pousr]_[0-9A-Za-z]{36,}",
        r"github_pat_[0-9A-Za-z_]{22,}",
        r"glpat-[0-9A-Za-z_-]{20,}",
        r"AIza[0-9A-Za-z_-]{35}",
        r"xox[abeoprs]-[0-9A-Za-z-]{10,}",
        r"[rs]k_(?:live|test)_[0-9A-Za-z]{16,}",
        r"hf_[0-9A-Za-z]{34,}",
        r"eyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[0-9A-Za-z+/=\s\\]+-----END [A-Z ]*PRIVATE KEY-----",
    )
)
_EMAIL = r"[0-9A-Za-z][0-9A-Za-z._%+-]*@[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*\.[A-Za-z]{2,}"
_IBAN = r"[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?"
_CARD = r"[2-6][0-9]{3}(?:[ -]?[0-9]{3,6}){2,4}"
_PHONE = (
    r"\+[1-9][0-9]{0,2}[ .-]?(?:\([0-9]{1,4}\)[ .-]?)?[0-9]{1,4}(?:[ .-]?[0-9]{2,4}){2,4}"
    r"|\([0-9]{3}\) ?[0-9]{3}-[0-9]{4}|[0-9]{3}[.-][0-9]{3}[.-][0-9]{4}"
)
_IP = r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}"
_WORD = "[0-9A-Za-z_]"

KindName = Literal["key", "email", "iban", "card", "phone", "ip"]

# Keys first: parts of them look like other kinds.
KINDS: dict[KindName, Kind] = {
    "key": Kind("[KEY]", _KEY, "[0-9A-Za-z_-]", _WORD, _is_key),
    "email": Kind("[EMAIL]", _EMAIL, "[0-9A-Za-z._%+-]", r"[0-9A-Za-z_(\[]", _is_email),
    "iban": Kind("[IBAN]", _IBAN, _WORD, _WORD, _is_iban),
    "card": Kind("[CARD]", _CARD, r"[0-9A-Za-z_.,$-]", r"[0-9A-Za-z_]|[.,-][0-9]", _is_card),
    "phone": Kind(
        "[PHONE]", _PHONE, r"[0-9A-Za-z_.,+=*/$(-]", r"[0-9A-Za-z_]|[.,][0-9]| ?[*/=+-] ?[0-9]", _is_phone
    ),
    "ip": Kind("[IP]", _IP, r"[0-9A-Za-z_.:-]", r"[0-9A-Za-z_:]|\.[0-9]", _is_public_address),
}


@stage("pii", order=20)
@dataclass(frozen=True)
class Pii:
    """Replace personal data and secrets in text, reasoning and the strings of tool calls.

    kinds: which of key, email, iban, card, phone, ip.
    """

    kinds: tuple[KindName, ...] = ("key", "email", "iban", "card", "phone", "ip")

    phase: ClassVar[Phase] = Phase.REWRITE

    def rewrite(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return the turns with the same keys."""
        for name, kind in KINDS.items():
            if name in self.kinds:
                redact_json = partial(_redact_json, kind)
                turns = turns.with_columns(
                    _rewritten(turns["text"], kind.core, kind.redact),
                    _rewritten(turns["reasoning"], kind.core, kind.redact),
                    _rewritten(turns["tool_calls"], kind.core, redact_json),
                )
        return turns


def _rewritten(texts: pl.Series, core: str, redact: Callable[[str], str]) -> pl.Series:
    """Return the texts with `redact` applied to those in which `core` occurs."""
    at = texts.str.contains(core).fill_null(False).arg_true()
    if not len(at):
        return texts
    return texts.scatter(at, [redact(text) for text in texts.gather(at)])


def _redact_json(kind: Kind, document: str) -> str:
    """Return canonical JSON with its strings redacted; a number in it stays a number."""

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return kind.redact(value)
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        return value

    return orjson.dumps(walk(orjson.loads(document)), option=orjson.OPT_SORT_KEYS).decode()
