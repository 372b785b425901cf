"""Fit the confidence of language identification, and print the numbers for curation/language.

    TILTH_REAL_DATA=... python -m benchmarks.tools.fit_language

Every second line of the three sets is fitted on; benchmarks/suite/language.py reports on the others.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.inputs.sample import read_real
from tilth.curation.language import scores
from tilth.curation.language.confidence import DIFFERS, ITSELF, evidence, situation
from tilth.curation.language.opinion import opinions
from tilth.curation.language.profiles import load

SETS = ("sentences", "word_pairs", "single_words")
WEIGHT_WITHOUT_PROFILE = 0.3
RIDGE, STEPS = 1e-3, 40


def halves(name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the lines of a set to fit on and those to report on, `lang` as the profiles name it."""
    rows = read_real(f"langid/lingua_{name}.jsonl.zst")
    if rows is None:
        raise SystemExit("set TILTH_REAL_DATA to the folder of public sets")
    rows = rows.with_columns(pl.col("lang").replace({"nb": "no", "nn": "no"}))
    return rows.gather_every(2), rows.gather_every(2, 1)


def main() -> None:
    """Print the coefficients, a line for each way in which the two opinions stand to each other."""
    profiles = load()
    names = np.array(profiles.languages)
    parts = []
    for name in SETS:
        rows, _ = halves(name)
        scored, said = scores(rows["text"], None, profiles), opinions(rows["text"], profiles.languages)
        shared = (scored.best >= 0) & ~profiles.own_script[scored.best] & (scored.letters > 0)
        language = rows["lang"].to_numpy()
        weight = np.where(np.isin(language, names), 1.0, WEIGHT_WITHOUT_PROFILE)
        columns = (
            evidence(scored, said, profiles),
            situation(scored, said, profiles),
            names[scored.best] == language,
            names[said.language] == language,
            weight,
        )
        parts.append([column[shared] for column in columns])
    x, how, first, second, weight = (np.concatenate(columns) for columns in zip(*parts))
    for which in range(ITSELF + 1):
        at = how == (DIFFERS if which == ITSELF else which)
        right = second if which == ITSELF else first
        fitted = _logistic_regression(x[at], right[at], weight[at])
        print(f"[{', '.join(f'{value:.2f}' for value in fitted)}],")


def _logistic_regression(x: np.ndarray, right: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the coefficients by Newton's method."""
    beta = np.zeros(x.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (weight * (right - p)) - RIDGE * beta
        curvature = (x * (weight * p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(x.shape[1])
        beta += np.linalg.solve(curvature, gradient)
    return beta


if __name__ == "__main__":
    main()
