"""The compiled BLAKE2b gives the digests of hashlib, whatever is hashed beside a message."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pytest

from tilth.curation.reading.compiled.blake2_kernel import BLOCK_BYTES, LANE_WORDS, LANES, blake2b_16

SIZES = [*range(3), 127, 128, 129, 255, 256, 257, 1000, 4096, 100_001]


def digests(messages: list[bytes]) -> list[bytes]:
    data, places = b"", []
    for message in messages:
        places.append((len(data) // 8, len(message)))
        blocks = max(1, -(-len(message) // BLOCK_BYTES))
        data += message.ljust(blocks * BLOCK_BYTES, b"\0")
    words = np.frombuffer(data + bytes(BLOCK_BYTES), np.uint64).copy()
    found = np.zeros((len(messages) + 1, 2), np.uint64)
    lanes = np.full((LANE_WORDS, LANES), 99, np.uint64)
    pending = np.array([*places, (0, 0)], np.int64)
    blake2b_16(words, pending, len(messages), lanes, found, 1)
    assert not found[0].any()
    return [digest.tobytes() for digest in found[1:]]


@pytest.mark.parametrize("size", SIZES)
def test_digests_are_those_of_hashlib(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert digests([data]) == [hashlib.blake2b(data, digest_size=16).digest()]


@pytest.mark.parametrize("count", [*range(LANES + 2), 50, 500])
def test_messages_of_any_length_side_by_side(count: int) -> None:
    chance = random.Random(count)
    messages = [chance.randbytes(chance.choice(SIZES[:-1])) for _ in range(count)]
    assert digests(messages) == [hashlib.blake2b(data, digest_size=16).digest() for data in messages]
