"""Fit the confidence of language identification, and print the numbers for curation/language.

    TILTH_REAL_DATA=... python -m benchmarks.tools.fit_language

Every second line of the three sets is fitted on; benchmarks/suite/language.py reports on the others.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.inputs.sample import read_real
from tilth.curation.language import evidence, scores
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
    """Print the coefficients."""
    profiles = load()
    parts, right, weight = [], [], []
    for name in SETS:
        rows, _ = halves(name)
        best, score, second, _, letters, _ = scores(rows["text"], None, profiles)
        shared = (best >= 0) & ~profiles.own_script[best] & (letters > 0)
        language = rows["lang"].to_numpy()
        parts.append(evidence(best, score, second, letters, profiles)[shared])
        right.append((np.array(profiles.languages)[best] == language)[shared])
        weight.append(np.where(np.isin(language, profiles.languages), 1.0, WEIGHT_WITHOUT_PROFILE)[shared])
    fitted = _logistic_regression(np.concatenate(parts), np.concatenate(right), np.concatenate(weight))
    print(", ".join(f"{value:.2f}" for value in fitted))


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
