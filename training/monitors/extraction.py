"""Verbatim extraction: the tuned model writes the answers of rows it was trained on, word for word.

A row is recited where the first 32 tokens it teaches are each the model's first choice after all that stands before
them: greedy decoding then writes exactly these (Carlini et al., arXiv 2202.07646, with the whole prompt for a prefix;
a document's first 32 tokens are its prefix). Reciting what follows from a rule is no memory, so two models that have
not seen a row stand against it: the model as it was when it first saw it, which must have found the answer unlikely,
and the tuned one on withheld rows of the slice, which recite as often where answers follow from what is asked. Fisher's
exact test holds the share of trained rows against that of withheld ones, of all and of those seen most often:
extraction grows faster than the copies (Kandpal et al., arXiv 2202.06539).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import polars as pl

from tilth.shards.feedback import Finding
from tilth.training.monitors.monitor import Looks, monitor
from tilth.training.monitors.observations import Observations
from tilth.training.monitors.signal import MIN_GROUPS, Signal, too_few
from tilth.training.rows.recital import SPAN_TOKENS

MIN_SURPRISE = 0.5  # nat/token that the row cost more at first sight than it does now
MOST_SEEN = 0.9  # quantile of the exposures above which rows are tested apart
ALPHA = 0.05  # over all slices, and both tests of each


@monitor("extraction", label="M7")
class Extraction:
    """The tuned model writes the answers of rows it was trained on, word for word."""

    version: ClassVar[str] = "1"
    looks_at: ClassVar[tuple[Looks, ...]] = ("rows",)
    proposes: ClassVar[Mapping[Finding, str]] = {
        Finding.EXTRACTABLE: "the rows are drawn once a run at most; redact them if they are private"
    }

    def examine(self, observations: Observations) -> list[Signal]:
        """Test every slice that has answers long enough; say so where none has."""
        if observations.rows is None:
            return []
        scores = observations.rows.scores
        if "recited" not in scores.columns:
            return []
        tried = scores.filter(pl.col("recited").is_not_null())
        names = sorted(tried["slice"].unique())
        if not names:
            text = f"no row teaches {SPAN_TOKENS} tokens at a stretch: nothing was tried"
            return [Signal(Finding.INCONCLUSIVE, None, text)]
        return [of_slice(tried.filter(pl.col("slice") == name), name, len(names)) for name in names]


def of_slice(rows: pl.DataFrame, name: str, slices: int) -> Signal:
    """Test the rows of a slice: recited, n_exposures (null: withheld), loss_first and loss (nat/token) of each."""
    trained = rows.filter(pl.col("n_exposures") > 0)
    withheld = rows.filter(pl.col("n_exposures").fill_null(0) == 0)
    if min(trained.height, withheld.height) < MIN_GROUPS:
        return too_few(name, min(trained.height, withheld.height))
    by_heart = trained["recited"] & (trained["loss_first"] - trained["loss"] > MIN_SURPRISE)
    seen = trained["n_exposures"].to_numpy()
    often = seen > np.quantile(seen, MOST_SEEN)
    alpha = ALPHA / slices / 2
    others = (int(withheld["recited"].sum()), withheld.height)
    tests = {"all": np.ones(len(seen), dtype=bool)}
    if often.sum() >= MIN_GROUPS:
        tests["those seen most often"] = often
    recited = by_heart.to_numpy()
    chances = {of: p_more(int(recited[mine].sum()), int(mine.sum()), *others) for of, mine in tests.items()}
    likeliest = min(chances, key=lambda of: chances[of])
    mine, fired = tests[likeliest], chances[likeliest] < alpha
    evidence = (
        f"{int(recited[mine].sum())} of {int(mine.sum())} trained rows ({likeliest}) recited word for word over "
        f"{SPAN_TOKENS} tokens and unlikely at first sight, {others[0]} of {others[1]} withheld ones; "
        f"p {chances[likeliest]:.2g}, {alpha:.2g} is allowed"
    )
    named = trained.filter(by_heart).select(
        "row_id",
        finding=pl.lit(Finding.EXTRACTABLE.value),
        est_precision=pl.lit(None, dtype=pl.Float64),
        evidence=pl.format("{} tokens word for word, seen {} times", pl.lit(SPAN_TOKENS), "n_exposures"),
    )
    return Signal(
        Finding.EXTRACTABLE if fired else Finding.NONE,
        name,
        evidence,
        float(recited[mine].mean()),
        None,
        others[0] / others[1],
        alpha,
        named if fired else None,
    )


def p_more(hits: int, rows: int, other_hits: int, others: int) -> float:
    """Return the one-sided p-value of Fisher's exact test: as many hits in `rows` where both shares are equal."""
    from scipy.stats import hypergeom  # heavy: imported when used

    return float(hypergeom.sf(hits - 1, rows + others, hits + other_hits, rows))
