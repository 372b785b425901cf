"""Vectors of prompts and responses, for duplicates in meaning: made of words here, or read from a file."""

from __future__ import annotations

import numpy as np
import polars as pl

from tilth.shards.errors import SourceError


def measure_meaning(
    rows: pl.DataFrame, prompts: pl.Series, responses: pl.Series, embeddings: str | None
) -> pl.DataFrame:
    """Return prompt_vector, response_vector (Array(Int16)) and cells (Array(Int32, 2)), aligned with `rows`.

    embeddings: a file of vectors, see `read_embeddings`; None for the vectors of lexical.py.
    """
    from tilth.curation import lexical
    from tilth.curation.cells import cells

    if embeddings is None:
        asked, said = lexical.vectors(prompts), lexical.vectors(responses)
    else:
        asked, said = read_embeddings(embeddings, rows["text_digest"])
    return pl.DataFrame({"prompt_vector": asked, "response_vector": said, "cells": cells(asked, said)})


def read_embeddings(path: str, text_digests: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of prompts and responses, int16, aligned with `text_digests`.

    The file is Parquet with `text_digest` (32 bytes) and `prompt` and `response`, each an array of numbers of
    one length. A row that it does not hold gets zeros: it is like no other. Raises SourceError if the file
    cannot be read or holds none of the rows.
    """
    from tilth.curation.lexical import quantized

    try:
        stored = pl.read_parquet(path, columns=["text_digest", "prompt", "response"])
    except (OSError, pl.exceptions.PolarsError):
        raise _unusable(path, "cannot be read as embeddings") from None
    wanted = pl.DataFrame({"text_digest": text_digests}).with_row_index("place")
    found = wanted.join(stored.unique("text_digest"), on="text_digest", maintain_order="left")
    if wanted.height and not found.height:
        raise _unusable(path, "holds none of the rows")
    out = []
    for name in ("prompt", "response"):
        vectors = found[name].to_numpy().astype(np.float32)
        field = np.zeros((wanted.height, vectors.shape[1] if vectors.ndim == 2 else 1), np.int16)
        field[found["place"].to_numpy()] = quantized(vectors) if vectors.size else 0
        out.append(field)
    return out[0], out[1]


def _unusable(path: str, problem: str) -> SourceError:
    return SourceError(
        path,
        problem,
        "Duplicates in meaning could not be found",
        "write the file anew with: train embed RECIPE",
    )
