"""One spelling for each licence, and what licences say of each other.

Facts about texts of licences, to sort and count rows by; no legal advice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# What is left of a name in lower case without blanks, signs, "license", "version", "the" -> SPDX identifier.
_SPDX = {
    "mit": "MIT", "expat": "MIT", "isc": "ISC", "unlicense": "Unlicense", "wtfpl": "WTFPL", "zlib": "Zlib",
    "apache2": "Apache-2.0", "apache20": "Apache-2.0", "asl20": "Apache-2.0", "apachesoftware20": "Apache-2.0",
    "bsd2clause": "BSD-2-Clause", "bsd3clause": "BSD-3-Clause",
    "simplifiedbsd": "BSD-2-Clause", "newbsd": "BSD-3-Clause",
    "mpl2": "MPL-2.0", "mpl20": "MPL-2.0", "mozillapublic20": "MPL-2.0", "epl2": "EPL-2.0", "epl20": "EPL-2.0",
    "gpl2": "GPL-2.0-only", "gpl20": "GPL-2.0-only", "gpl20only": "GPL-2.0-only", "gplv2": "GPL-2.0-only",
    "gpl20orlater": "GPL-2.0-or-later", "gpl20+": "GPL-2.0-or-later", "gplv2+": "GPL-2.0-or-later",
    "gpl3": "GPL-3.0-only", "gpl30": "GPL-3.0-only", "gpl30only": "GPL-3.0-only", "gplv3": "GPL-3.0-only",
    "gpl30orlater": "GPL-3.0-or-later", "gpl30+": "GPL-3.0-or-later", "gplv3+": "GPL-3.0-or-later",
    "lgpl21": "LGPL-2.1-only", "lgpl21only": "LGPL-2.1-only", "lgpl21orlater": "LGPL-2.1-or-later",
    "lgpl3": "LGPL-3.0-only", "lgpl30": "LGPL-3.0-only",
    "lgpl30only": "LGPL-3.0-only", "lgpl30orlater": "LGPL-3.0-or-later",
    "agpl3": "AGPL-3.0-only", "agpl30": "AGPL-3.0-only",
    "agpl30only": "AGPL-3.0-only", "agpl30orlater": "AGPL-3.0-or-later",
    "cc0": "CC0-1.0", "cc010": "CC0-1.0", "cczero": "CC0-1.0", "cc010universal": "CC0-1.0",
    "odbl": "ODbL-1.0", "odbl10": "ODbL-1.0", "odcby": "ODC-By-1.0", "odcby10": "ODC-By-1.0", "pddl": "PDDL-1.0",
    "pddl10": "PDDL-1.0", "gfdl13": "GFDL-1.3-only", "bsl10": "BSL-1.0", "artistic20": "Artistic-2.0",
}  # fmt: skip
_LONG_CC = (
    (r"creative commons", "cc"),
    (r"non[ -]?commercial", "nc"),
    (r"share[ -]?a?like", "sa"),
    (r"no[ -]?deriv(?:ative)?s?(?: works)?", "nd"),
    (r"attribution", "by"),
)
_CC = re.compile(
    r"cc[ -]*by((?:[ -]*(?:nc|sa|nd))*)[ -]*v?([1-4]\.[05])?(?:[ -]*(?:international|intl|unported|generic))?"
)
_FILLER = re.compile(r"\b(?:the|licen[cs]ed?|version|under|public licen[cs]e|v(?=\.? ?\d))\b|\bv\.? ?(?=\d)")
_NON_COMMERCIAL = re.compile(
    r"(?i)\bnc\b|non[- ]?commercial|(?:research|academic|educational|evaluation)(?: use| purposes)?[- ]only"
    r"|only for (?:research|academic)"
)
MAX_WAYS = 64
_SHARE_ALIKE = re.compile(r"-SA\b|^(?:A?GPL|ODbL|GFDL)")


def normal(licence: str) -> str:
    """Return the SPDX identifier of a licence however it is spelled; an unknown one as it is, trimmed.

    `Apache License, Version 2.0`, `apache 2.0` → `Apache-2.0`; `Creative Commons Attribution ShareAlike 4.0`,
    `cc by-sa 4.0` → `CC-BY-SA-4.0`. Versions are not guessed: `cc-by` → `CC-BY`.
    """
    text = re.sub(r"\([^)]*\)|[\s_,]", " ", licence.casefold())
    text = re.sub(" +", " ", text).strip(" .")
    named = text
    for long, short in _LONG_CC:
        named = re.sub(long, short, named)
    if found := _CC.fullmatch(re.sub(r" {2,}", " ", _FILLER.sub(" ", named)).strip()):
        terms = [term for term in ("NC", "SA", "ND") if term.casefold() in found[1]]
        return "-".join(["CC-BY", *terms, *filter(None, [found[2]])])
    key = re.sub(r"[^0-9a-z+]", "", _FILLER.sub(" ", text))
    return _SPDX.get(key, licence.strip())


def choices(licence: str) -> list[list[str]]:
    """Return the ways a licence expression can be met: any of these lists, each wholly.

    `MIT OR Apache-2.0` → [[MIT], [Apache-2.0]]; `MIT AND CC-BY-4.0` → [[MIT, CC-BY-4.0]].
    """
    joined = re.sub(r"(?i)[ -]or[ -](?:any )?later(?: version)?", "-or-later", licence)
    return [
        [normal(part) for part in re.split(r" (?:AND|and) ", way)] for way in re.split(r" (?:OR|or) ", joined)
    ]


def is_allowed(licence: str, allowed: Iterable[str]) -> bool:
    """Return whether a licence expression can be met by licences of `allowed`, however both are spelled."""
    names = {normal(name).casefold() for name in allowed}
    return any(all(part.casefold() in names for part in way) for way in choices(licence))


def all_of(licences: Iterable[str]) -> str:
    """Return the expression that is met where all of these are; one alone stays as it is written.

    [MIT, GPL-3.0] → `GPL-3.0-only AND MIT`; [MIT OR Apache-2.0, MPL-2.0] → `Apache-2.0 AND MPL-2.0 OR MIT AND
    MPL-2.0`. Beyond MAX_WAYS ways of meeting them every licence that is named is asked for.
    """
    distinct = sorted(set(licences))
    if len(distinct) == 1:
        return distinct[0]
    ways: set[frozenset[str]] = {frozenset()}
    for licence in distinct:
        ways = {way | frozenset(more) for way in ways for more in choices(licence)}
        if len(ways) > MAX_WAYS:
            ways = {frozenset(n for other in distinct for more in choices(other) for n in more)}
            break
    needed = [way for way in ways if not any(other < way for other in ways)]
    return " OR ".join(sorted(" AND ".join(sorted(way)) for way in needed))


def is_non_commercial(licence: str) -> bool:
    """Return whether every way to meet a licence excludes commercial use by its name."""
    return all(any(_NON_COMMERCIAL.search(part) for part in way) for way in choices(licence))


def is_share_alike(licence: str) -> bool:
    """Return whether every way to meet a licence asks for derived works under the same one."""
    return all(any(_SHARE_ALIKE.search(part) for part in way) for way in choices(licence))


def count_normal(counts: Iterable[tuple[str | None, int]]) -> list[tuple[str | None, int]]:
    """Return rows by licence with every spelling of one licence counted together, the most first."""
    total: dict[str | None, int] = {}
    for licence, rows in counts:
        name = None if licence is None else normal(licence)
        total[name] = total.get(name, 0) + rows
    return sorted(total.items(), key=lambda item: (-item[1], item[0] or ""))


def notes(counts: Iterable[tuple[str | None, int]]) -> list[str]:
    """Return what should be known of rows under these licences before they are used together, a sentence each."""
    held = count_normal(counts)
    stated = [(licence, rows) for licence, rows in held if licence is not None]
    said = []
    unstated = sum(rows for licence, rows in held if licence is None)
    if unstated and stated:
        said.append(f"Without a licence: {unstated:,} of {sum(rows for _, rows in held):,} rows.")
    if limited := [(name, rows) for name, rows in stated if is_non_commercial(name)]:
        said.append(f"Not for commercial use: {_listed(limited)}.")
    alike = [(name, rows) for name, rows in stated if is_share_alike(name)]
    others = [(name, rows) for name, rows in stated if not is_share_alike(name)]
    if len(alike) > 1 or (alike and others):
        beside = f" beside {_listed(others)}" if others else ""
        said.append(
            f"Share-alike licences ask for derived works under their own terms: {_listed(alike)}{beside}."
        )
    return said


def _listed(counts: list[tuple[str, int]]) -> str:
    return ", ".join(f"{licence} ({rows:,} rows)" for licence, rows in counts)
