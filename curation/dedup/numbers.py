"""Answers that are one number, in one notation: 15 and 15.0 say the same."""

from __future__ import annotations

import polars as pl

# A number as a whole text: a sign, a currency, thousands in groups of three, decimals.
_NUMBER = r"^\s*[-+−]?\s?[$€£¥]?\s?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?\s?[%$€£¥]?\s*\.?\s*$"


def plain_numbers(texts: pl.Series) -> pl.Series:
    """Return texts that are one number without zeros behind its decimals and commas between its thousands.

    All other texts stay as they are: in a version or a price list 1.0 is not 1.

    >>> plain_numbers(pl.Series(["15.0", "$1,500.50", "version 2.0", "0.0"])).to_list()
    ['15', '$1500.5', 'version 2.0', '0']
    """
    at = texts.str.contains(_NUMBER).fill_null(False).arg_true()
    if not len(at):
        return texts
    plain = (
        texts.gather(at)
        .str.strip_chars()
        .str.strip_suffix(".")
        .str.replace_all(",", "", literal=True)
        .str.replace(r"\.0+([^\d]*)$", "$1")
        .str.replace(r"(\.\d*?[1-9])0+([^\d]*)$", "$1$2")
    )
    return texts.clone().scatter(at, plain)
