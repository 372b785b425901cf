"""langdetect's profiles as packed tables: character classes, and an exact hash table of n-grams to scores.

The data files of the installed `langdetect` package are read by path; the package itself is never imported.
Method and profiles: Nakatani Shuyo, "Language Detection Library for Java", 2010 (Apache-2.0).
"""

from __future__ import annotations

import importlib.util
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import orjson

from tilth.shards.errors import TilthError

# A character is one uint32: normalised code point | upper case << 16 | class << 17.
UPPER_BIT = 16
CLASS_SHIFT = 17
LATIN, NON_LATIN, WIDE = 1, 2, 3  # wide: Chinese, Japanese, Korean
# Code points beyond the Basic Multilingual Plane share this entry: no profile knows them.
BEYOND_BMP = 0xFFFF

SMOOTHING = 0.5 / 10_000  # langdetect: ALPHA_DEFAULT / BASE_FREQ
SCORE_UNIT = 1024  # scores are integers, in 1/1024 nat above the smoothing floor
SHARED_BY = 8  # languages; the scores of an n-gram that so many have lie in a row
ROW, IS_SHARED = 64, 63
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

# (first, last, what every character of the block becomes), from langdetect's NGram.normalize.
_BLOCKS = (
    (0x0000, 0x0040, " "),
    (0x005B, 0x0060, " "),
    (0x007B, 0x007F, " "),
    (0x1EA0, 0x1EFF, "\u1ec3"),
    (0x2000, 0x206F, " "),
    (0x3040, 0x309F, "\u3042"),
    (0x30A0, 0x30FF, "\u30a2"),
    (0x3100, 0x312F, "\u3105"),
    (0x31A0, 0x31BF, "\u3105"),
    (0xAC00, 0xD7AF, "\uac00"),
)
_WIDE = ((0x2E80, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF))
# What the letters of a script become, and which language is not without them.
HIRAGANA, KATAKANA, HANGUL = 0x3042, 0x30A2, 0xAC00
NEEDS_HANGUL, NEEDS_KANA = 1, 2
_NEEDS = {"ko": NEEDS_HANGUL, "ja": NEEDS_KANA}
_SINGLES = {"\u0219": "\u015f", "\u021b": "\u0163", "\u06cc": "\u064a"}


@dataclass(frozen=True)
class Profiles:
    """Everything the kernel reads.

    languages: codes by index. group: two variants of one language share a number. needs: of each language,
    NEEDS_HANGUL, NEEDS_KANA or 0.
    characters: (65536,) uint32, see above. keys, values: open addressing, a power of two long; key = up to
    three 16-bit characters, value = first entry << 6 | number of entries, or row << 6 | IS_SHARED.
    entries: score << 8 | language. shared: (rows, ROW) int32, the score of every language.
    typical: (languages,) float64, the mean score per letter of the texts the profile was made of.
    distance: (languages, languages) float64, by how many nats per letter such texts score higher in their own
    language (row) than in another (column).
    own_script: (languages,) bool, whether most letters of a text are used by no other language.
    """

    languages: list[str]
    group: np.ndarray
    needs: np.ndarray
    characters: np.ndarray
    keys: np.ndarray
    values: np.ndarray
    entries: np.ndarray
    shared: np.ndarray
    typical: np.ndarray
    distance: np.ndarray
    own_script: np.ndarray


@cache
def load() -> Profiles:
    """Return the tables, built once per process.

    Raises TilthError if the data files of langdetect are missing.
    """
    folder = _package_folder()
    files = sorted(path for path in (folder / "profiles").iterdir() if not path.name.startswith("."))
    profiles = [orjson.loads(path.read_bytes()) for path in files]
    names = [profile["name"] for profile in profiles]
    languages = [name.split("-")[0] for name in names]
    keys, counts, language, length = _flatten(profiles)
    totals = np.array([profile["n_words"] for profile in profiles], np.float64)
    probability = counts / totals[language, length - 1]
    score = np.rint(np.log1p(probability / SMOOTHING) * SCORE_UNIT).astype(np.int64)
    group = np.array([sorted(set(languages)).index(name) for name in languages], np.int64)
    order = np.lexsort((language, keys))
    unique, first, number = np.unique(keys[order], return_index=True, return_counts=True)
    packed, shared = _pack(first, number, score[order], language[order])
    mean = _mean_scores(keys, counts / totals[language, 0], score, language) / SCORE_UNIT
    slots, values = _hash_table(unique, packed)
    return Profiles(
        languages=languages,
        group=group,
        needs=np.array([_NEEDS.get(name, 0) for name in languages], np.int64),
        characters=_characters(folder),
        keys=slots,
        values=values,
        entries=(score << 8 | language)[order].astype(np.int32),
        shared=shared,
        typical=np.diag(mean) * SCORE_UNIT,
        distance=np.diag(mean)[:, None] - mean,
        own_script=_own_script(keys, probability, language, group) > 0.5,
    )


def _package_folder() -> Path:
    spec = importlib.util.find_spec("langdetect")
    if spec is None or spec.origin is None:
        raise TilthError(
            "language",
            "the langdetect package, whose profiles are read, is not installed",
            "No row can be given a language",
            "Run pip install langdetect, or set curation.language to null",
        )
    return Path(spec.origin).parent


