"""What the versions of one name agree on about splits, so that a row never changes its side.

A row's side is a hash of its split key, a function of the row alone. On most sets that holds out what was asked.
Where it does not, the first version of a name fits two things to its rows, and every later version takes them over:
the words that many rows share (one instruction, a greeting), which then do not count for the key, and a salt.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
import polars as pl

from tilth.shards.digest import canonical_json
from tilth.shards.errors import StoreError

COMMON_SHARE, COMMON_ROWS, MAX_COMMON = 0.02, 10, 4096
SALTS = 256
TOLERANCE = 0.01  # how far a share may be off, or one row
_SPLIT_SALT = np.uint64(0x73706C6974)  # "split"


@dataclass(frozen=True)
class SplitFamily:
    """number: what the recipe calls it. salt: of the hash. common: shingles that do not count for a key, sorted."""

    number: int = 0
    salt: int = 0
    common: tuple[int, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the family as canonical JSON."""
        return canonical_json(asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> SplitFamily:
        """Read what `to_bytes` wrote. Raises StoreError."""
        try:
            values = json.loads(data)
            return cls(int(values["number"]), int(values["salt"]), tuple(int(v) for v in values["common"]))
        except (ValueError, TypeError, KeyError):
            raise StoreError(
                "split",
                "the family of the splits cannot be read",
                "Nothing was curated",
                "Run `tilth verify`",
            ) from None

    def draws(self, keys: np.ndarray) -> np.ndarray:
        """Return a number from 0 to 1 for every key (UInt64): rows with the least are held out."""
        salt = mixed(np.array([self.salt], np.uint64)) if self.salt else np.zeros(1, np.uint64)
        return (mixed(keys ^ _SPLIT_SALT ^ salt) >> np.uint64(11)) / 2.0**53


def common_shingles(lists: pl.Series) -> set[int]:
    """Return the shingles that more than COMMON_SHARE of the rows have, at least COMMON_ROWS: at most MAX_COMMON."""
    least = max(COMMON_ROWS, int(COMMON_SHARE * lists.len()) + 1)
    counted = lists.explode().drop_nulls().rename("shingle").value_counts(name="rows")
    most = counted.filter(pl.col("rows") >= least).sort("rows", "shingle", descending=[True, False])
    return set(most["shingle"].head(MAX_COMMON))


def best_salt(
    keys: np.ndarray, rows: np.ndarray, shares: Mapping[str, float], family: SplitFamily
) -> SplitFamily:
    """Return the family with the first salt that meets the shares, else with the nearest.

    keys: distinct. rows: how many rows each has. shares: of the rows, in the order of `edges`.
    """
    best, least = family, math.inf
    for salt in range(SALTS):
        tried = replace(family, salt=salt)
        miss = miss_of(tried.draws(keys), rows, shares)
        if miss < least:
            best, least = tried, miss
        if miss == 0:
            break
    return best


def edges(shares: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Return where the draws of each split lie, one behind the other from 0."""
    ends = np.cumsum(list(shares.values())).tolist()
    return {name: (end - share, end) for (name, share), end in zip(shares.items(), ends)}


def miss_of(draws: np.ndarray, rows: np.ndarray, shares: Mapping[str, float]) -> float:
    """Return the largest distance of a split's share, or of all together, from what was asked; within tolerance 0."""
    total = max(1, int(rows.sum()))
    got = {
        name: float(rows[(draws >= low) & (draws < high)].sum()) / total
        for name, (low, high) in edges(shares).items()
    }
    off = [abs(got[name] - share) for name, share in shares.items()]
    off.append(abs(sum(got.values()) - sum(shares.values())))
    return max(miss if miss > max(TOLERANCE, 1 / total) + 1e-9 else 0.0 for miss in off)


def mixed(keys: np.ndarray) -> np.ndarray:
    """Scatter the bits of 64-bit keys (splitmix64's finalizer)."""
    h = keys + np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))
