"""Digests of stages tell stages apart."""

from __future__ import annotations

from pathlib import Path

from tilth.curation.identity import stage_digests
from tilth.curation.recipe import parse


def test_no_two_stages_share_a_digest() -> None:
    # Evidence is kept under it: with one digest, `conflict` read what `pairs` had observed and found nothing.
    digests = stage_digests(parse({}, Path()).stages)
    assert len(set(digests.values())) == len(digests)
