"""The Arrow buffers of a String series, as the compiled kernels read them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa


def string_buffers(texts: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the UTF-8 bytes (uint8) and the n + 1 offsets (int64) of a series without nulls."""
    array = pa.chunked_array([texts.to_arrow()], pa.large_string()).combine_chunks()
    _, offsets, data = array.buffers()
    if not offsets:
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8), bounds
