"""The compiled BLAKE2b gives the digests of hashlib."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pytest

from tilth.curation.reading.blake2_kernel import BLOCK_BYTES, blake2b_16

SIZES = [*range(3), 127, 128, 129, 255, 256, 257, 1000, 4096, 100_001]


@pytest.mark.parametrize("size", SIZES)
def test_digests_are_those_of_hashlib(size: int) -> None:
    data = random.Random(size).randbytes(size)
    words = np.zeros((size // BLOCK_BYTES + 1) * BLOCK_BYTES, np.uint8)
    words[:size] = np.frombuffer(data, np.uint8)
    state = np.zeros(8, np.uint64)
    blake2b_16(words.view(np.uint64), size, state)
    assert state[:2].tobytes() == hashlib.blake2b(data, digest_size=16).digest()
