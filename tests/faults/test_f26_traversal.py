"""Fault class 26: what the store holds cannot lead a read, a write or a removal out of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.drafts import Line, feedback_of, make_draft
from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.errors import TilthError
from tilth.shards.feedback import FEEDBACK_ROWS, FEEDBACK_SLICES
from tilth.shards.store import Store

CANARY = b"canary"
HOSTILE = [
    "../canary.json",
    "../../canary",
    "{canary}",
    "..",
    ".",
    "",
    "aa/../../canary",
    "a" * 63 + "/",
    "a" * 64 + "\0",
    "a" * 64 + "\n",
    "A" * 64,
    "%2e%2e%2fcanary",
]


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "canary.json"
    path.write_bytes(CANARY)
    return path


@pytest.fixture(params=HOSTILE)
def hostile(request, canary: Path) -> str:
    return request.param.replace("{canary}", str(canary))


@pytest.fixture
def published(store: Store) -> Store:
    store.publish("n", make_draft([Line("one")]))
    return store


def manifest_with(store: Store, **fields: object) -> str:
    """Write a manifest that is whole but hostile, let the candidate name it, and return its id."""
    values = json.loads(store.candidate("n").manifest.to_bytes())
    data = canonical_json({**values, **fields})
    (store.root / "versions" / f"{sha256_hex(data)}.json").write_bytes(data)
    (store.root / "refs" / "n.candidate").write_text(sha256_hex(data))
    return sha256_hex(data)


@pytest.mark.parametrize("field", ["parent", "feedback", "objects", "fitted", "content_id"])
def test_a_hostile_manifest_is_refused(published: Store, canary: Path, hostile: str, field: str) -> None:
    objects = published.candidate("n").manifest.objects
    values = {
        "parent": hostile,
        "feedback": [hostile],
        "objects": {**objects, "turns": [hostile]},
        "fitted": {"topics": hostile},
        "content_id": hostile,
    }
    version_id = manifest_with(published, **{field: values[field]})
    for act in (
        lambda: published.version(version_id),
        lambda: published.candidate("n"),
        lambda: published.rollback("n"),
        lambda: published.gc(keep=1),
        lambda: published.publish("n", make_draft([Line("two")])),
    ):
        with pytest.raises(TilthError):
            act()
    assert published.verify() != [] and canary.read_bytes() == CANARY


def test_a_hostile_digest_or_name_is_refused(published: Store, canary: Path, hostile: str) -> None:
    version = published.candidate("n")
    header = feedback_of(version, version=hostile)
    for act in (
        lambda: published.objects.frame(hostile),
        lambda: published.objects.read_bytes(hostile),
        lambda: published.objects.verify(hostile),
        lambda: published.version(hostile),
        lambda: published.feedback(hostile),
        lambda: published.rollback("n", hostile or ".."),
        lambda: published.add_feedback("n", header, FEEDBACK_ROWS.to_frame(), FEEDBACK_SLICES.to_frame()),
    ):
        with pytest.raises(TilthError):
            act()
    assert canary.read_bytes() == CANARY and published.verify() == []


def test_a_hostile_feedback_line_or_header_is_refused(published: Store, canary: Path, hostile: str) -> None:
    line = published.root / "feedback" / "n" / "000001.json"
    line.parent.mkdir(parents=True)
    line.write_bytes(canonical_json({"record": hostile}))
    with pytest.raises(TilthError):
        published.feedback_digests("n")
    header = feedback_of(published.candidate("n"), rows=hostile, slices="a" * 64)
    with pytest.raises(TilthError):
        published.feedback(published.objects.put_bytes(canonical_json(header.to_dict())))
    assert published.verify() != [] and canary.read_bytes() == CANARY


def test_gc_does_not_follow_links_out_of_the_store(published: Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    victim = outside / f"{'a' * 64}.json"
    victim.write_bytes(CANARY)
    (published.root / "objects" / "aa").symlink_to(outside, target_is_directory=True)
    published.gc()
    assert victim.read_bytes() == CANARY


def test_a_linked_file_is_held_to_its_digest(published: Store, canary: Path) -> None:
    digest = published.candidate("n").manifest.objects["rows"][0]
    path = published.objects.find(digest)
    path.unlink()
    path.symlink_to(canary)
    with pytest.raises(TilthError, match=digest):
        Store.open(published.root).candidate("n").rows()
