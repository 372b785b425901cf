"""Digests of stages tell stages apart."""

from __future__ import annotations

from pathlib import Path

from tilth.curation.recipe import parse
from tilth.curation.run.provenance import recipe_digest, stage_digests


def test_no_two_stages_share_a_digest() -> None:
    # Evidence is kept under it: with one digest, `conflict` read what `pairs` had observed and found nothing.
    digests = stage_digests(parse({}, Path()).stages)
    assert len(set(digests.values())) == len(digests)


def test_embeddings_count_by_their_bytes_not_by_their_name(tmp_path: Path) -> None:
    section = {"dedup": {"semantic": 0.9, "embeddings": "e.parquet"}}
    digests = []
    for content in (None, b"one", b"two"):
        if content is not None:
            (tmp_path / "e.parquet").write_bytes(content)
        recipe = parse(section, tmp_path)
        digests.append((recipe_digest([], recipe), stage_digests(recipe.stages)["dedup"]))
    assert len({d[0] for d in digests}) == len({d[1] for d in digests}) == 3
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (moved / "e.parquet").write_bytes(b"two")
    assert recipe_digest([], parse(section, moved)) == digests[-1][0]
