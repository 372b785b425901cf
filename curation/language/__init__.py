"""Which language a text is written in: one of langdetect's 55, or `unknown`.

Deterministic: the profiles' scores (kernel.py) and CLD2's opinion (opinion.py) are weighed against each other
(confidence.py). A language is named only where it beats every other clearly, the text scores about as high per
letter as texts of that language do, and CLD2 does not know better: a text in Galician or Icelandic is `unknown`,
not Portuguese or Danish. The script comes first: without Hangul no text is Korean, and Han alone is Chinese.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from tilth.shards.arrow import string_buffers

if TYPE_CHECKING:
    from tilth.curation.language.confidence import Scored
    from tilth.curation.language.profiles import Profiles

UNKNOWN = "unknown"
# fmt: off
Code = Literal[
    "af", "ar", "bg", "bn", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr",
    "gu", "he", "hi", "hr", "hu", "id", "it", "ja", "kn", "ko", "lt", "lv", "mk", "ml", "mr", "ne",
    "nl", "no", "pa", "pl", "pt", "ro", "ru", "sk", "sl", "so", "sq", "sv", "sw", "ta", "te", "th",
    "tl", "tr", "uk", "ur", "vi", "zh",
]
# fmt: on
MIN_CONFIDENCE = 0.5  # below, the language is `unknown`

_MIN_KNOWN_SHARE = 0.5  # of the letters
WIDE = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]"
LETTERS_PER_WIDE = 3  # a Chinese, Japanese or Korean letter says as much as a syllable or a word

# What says nothing about the language of a text; each pattern is matched in linear time.
FRONT_MATTER = r"\A---[ \t]*\r?\n(?s:.*?)\n---[ \t]*(?:\r?\n|\z)"
CODE = r"(?s)```.*?(?:```|\z)|~~~.*?(?:~~~|\z)|`[^`\n]*`"
# Addresses; the target of a Markdown link or image; a line that defines one.
LINK = (
    r"(?m)(?:https?://|www\.)[^\s<>]*|[-.0-9A-Za-z_]{1,64}@[-.0-9A-Za-z_]+|\]\([^()\s]*(?:[ \t]+\"[^\"\n]*\")?\)"
    r"|^[ \t]*\[[^\]\n]+\]:.*$"
)
# A line of code outside a fence: indented, ending like a statement or a call, a keyword, an assignment.
CODE_LINE = (
    r"(?m)^(?:(?: {4}|\t).*|.*[;{}]|.*[0-9A-Za-z_]\([^()\n]*\)[:;]?"
    r"|[ \t]*(?:def|class|import|from|return|const|let|var|function|public|private|if|for|while|elif|else"
    r"|print|#include|using)[^0-9A-Za-z_].*[:;{}()=].*|[ \t]*[A-Za-z_][0-9A-Za-z_.\[\]]*[ \t]*"
    r"[-+*/]?=[^=\n].*)[ \t]*$"
)
MARKUP = (
    r"(?is)<!--.*?-->|<(?:script|style|pre|code)\b[^<>]*>.*?</(?:script|style|pre|code)>|<[/!]?[a-z][^<>]*>"
    r"|&(?:[a-z]{2,10}|#[0-9]{1,7});|\{\{.*?\}\}"
)


def prose(text: pl.Expr) -> pl.Expr:
    """Return the text with code, links, addresses and markup replaced by a blank."""
    for pattern in (FRONT_MATTER, CODE, LINK, MARKUP, CODE_LINE):
        text = text.str.replace_all(pattern, " ")
    return text


def identify(texts: pl.Series) -> pl.DataFrame:
    """Return `language` (String, `unknown` where unsure) and `confidence` (Float64, 0..1) of each text.

    Code, links and markup are passed over, and only the first 10,000 characters are read. A null is unknown.
    Names are ISO 639-1; Norwegian is `no`. The confidence is how likely the name is right, in a world where a
    third of the languages has no profile; `unknown` stands where it is below 0.5.

    >>> identify(pl.Series(["Wir gehen morgen auf den Markt.", "x = 1", "Մենք կգնանք"]))["language"].to_list()
    ['de', 'unknown', 'unknown']
    """
    cleaned = texts.alias("text").to_frame().select(prose(pl.col("text")))["text"]
    return identify_prose(cleaned).select("language", "confidence")


def identify_prose(texts: pl.Series, rivals: pl.Series | None = None) -> pl.DataFrame:
    """Return `language`, `confidence`, `letters`, `nats` and `lead` of texts that `prose` has been over.

    letters: a Chinese, Japanese or Korean one counts as three. nats: by how much the language beats the one that
    `rivals` names for the text, and lead: the same as a share of what is typical for these two, whether near
    (Spanish and Portuguese, 0.8 nats a letter) or far (English and German, 1.6). Both are 0 where the rival is
    unknown.
    """
    from tilth.curation.language.confidence import weighed
    from tilth.curation.language.opinion import opinions
    from tilth.curation.language.profiles import SCORE_UNIT, load

    profiles = load()
    scored = scores(texts, rivals, profiles)
    said = opinions(texts, profiles.languages)
    best, confidence = weighed(scored, said, profiles)
    confidence[(best < 0) | (scored.known < _MIN_KNOWN_SHARE * scored.letters)] = 0.0
    names = pl.Series(profiles.languages, dtype=pl.String)
    nats = np.where(best == scored.best, scored.score - scored.rival, 0) / SCORE_UNIT
    distance = _distances(best, rivals, profiles) if rivals is not None else np.zeros(len(texts))
    typical = distance * np.maximum(scored.letters, 1)
    found = pl.DataFrame(
        {
            "language": names.gather(np.maximum(best, 0)),
            "confidence": confidence,
            "letters": scored.letters + (LETTERS_PER_WIDE - 1) * scored.wide,
            "nats": np.where(typical > 0, nats, 0.0),
            "lead": np.divide(nats, typical, out=np.zeros(len(texts)), where=typical > 0),
        }
    )
    return found.with_columns(
        pl.when(pl.col("confidence") >= MIN_CONFIDENCE).then("language").otherwise(pl.lit(UNKNOWN)),
        pl.col("confidence", "nats", "lead").round(6),
    )


def scores(texts: pl.Series, rivals: pl.Series | None, profiles: Profiles) -> Scored:
    """Return what the profiles say of each text."""
    from tilth.curation.language import kernel as kernel
    from tilth.curation.language.confidence import Scored

    data, offsets = string_buffers(texts.fill_null("").str.normalize("NFC"))
    out = np.zeros((len(texts), kernel.COLUMNS), np.int32)
    kernel.score_texts(
        data,
        offsets,
        profiles.characters,
        profiles.keys,
        profiles.values,
        profiles.entries,
        profiles.shared,
        profiles.group,
        profiles.needs,
        _groups(rivals, profiles) if rivals is not None else np.zeros(len(texts), np.int64),
        out,
    )
    return Scored(*out.T)


def _groups(rivals: pl.Series, profiles: Profiles) -> np.ndarray:
    """Return the group number of each language, -1 for `unknown`."""
    numbers = dict(zip(profiles.languages, profiles.group.tolist()))
    return rivals.replace_strict(numbers, default=-1, return_dtype=pl.Int64).to_numpy()


def _distances(best: np.ndarray, rivals: pl.Series, profiles: Profiles) -> np.ndarray:
    """Return the typical lead per letter over each rival; 0 over the language itself and over `unknown`."""
    places = {name: place for place, name in enumerate(profiles.languages)}
    rival = rivals.replace_strict(places, default=-1, return_dtype=pl.Int64).to_numpy()
    known = (rival >= 0) & (best >= 0) & (profiles.group[rival] != profiles.group[best])
    return np.where(known, profiles.distance[best, rival], 0.0)
