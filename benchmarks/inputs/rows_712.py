"""Rows of 712 characters in any number: prompts and answers whose words are as frequent as in real text.

    python -m benchmarks.inputs.rows_712 ROWS FILE

writes a JSON Lines file, the same for the same number. Of the rows 5 % repeat an earlier one but for a few
words, and 1 % repeat one exactly.
"""

from __future__ import annotations

import sys
from itertools import cycle
from pathlib import Path

import numpy as np
import orjson

CHARS = 712
PROMPT_SHARE = 0.25
NEAR_SHARE, EXACT_SHARE = 0.05, 0.01
CHANGED_WORDS = 2
WORDS = 30_000
_BATCH = 10_000
_SENTENCE_WORDS = 14
_COMMON = (
    "the of and to a in is that it was for on are as with his they at be this from have or by one had not but "
    "what all were when we there can an your which their said if do will each about how up out them then she "
    "many some so these would other into has more her two like him see time could no make than first been its "
    "who now people my made over did down only way find use may water long little very after words called just "
    "where most know get through back much before go good new write our used me man too any day same right look "
    "think also around another came come work three word must because does part even place well such here take "
    "why things help put years different away again off went old number great tell men say small every found "
    "still between name should home big give air line set own under read last never us left end along while "
    "might next sound below saw something thought both few those always looked show large often together asked "
    "house world going want school important until form food keep children feet land side without boy once "
    "animals life enough took sometimes four head above kind began almost live page got earth need far hand"
)
_STARTS = "st pr con re tr sp gr th br dis un im ex com per sub str pl cl inter over fl out sh ch"
_MIDDLES = "at er in on al en or ar it ac ess ect ain end ight own ost und ill ound ack ell ort ist"
_ENDS = "ing ed ly tion er s ment ness able al ity ous ive ful est ant ence y ion age ure ism or ist"


def vocabulary() -> np.ndarray:
    """Return the words, most frequent first: common English ones, then built from English syllables."""
    common = _COMMON.split()
    built = dict.fromkeys(common)
    starts, middles, ends = (text.split() for text in (_STARTS, _MIDDLES, _ENDS))
    for middle in middles:
        for second in middles:
            for start in starts:
                for end in ends:
                    built[start + middle + (second if second != middle else "") + end] = None
    rare = np.array(list(built)[len(common) :], object)
    chosen = np.random.default_rng(0).permutation(rare.size)[: WORDS - len(common)]
    return np.concatenate([np.array(common, object), rare[chosen]])


def write(rows: int, path: Path) -> Path:
    """Write `rows` rows as chats of a prompt and an answer to a JSON Lines file and return its path."""
    words = vocabulary()
    frequency = 1.0 / np.arange(1, words.size + 1)  # Zipf's law
    cumulative = np.cumsum(frequency / frequency.sum())
    draw = np.random.default_rng(712)
    width = CHARS // 3
    sources = cycle(("tickets", "letters", "manuals"))
    before: list[list[str]] = []
    with path.open("wb") as file:
        for start in range(0, rows, _BATCH):
            n = min(_BATCH, rows - start)
            drawn = words[np.searchsorted(cumulative, draw.random((n, width)))]
            kinds, picks = draw.random(n), draw.integers(0, 1 << 30, n)
            for index in range(n):
                row = list(drawn[index])
                if before and kinds[index] < NEAR_SHARE + EXACT_SHARE:
                    row = before[picks[index] % len(before)]
                    if kinds[index] >= EXACT_SHARE:
                        row = _changed(row, list(drawn[index][:CHANGED_WORDS]), int(picks[index]))
                elif index % 4 == 0:
                    before.append(row)
                file.write(_line(row, next(sources)))
            before = before[-_BATCH:]
    return path


def write_equal(rows: int, path: Path) -> Path:
    """Write `rows` times the same row to a JSON Lines file and return its path."""
    words = np.random.default_rng(712).choice(vocabulary(), CHARS // 3)
    path.write_bytes(_line(list(words), "tickets") * rows)
    return path


def _changed(row: list[str], others: list[str], place: int) -> list[str]:
    """Return a row with a few words exchanged in its answer, side by side, so that it stays a near duplicate."""
    at = 60 + place % 40
    return [*row[:at], *others, *row[at + len(others) :]]


def _line(words: list[str], source: str) -> bytes:
    sentences = [
        " ".join(words[i : i + _SENTENCE_WORDS]).capitalize() for i in range(0, len(words), _SENTENCE_WORDS)
    ]
    text = ". ".join(sentences)[: CHARS - 1] + "."
    at = text.index(" ", int(CHARS * PROMPT_SHARE))
    said = [("user", text[:at]), ("assistant", text[at + 1 :])]
    row = {"messages": [{"role": role, "content": text} for role, text in said], "origin": source}
    return orjson.dumps(row) + b"\n"


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]))