def _flatten(profiles: list[dict]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return key, count, language index and length of every n-gram of 1 to 3 characters."""
    grams = [gram for profile in profiles for gram in profile["freq"]]
    counts = np.array([count for profile in profiles for count in profile["freq"].values()], np.float64)
    language = np.repeat(np.arange(len(profiles)), [len(profile["freq"]) for profile in profiles])
    length = np.array([len(gram) for gram in grams])
    usable = (length >= 1) & (length <= 3)
    points = np.array(grams, "U3").view(np.uint32).reshape(-1, 3).astype(np.uint64)
    keys = np.zeros(len(grams), np.uint64)
    for position in range(3):
        inside = position < length
        keys[inside] = keys[inside] << np.uint64(16) | points[inside, position]
    return keys[usable], counts[usable], language[usable], length[usable]


def _pack(
    first: np.ndarray, number: np.ndarray, score: np.ndarray, language: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the value of every n-gram, and the rows of those that many languages share.

    first, number: where the entries of an n-gram begin, and how many they are. A row has the score of every
    language at its place: adding it whole takes a few instructions, where thirty entries take thirty.
    """
    is_shared = number >= SHARED_BY
    row = np.cumsum(is_shared) - 1
    of_entry = np.repeat(np.arange(len(first)), number)
    mine = is_shared[of_entry]
    rows = np.zeros((int(is_shared.sum()), ROW), np.int32)
    rows[row[of_entry[mine]], language[mine]] = score[mine]
    return np.where(is_shared, row << 6 | IS_SHARED, first << 6 | number).astype(np.uint32), rows


def _hash_table(keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place distinct nonzero keys with linear probing, all of one probe distance at a time."""
    size = 1 << int(3 * len(keys) - 1).bit_length()
    slots, out = np.zeros(size, np.uint64), np.zeros(size, np.uint32)
    mixed = (keys ^ keys >> np.uint64(29)) * MULTIPLIER
    place = ((mixed ^ mixed >> np.uint64(32)) & np.uint64(size - 1)).astype(np.int64)
    pending = np.arange(len(keys))
    while len(pending):
        free = pending[slots[place[pending]] == 0]
        chosen = free[np.unique(place[free], return_index=True)[1]]
        slots[place[chosen]], out[place[chosen]] = keys[chosen], values[chosen]
        pending = pending[slots[place[pending]] != keys[pending]]
        place[pending] = place[pending] + 1 & size - 1
    return slots, out


def _mean_scores(
    keys: np.ndarray, per_letter: np.ndarray, score: np.ndarray, language: np.ndarray
) -> np.ndarray:
    """Return the score per letter that the texts of each language (row) get in each language (column)."""
    unique, place = np.unique(keys, return_inverse=True)
    shape = (len(unique), language.max() + 1)
    often, scores = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    often[place, language], scores[place, language] = per_letter, score
    return (often.T @ scores).astype(np.float64)


def _own_script(
    keys: np.ndarray, probability: np.ndarray, language: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """Return the share of each language's letters of which it has more than all other languages together.

    It is below 0.3 for every language in a shared script and above 0.6 for the others.
    """
    one = keys < 0x10000
    share = np.zeros((len(group), 0x10000))
    share[language[one], keys[one].astype(np.int64)] = probability[one]
    by_group = np.zeros((group.max() + 1, 0x10000))
    np.add.at(by_group, group, share)
    return np.where(by_group[group] > 0.5 * share.sum(axis=0), share, 0.0).sum(axis=1)


def _characters(folder: Path) -> np.ndarray:
    """Return langdetect's normalisation, upper case and script class of every 16-bit code point."""
    messages = dict(
        line.strip().split("=", 1)
        for line in (folder / "utils" / "messages.properties").read_text("ascii").splitlines()
        if "=" in line
    )
    normal = np.arange(0x10000, dtype=np.uint32)
    for first, last, becomes in _BLOCKS:
        normal[first : last + 1] = ord(becomes)
    for excluded in _unescape(messages["NGram.LATIN1_EXCLUDE"]):
        normal[ord(excluded)] = ord(" ")
    for character, becomes in _SINGLES.items():
        normal[ord(character)] = ord(becomes)
    for name, value in messages.items():
        if name.startswith("NGram.KANJI_"):
            kanji = _unescape(value)
            normal[[ord(character) for character in kanji]] = ord(kanji[0])
    upper = np.fromiter((chr(point).isupper() for point in range(0x10000)), bool, 0x10000)
    script = np.zeros(0x10000, np.uint32)
    script[ord("A") : ord("z") + 1] = LATIN
    letters = np.fromiter(
        (unicodedata.category(chr(point))[0] in "LM" for point in range(0x10000)), bool, 0x10000
    )
    script[0x370:] = np.where(letters[0x370:], NON_LATIN, 0)
    script[0x1E00:0x1F00] = 0
    for first, last in _WIDE:
        script[first : last + 1][letters[first : last + 1]] = WIDE
    return normal | upper[normal].astype(np.uint32) << UPPER_BIT | script << CLASS_SHIFT


def _unescape(value: str) -> str:
    return value.encode("ascii").decode("unicode_escape")
