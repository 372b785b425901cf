"""Keys, tokens and passwords: forms with a prefix, and values behind a name that says so."""

from __future__ import annotations

import re

from tilth.curation.pii.pattern import WORD, Pattern

_KEY_HINT = (
    r"sk-|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|AIza|xox[abeoprs]-|hooks\.slack|k_(?:live|test)_|hf_|npm_"
    r"|pypi-|SG\.|GOCSPX-|shp[acps]|:AA[0-9A-Za-z_-]{6}|eyJ"
)
_ASSIGNED_HINT = r"(?i:key|token|secret|passwd|password)[\"']?[ \t]{0,3}[:=]"
_URL_HINT = "://[0-9A-Za-z._~%-]+:[^/]"

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
    r"(?i:api[_ -]?key|(?:access|account|auth|secret)[_ -]?(?:key|token)|client[_ -]?secret|secret|token|passw(?:or)?d)"
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


SECRETS: tuple[Pattern, ...] = (
    Pattern("key", _KEY_HINT, _PREFIXED_KEY, "[0-9A-Za-z_-]", WORD, _key),
    Pattern("key", "PRIVATE KEY", _PEM_KEY, "[0-9A-Za-z_-]", WORD, _key, spans_lines=True),
    Pattern("key", _URL_HINT, _URL_PASSWORD, WORD, "(?!)", _password),
    Pattern("key", _ASSIGNED_HINT, _ASSIGNED_KEY, "[0-9A-Za-z]", r"[0-9A-Za-z_(.]", _secret),
)
