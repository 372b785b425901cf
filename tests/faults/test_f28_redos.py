"""Class 28: no text makes a pattern slow. Ten families a stage, 10 kB to 1 MB, log-log slope at most 1.2."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import polars as pl
import pytest

from tests.turn_frames import answers
from tilth.curation.language import identify
from tilth.curation.rewrite.pii import Pii
from tilth.curation.rewrite.unicode import Unicode
from tilth.curation.rules.echo import Echo
from tilth.curation.rules.empty import Empty
from tilth.curation.rules.language import ASKS_FOR_LANGUAGE, Language
from tilth.curation.rules.template import Template
from tilth.curation.rules.truncated import Truncated

# (what is repeated, what follows once so that a scan finds something to look at)
FAMILIES = {
    "one letter": ("a", "@b.cc"),
    "backticks": ("`", "\u200b\r"),
    "fences": ("\n```a\n`", "\u200b\r"),
    "open tags": ("<a &am", ">"),
    "open formulas": ("$$\\a ", "\\b"),
    "quotes and escapes": ('{"\\', '"'),
    "addresses": ("a.b@a-", " bob@firm.org"),
    "dotted names": ("x@y.zz.", " bob@firm.org("),
    "digit groups": ("4111 1111-", " 378282246310005 +49 30 901820"),
    "hex groups": ("20ab:1.2.", " 93.184.216.34"),
    "token prefixes": ("eyJ-sk-eyJ.eyJ", " sk-abcdEFGH1234ijklMNOP5678"),
    "key blocks": (
        "-----BEGIN A PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nMIIEow7Q1Zx9\n-----END PRIVATE KEY-----",
    ),
    "assigned keys": ("token=secret: ", " api_key=q8Zr1vT0pLx73mKw9sBd"),
    "one long value": ("token=" + "a1B2" * 200, " api_key=q8Zr1vT0pLx73mKw9sBd"),
    "links with passwords": ("a://b.c:d1-", " ftp://ann:h7Gk2pQz@firm.org"),
    "called numbers": ("tel. 12 34 5", " tel: 973 43 80 06"),
    "national ids": ("1 23 45 67 890-", " 219-09-5571"),
    "country codes": ("DE89 ABCD ", " GB82WEST12345698765432"),
    "joiners": ("\u200d\u200c", "a\u200b"),
    "combining marks": ("\u0301\u0323", "e\u0301"),
    "line ends": ("\r\n \n", "<|im_end|>"),
    "headings": ("### 1. ", "### Response:"),
    "sentences": ("Word. Word ", "and"),
    "brackets": ("f(a(", ")"),
    "assignments": ("a = ", ";"),
}
SIZES = (10_000, 100_000, 1_000_000)
NOISE_S = 0.02  # below, a timing says nothing about a slope


def read(text: str) -> object:
    return identify(pl.Series([text]))


def asks(text: str) -> object:
    return pl.Series([text]).str.contains(ASKS_FOR_LANGUAGE)


WORK: dict[str, Callable[[str], object]] = {
    "unicode": lambda text: Unicode().rewrite(answers(text)),
    "pii": lambda text: Pii().rewrite(answers(text)),
    "empty": lambda text: Empty().measure(answers(text)),
    "echo": lambda text: Echo().measure(answers(text, prompt=text)),
    "template": lambda text: Template().measure(answers(text)),
    "truncated": lambda text: Truncated().measure(answers(text)),
    "language": lambda text: Language().measure(answers(text, prompt=text)),
    "identify": read,
    "asks for a language": asks,
}


def seconds(work: Callable[[str], object], text: str) -> float:
    best = math.inf
    for _ in range(3):
        start = time.process_time()
        work(text)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("name", WORK)
def test_time_grows_in_proportion(name: str) -> None:
    work = WORK[name]
    work("warm up the compiled kernel. " * 10)
    for family, (unit, last) in FAMILIES.items():
        times = []
        for size in SIZES:
            text = unit * (size // len(unit.encode())) + last
            times.append(seconds(work, text))
        assert times[-1] <= 1.0, f"{name} takes {times[-1]:.2f} s for 1 MB of {family}"
        if times[-1] > NOISE_S:
            slope = math.log(times[-1] / max(times[-2], NOISE_S / 10)) / math.log(SIZES[-1] / SIZES[-2])
            assert slope <= 1.2, f"{name} on {family}: slope {slope:.2f}"
