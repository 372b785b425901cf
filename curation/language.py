"""Which language a text is written in: one of langdetect's 55, or `unknown`.

Deterministic and compiled (see language_kernel.py). A language is named only when two things hold: it beats
every other language clearly, and the text scores about as high per letter as texts of that language do. The
second is what makes Armenian, Georgian or Kazakh `unknown` instead of the nearest language with a profile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
import pyarrow as pa

if TYPE_CHECKING:
    from tilth.curation.language_profiles import Profiles

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

# Fitted on one half of lingua's test sentences (about 1,000 in each of 75 languages), checked on the other.
# n-grams overlap, so six nats of difference count like one.
_NATS_PER_LOGIT = 6.0
# A text at 0.8 of the typical score per letter is as likely in another language as in this one.
_TYPICAL_MIDDLE, _TYPICAL_WIDTH = 0.8, 0.05
_MIN_KNOWN_SHARE = 0.5  # of the letters

# What says nothing about the language of a text; each pattern is matched in linear time.
CODE = r"(?s)```.*?(?:```|\z)|~~~.*?(?:~~~|\z)|`[^`\n]*`"
LINK = r"(?:https?://|www\.)[^\s<>]*|[-.0-9A-Za-z_]{1,64}@[-.0-9A-Za-z_]+"
# A line of code outside a fence: indented, ending like a statement or a call, a keyword, an assignment.
CODE_LINE = (
    r"(?m)^(?:(?: {4}|\t).*|.*[;{}]|.*[0-9A-Za-z_]\([^()\n]*\)[:;]?"
    r"|[ \t]*(?:def|class|import|from|return|const|let|var|function|public|private|if|for|while|elif|else"
    r"|print|#include|using)[^0-9A-Za-z_].*[:;{}()=].*|[ \t]*[A-Za-z_][0-9A-Za-z_.\[\]]*[ \t]*"
    r"[-+*/]?=[^=\n].*)[ \t]*$"
)
MARKUP = r"<[/!]?[A-Za-z][^<>]*>|&(?:[A-Za-z]{2,10}|#[0-9]{1,7});"


def prose(text: pl.Expr) -> pl.Expr:
    """Return the text with code, links, addresses and markup replaced by a blank."""
    for pattern in (CODE, CODE_LINE, LINK, MARKUP):
        text = text.str.replace_all(pattern, " ")
    return text


def identify(texts: pl.Series) -> pl.DataFrame:
    """Return `language` (String, `unknown` where unsure) and `confidence` (Float64, 0..1) of each text.

    Code, links and markup are passed over, and only the first 10,000 characters are read. A null is unknown.
    """
    cleaned = texts.alias("text").to_frame().select(prose(pl.col("text")))["text"]
    return identify_prose(cleaned).select("language", "confidence")


def identify_prose(texts: pl.Series, rivals: pl.Series | None = None) -> pl.DataFrame:
    """Return `language`, `confidence`, `letters` and `lead` of texts that `prose` has been over.

    lead: nats per letter by which the language beats the one that `rivals` names for the text.
    """
    from tilth.curation import language_kernel as kernel
    from tilth.curation.language_profiles import SCORE_UNIT, load

    profiles = load()
    data, offsets = _buffers(texts.fill_null("").str.normalize("NFC"))
    out = np.zeros((len(texts), kernel.COLUMNS), np.int32)
    kernel.score_texts(
        data,
        offsets,
        profiles.characters,
        profiles.keys,
        profiles.values,
        profiles.entries,
        profiles.group,
        _groups(rivals, profiles) if rivals is not None else np.zeros(len(texts), np.int64),
        out,
    )
    best, score, second, rival, letters, known = (out[:, column] for column in range(kernel.COLUMNS))
    per_letter = score / np.maximum(letters, 1)
    typicality = per_letter / profiles.typical[best]
    lead = (score.astype(np.float64) - second) / SCORE_UNIT
    confidence = _logistic(lead / _NATS_PER_LOGIT) * np.where(
        profiles.own_script[best], 1.0, _logistic((typicality - _TYPICAL_MIDDLE) / _TYPICAL_WIDTH)
    )
    confidence[(best < 0) | (known < _MIN_KNOWN_SHARE * letters)] = 0.0
    names = pl.Series(profiles.languages, dtype=pl.String)
    language = names.gather(np.maximum(best, 0))
    per_rival = (score.astype(np.float64) - rival) / SCORE_UNIT / np.maximum(letters, 1)
    found = pl.DataFrame(
        {"language": language, "confidence": confidence, "letters": letters, "lead": per_rival}
    )
    return found.with_columns(
        pl.when(pl.col("confidence") >= MIN_CONFIDENCE).then("language").otherwise(pl.lit(UNKNOWN)),
        pl.col("confidence", "lead").round(6),
    )


def _groups(rivals: pl.Series, profiles: Profiles) -> np.ndarray:
    """Return the group number of each language, -1 for `unknown`."""
    numbers = dict(zip(profiles.languages, profiles.group.tolist()))
    return rivals.replace_strict(numbers, default=-1, return_dtype=pl.Int64).to_numpy()


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -50.0, 50.0)))


def _buffers(texts: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes and the offsets of a String series without nulls."""
    array = pa.chunked_array([texts.to_arrow()], pa.large_string()).combine_chunks()
    _, offsets, data = array.buffers()
    if not offsets:
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8), bounds
