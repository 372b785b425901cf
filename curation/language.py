"""Which language a text is written in: one of langdetect's 55, or `unknown`.

Deterministic and compiled (see language_kernel.py). A language is named only when two things hold: it beats
every other language clearly, and the text scores about as high per letter as texts of that language do. The
second is what makes Armenian, Georgian or Kazakh `unknown` instead of the nearest language with a profile.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

UNKNOWN = "unknown"
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
MARKUP = r"<[/!]?[A-Za-z][^<>]*>|&(?:[A-Za-z]{2,10}|#[0-9]{1,7});"


def prose(text: pl.Expr) -> pl.Expr:
    """Return the text with code, links, addresses and markup replaced by a blank."""
    for pattern in (CODE, LINK, MARKUP):
        text = text.str.replace_all(pattern, " ")
    return text


def letters(text: pl.Expr) -> pl.Expr:
    """Return how many letters a text has."""
    return text.str.count_matches(r"\pL")


def identify(texts: pl.Series) -> pl.DataFrame:
    """Return `language` (String, `unknown` where unsure) and `confidence` (Float64, 0..1) of each text.

    Code, links and markup are passed over, and only the first 10,000 characters are read. A null is unknown.
    """
    text = pl.col("text")
    cleaned = texts.alias("text").to_frame().select(prose(text).fill_null("").str.normalize("NFC"))["text"]
    return _identify_prose(cleaned)


def _identify_prose(texts: pl.Series) -> pl.DataFrame:
    from . import language_kernel as kernel
    from .language_profiles import SCORE_UNIT, load

    profiles = load()
    data, offsets = _buffers(texts)
    out = np.zeros((len(texts), kernel.COLUMNS), np.int32)
    kernel.score_texts(
        data,
        offsets,
        profiles.characters,
        profiles.keys,
        profiles.values,
        profiles.entries,
        profiles.group,
        out,
    )
    best, score, second, letter_count, known = (out[:, column] for column in range(kernel.COLUMNS))
    per_letter = score / np.maximum(letter_count, 1)
    typicality = per_letter / profiles.typical[best]
    lead = (score.astype(np.float64) - second) / SCORE_UNIT
    confidence = _logistic(lead / _NATS_PER_LOGIT) * np.where(
        profiles.own_script[best], 1.0, _logistic((typicality - _TYPICAL_MIDDLE) / _TYPICAL_WIDTH)
    )
    confidence[(best < 0) | (known < _MIN_KNOWN_SHARE * letter_count)] = 0.0
    names = pl.Series(profiles.languages, dtype=pl.String)
    return pl.DataFrame(
        {"language": names.gather(np.maximum(best, 0)), "confidence": confidence}
    ).with_columns(
        pl.when(pl.col("confidence") >= MIN_CONFIDENCE).then("language").otherwise(pl.lit(UNKNOWN)),
        pl.col("confidence").round(6),
    )


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
