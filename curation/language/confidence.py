"""How likely the name of a text's language is right, from the profiles and a second opinion together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tilth.curation.language.opinion import NONE, OTHER, Opinions
from tilth.curation.language.profiles import SCORE_UNIT, Profiles

# How the second opinion stands to the first.
AGREES, DIFFERS, NAMES_ANOTHER, SILENT, ITSELF = range(5)
# The logit that the first opinion is right (AGREES to SILENT), and that a second which differs is (ITSELF):
# 1, typicality, lead per letter, log letters, typicality x log letters, log lead, then the second opinion's
# reliability, share, log score, log score x log letters.
# Fitted by benchmarks/tools/fit_language.py on every second of lingua's test sentences, word pairs and single words
# in 75 languages; a text in one of the 24 without a profile counts 0.3.
LOGIT = np.array(
    [
        [2.57, -10.41, 0.91, -3.72, 3.46, 0.29, -6.87, 8.62, 0.88, 0.15],
        [-0.00, -1.78, 0.51, 0.76, 1.16, 0.62, -4.94, 3.32, 0.06, -0.25],
        [14.90, -15.04, 0.21, -7.92, 10.30, 0.64, -2.41, 1.58, 0.04, -0.42],
        [-2.58, -0.21, 0.03, -0.91, 1.58, 1.17, 0.00, -1.96, 0.00, 0.00],
        [-18.31, -0.93, -0.10, -2.35, -0.11, -0.29, -11.27, 26.31, 1.29, 0.26],
    ]
)
_LETTERS_SEEN = (6, 150)  # beyond these the fit says nothing
_MAX_LEAD = 2.0  # nats per letter
# n-grams overlap, so six nats of difference count like one.
_NATS_PER_LOGIT = 6.0
# Of signs without kana, this many leave one in e that they are Japanese after all.
_HAN_LETTERS = 4.0


class Scored(NamedTuple):
    """What the kernel writes, one array each (kernel.py)."""

    best: np.ndarray
    score: np.ndarray
    second: np.ndarray
    rival: np.ndarray
    letters: np.ndarray
    known: np.ndarray
    wide: np.ndarray
    han_only: np.ndarray


def weighed(scored: Scored, said: Opinions, profiles: Profiles) -> tuple[np.ndarray, np.ndarray]:
    """Return the language of each text (an index) and how likely it is right.

    Of a language with a script of its own the script says enough, unless the second opinion names another
    language of that script (Yiddish, Assamese).
    """
    how = situation(scored, said, profiles)
    x = evidence(scored, said, profiles)
    first = _logistic(np.einsum("ij,ij->i", x, LOGIT[how]))
    by_itself = np.where(how == DIFFERS, _logistic(x @ LOGIT[ITSELF]), 0.0)
    own = profiles.own_script[scored.best] & (scored.best >= 0)
    by_script = _logistic((scored.score - scored.second) / SCORE_UNIT / _NATS_PER_LOGIT)
    by_script = np.where(
        scored.han_only == 1, by_script * (1 - 0.5 * np.exp(-(scored.wide - 1) / _HAN_LETTERS)), by_script
    )
    trusted = own & (how != NAMES_ANOTHER)
    language = np.where(~trusted & (by_itself > first), said.language, scored.best)
    return language, np.where(trusted, by_script, np.maximum(first, by_itself))


def situation(scored: Scored, said: Opinions, profiles: Profiles) -> np.ndarray:
    """Return AGREES, DIFFERS, NAMES_ANOTHER (a language without a profile) or SILENT for each text.

    What calls Han alone Japanese or Korean says nothing.
    """
    misled = (scored.han_only == 1) & (said.language >= 0) & (profiles.needs[said.language] > 0)
    same = (said.language >= 0) & (profiles.group[said.language] == profiles.group[scored.best])
    return np.select(
        [misled | (said.language == NONE), same, said.language >= 0, said.language == OTHER],
        [SILENT, AGREES, DIFFERS, NAMES_ANOTHER],
    )


def evidence(scored: Scored, said: Opinions, profiles: Profiles) -> np.ndarray:
    """Return (texts, 10): what the confidence in one of several languages of a script is made of."""
    per_letter = 1.0 / np.maximum(scored.letters, 1)
    typicality = np.minimum(scored.score * per_letter / profiles.typical[scored.best], 1.0)
    lead = (scored.score - scored.second) / SCORE_UNIT
    size = np.log(np.clip(scored.letters, *_LETTERS_SEEN))
    clear = np.minimum(lead * per_letter, _MAX_LEAD)
    columns = [np.ones(len(size)), typicality, clear, size, typicality * size, np.log1p(lead)]
    return np.stack([*columns, said.reliable, said.share, said.score, said.score * size], axis=1)


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -50.0, 50.0)))
