"""What personal data and secrets look like: one pattern a form, in the syntax that Rust and Python share.

Patterns are linear in Python too: they start at the edge of a token only, and no run can hold a second start.
What cannot be anybody's is refused: addresses at example.com, 555-01xx numbers, private and documentation
networks, sections with four digits, `your_api_key`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tilth.curation.pii import checksums

KindName = Literal["key", "email", "iban", "card", "national_id", "phone", "ip"]


@dataclass(frozen=True)
class Pattern:
    """One form of one kind of personal data.

    core: the pattern; if it names a group, that group is the datum and the rest its context. hint: a pattern
    with few states that is found wherever core is; every text is scanned for the hints, all at once. before,
    after: what must not stand beside it. real: how many characters of the match can be somebody's, 0 for none.
    unless: not after this text. spans_lines: whether a match may hold a line end.
    """

    kind: KindName
    hint: str
    core: str
    before: str
    after: str
    real: Callable[[str], int]
    unless: str = ""
    spans_lines: bool = False

    def compiled(self) -> re.Pattern[str]:
        """Return the pattern with what must not stand beside it."""
        return re.compile(f"(?<!{self.before})(?:{self.core})(?!{self.after})")


def _whole(check: Callable[[str], bool]) -> Callable[[str], int]:
    """Return a check of the whole match, separators left out."""
    return lambda hit: len(hit) * check(re.sub(r"[^0-9A-Za-z]", "", hit))


# ---- hints

# Seven digits with at most two signs between one and the next.
_DIGITS_HINT = r"[0-9](?:(?:[ ./()\u00a0\u2011-]{0,2}| / )[0-9]){6}"
_CAPITALS_HINT = "[A-Z]{2} ?[0-9]{2}"
_IPV4_HINT = r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"
_IPV6_HINT = "[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]"
_KEY_HINT = (
    r"sk-|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|AIza|xox[abeoprs]-|hooks\.slack|k_(?:live|test)_|hf_|npm_"
    r"|pypi-|SG\.|GOCSPX-|shp[acps]|:AA[0-9A-Za-z_-]{6}|eyJ"
)
_ASSIGNED_HINT = r"(?i:key|token|secret|passwd|password)[\"']?[ \t]{0,3}[:=]"
_URL_HINT = "://[0-9A-Za-z._~%-]+:[^/]"

# ---- keys

_PREFIXED_KEY = "|".join(
    (
        r"sk-[0-9A-Za-z_-]{20,}",
        r"(?:AKIA|ASIA)[0-9A-Z]{16}",
        r"gh[pousr]_[0-9A-Za-z]{36,}",
        r"github_pat_[0-9A-Za-z_]{22,}",
        r"glpat-[0-9A-Za-z_-]{20,}",
        r"AIza[0-9A-Za-z_-]{35}",
        r"xox[abeoprs]-[0-9A-Za-z-]{10,}",
        r"https://hooks\.slack\.com/services/T[0-9A-Z]+/B[0-9A-Z]+/[0-9A-Za-z]{20,}",
        r"[rs]k_(?:live|test)_[0-9A-Za-z]{16,}",
        r"hf_[0-9A-Za-z]{34,}",
        r"npm_[0-9A-Za-z]{36}",
        r"pypi-[0-9A-Za-z_-]{50,}",
        r"SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}",
        r"GOCSPX-[0-9A-Za-z_-]{28}",
        r"shp(?:at|ca|pa|ss)_[0-9a-f]{32}",
        r"[0-9]{8,10}:AA[0-9A-Za-z_-]{33}",
        r"eyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}",
    )
)
_PEM_KEY = r"-----BEGIN [A-Z ]*PRIVATE KEY-----[0-9A-Za-z+/=\s\\]+-----END [A-Z ]*PRIVATE KEY-----"
_ASSIGNED_KEY = (
    r"(?i:api[_-]?key|(?:access|account|auth|secret)[_-]?(?:key|token)|client[_-]?secret|secret|token|passw(?:or)?d)"
    r"[\"']?[ \t]{0,3}[:=][ \t]{0,3}[\"']?(?P<value>[0-9A-Za-z+/_-]{16,}={0,2})"
)
_URL_PASSWORD = (
    r"[a-z][0-9a-z+]{1,15}://[0-9A-Za-z._~%-]{1,64}:(?P<password>[0-9A-Za-z._~%!$&*+=,;#?^-]{6,64})"
    r"@[0-9A-Za-z]"
)
_PLACEHOLDER = re.compile(r"(?i)your|example|xxx|placeholder|changeme|password|secret|here$|1234567")


def _key(hit: str) -> int:
    """A key is drawn at random, so it has digits and many different characters."""
    return len(hit) * (len(set(hit)) > 8 and any(c.isdigit() for c in hit))


def _secret(hit: str) -> int:
    """Behind `token =` stand names and placeholders too; a secret has three digits or more among letters."""
    mixed = sum(c.isdigit() for c in hit) >= 3 and any(c.isalpha() for c in hit)
    return len(hit) * (mixed and len(set(hit)) > 8 and not _PLACEHOLDER.search(hit))


def _password(hit: str) -> int:
    mixed = any(c.isdigit() for c in hit) and any(c.isalpha() for c in hit)
    return len(hit) * (mixed and not _PLACEHOLDER.search(hit))


# ---- addresses

_EMAIL = r"[0-9A-Za-z][0-9A-Za-z._%+-]*@[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*\.[A-Za-z]{2,}"
_RESERVED_ENDS = {"example", "test", "invalid", "localhost", "local"}
_NOBODYS_DOMAIN = re.compile(
    r"(?:.*\.)?(?:example\d*|sample|test|domain|(?:my|your|some|any)-?(?:domain|company|site|email)|email)"
    r"\.(?:com|org|net)"
)
_NOBODYS_NAME = re.compile(r"you|your[._-]?\w*|user(?:name)?|example|name|someone|git")
_IPV4 = r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}"
_IPV6 = r"[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}"
_VERSION = r"(?i)(?:\bv(?:er(?:sion)?)?[.:]?|release|firmware|build|driver|section|clause|§|[a-z]/)\s*$"


def _email(hit: str) -> int:
    name, _, domain = hit.lower().rpartition("@")
    nobodys = (
        domain.split(".")[-1] in _RESERVED_ENDS
        or _NOBODYS_DOMAIN.fullmatch(domain)
        or _NOBODYS_NAME.fullmatch(name)
    )
    return 0 if nobodys else len(hit)


def _ip(hit: str) -> int:
    """A public address; four single digits are the number of a section."""
    try:
        address = ipaddress.ip_address(hit)
    except ValueError:
        return 0
    public = address.is_global and not address.is_multicast and hit != "123.45.67.89"
    return len(hit) * (public and not re.fullmatch(r"\d(?:\.\d){3}", hit))


# ---- numbers with check digits

_IBAN = r"[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?"
_CARD = r"[2-6][0-9]{3}(?:[ -]?[0-9]{3,6}){2,4}"
_NATIONAL_IDS: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
    (_DIGITS_HINT, r"[0-9]{3}-[0-9]{2}-[0-9]{4}", checksums.us_ssn),
    (_DIGITS_HINT, r"[0-9]{11}", lambda n: checksums.german_tax_id(n) or checksums.polish_pesel(n)),
    (_DIGITS_HINT, r"[1-9][0-9](?: [0-9]{3}){3}", checksums.german_tax_id),
    (_DIGITS_HINT, r"[0-9]{6}-[0-9]{4}", checksums.swedish_personal_number),
    (
        _DIGITS_HINT,
        r"(?:[0-9]{8}|[XYZ]-?[0-9]{7}|[0-9]{2}\.[0-9]{3}\.[0-9]{3})-?[A-HJ-NP-TV-Z]",
        checksums.spanish_dni,
    ),
    (
        _DIGITS_HINT,
        r"[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[AB])(?: ?[0-9]{3}){2} ?[0-9]{2}",
        checksums.french_nir,
    ),
    (_DIGITS_HINT, r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", checksums.brazilian_cpf),
    (
        _CAPITALS_HINT,
        "[A-Z]{6}[0-9]{2}[A-EHLMPR-T][0-9]{2}[A-Z][0-9]{3}[A-Z]",
        checksums.italian_fiscal_code,
    ),
    (_CAPITALS_HINT, "[A-Z]{2}(?: ?[0-9]{2}){3} ?[A-D]", checksums.british_insurance_number),
)


def _iban(hit: str) -> int:
    """Leave out a word in capitals behind the number: the country says how long it is."""
    ends = [end for end, character in enumerate(hit, 1) if character != " "]
    length = checksums.IBAN_LENGTHS.get(hit[:2], 0)
    end = ends[length - 1] if 0 < length <= len(ends) else 0
    return end if checksums.iban(hit[:end].replace(" ", "")) and hit[end : end + 1] in ("", " ") else 0


# ---- phone numbers

_GAP = r"[ .\u00a0\u2011-]"
_GROUPS = rf"{_GAP}?(?:\([0-9]{{1,4}}\){_GAP}?)?[0-9]{{1,4}}(?:[ ./\u00a0\u2011-]?[0-9]{{2,4}}){{2,4}}"
_INTERNATIONAL = r"(?:\(\+[1-9][0-9]{0,2}\)|\+[1-9][0-9]{0,2})" + _GROUPS
_DIALLED = r"00 ?[1-9][0-9]{0,2}" + _GROUPS
_NATIONAL = "|".join(
    (
        r"(?:1[ .-])?(?:\([0-9]{3}\)[ -]?[0-9]{3}-[0-9]{4}|[0-9]{3}[.-][0-9]{3}[.-][0-9]{4})",  # North America
        r"0[1-9](?:[ .][0-9]{2}){4}",  # France
        r"02[0-9] [0-9]{4} [0-9]{4}|0[17][0-9]{3} [0-9]{6}",  # United Kingdom
        r"0[1-9][0-9]{2} [0-9]{3} [0-9]{3,4}|0[1-9][0-9] [0-9]{3} [0-9]{4}",  # and many others
        r"0[1-9][0-9]{1,3}/ ?[0-9]{5,8}|\(0[1-9][0-9]{1,4}\) ?[0-9]{4,8}",  # Germany, Austria
        r"8 ?\([0-9]{3,4}\) ?[0-9]{2,3}-[0-9]{2}-[0-9]{2}",  # Russia, Belarus
        r"\([1-9][0-9]\) ?9?[0-9]{4}-[0-9]{4}",  # Brazil
    )
)
_CALLED = (
    r"(?i:(?:tele)?(?:phone|fon)|telefax|telefon[a-z]{0,5}|tel|tlf|puh(?:elin)?|fax|faks|mob(?:ile)?|m[óo]vil|cell|handy|whatsapp|call"
    r"|тел(?:ефон[аы]?)?|тэл(?:ефон[аы]?)?|τηλ(?:έφωνο)?|电话|電話|전화)"
    r"(?i:\.| no\.?| number| me at| us at| at| is)?[:：]? ?"
    r"(?P<number>\(?[0-9]{2,5}\)?(?:(?: / |[ ./\u00a0\u2011-]{0,2})[0-9]{2,8}){1,4})"
)
_COUNTRY_CODE = re.compile(
    r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|2[1-69]\d|3[578]\d|42\d|5[09]\d|6[789]\d|8[0578]\d|9[679]\d"
)
_FICTIONAL = re.compile(r"1?\d{3}55501\d\d")  # set aside for films


def _is_american(digits: str) -> bool:
    return bool(re.fullmatch(r"1?[2-9]\d\d[2-9]\d{6}", digits))


def _international(hit: str) -> int:
    """ITU E.164: a country code and 15 digits at most; 00 stands for + only where the number is grouped."""
    digits = re.sub(r"\D", "", hit)
    if hit.startswith("00"):
        digits = digits[2:] if re.search(r"[^0-9]", hit) else ""
    possible = 9 <= len(digits) <= 15 and bool(_COUNTRY_CODE.match(digits))
    if digits.startswith("1"):
        possible = _is_american(digits)
    return len(hit) * (possible and not _FICTIONAL.fullmatch(digits))


def _national(hit: str) -> int:
    digits = re.sub(r"\D", "", hit)
    american = digits[0] != "0" and not re.match(r"\(\d\d\)|8 ?\(", hit)
    possible = _is_american(digits) or not american
    return len(hit) * (possible and len(set(digits)) > 2 and not _FICTIONAL.fullmatch(digits))


def _called(hit: str) -> int:
    digits = re.sub(r"\D", "", hit)
    return len(hit) * (7 <= len(digits) <= 13 and len(set(digits)) > 2 and not _FICTIONAL.fullmatch(digits))


# ---- all of them

_WORD = "[0-9A-Za-z_]"
_NUMBER_BEFORE, _NUMBER_AFTER = r"[0-9A-Za-z_.,$-]", r"[0-9A-Za-z_]|[.,-][0-9]"
_PHONE_BEFORE = r"[0-9A-Za-z_.,+=*/$-]"
_PHONE_AFTER = r"[0-9A-Za-z_]|[.,][0-9]| ?[*/=-] ?[0-9]| ?\+ [0-9]|\+[0-9]"

# Keys first: parts of them look like other kinds.
PATTERNS: tuple[Pattern, ...] = (
    Pattern("key", _KEY_HINT, _PREFIXED_KEY, "[0-9A-Za-z_-]", _WORD, _key),
    Pattern("key", "PRIVATE KEY", _PEM_KEY, "[0-9A-Za-z_-]", _WORD, _key, spans_lines=True),
    Pattern("key", _URL_HINT, _URL_PASSWORD, _WORD, "(?!)", _password),
    Pattern("key", _ASSIGNED_HINT, _ASSIGNED_KEY, "[0-9A-Za-z]", r"[0-9A-Za-z_(.]", _secret),
    Pattern("email", "@", _EMAIL, "[0-9A-Za-z._%+-]", r"[0-9A-Za-z_(\[]", _email),
    Pattern("iban", _CAPITALS_HINT, _IBAN, _WORD, _WORD, _iban),
    Pattern("card", _DIGITS_HINT, _CARD, _NUMBER_BEFORE, _NUMBER_AFTER, _whole(checksums.card)),
    *(
        Pattern("national_id", hint, core, _NUMBER_BEFORE, _NUMBER_AFTER, _whole(check))
        for hint, core, check in _NATIONAL_IDS
    ),
    Pattern("phone", _DIGITS_HINT, _INTERNATIONAL, _PHONE_BEFORE, _PHONE_AFTER, _international),
    Pattern("phone", _DIGITS_HINT, _DIALLED, _PHONE_BEFORE, _PHONE_AFTER, _international, unless="[0-9] $"),
    Pattern("phone", _DIGITS_HINT, _NATIONAL, _PHONE_BEFORE, _PHONE_AFTER, _national, unless="[0-9] $"),
    Pattern("phone", _DIGITS_HINT, _CALLED, _WORD, _PHONE_AFTER, _called),
    Pattern("ip", _IPV4_HINT, _IPV4, r"[0-9A-Za-z_.:-]", r"[0-9A-Za-z_]|\.[0-9]", _ip, unless=_VERSION),
    Pattern("ip", _IPV6_HINT, _IPV6, r"[0-9A-Za-z_.:-]", r"[0-9A-Za-z_:]|\.[0-9]", _ip),
)
