from __future__ import annotations

import os

import polars as pl
import pytest

from tilth.shards.digest import sha256_hex
from tilth.shards.errors import CorruptObject, StoreError
from tilth.shards.object import Objects
from tilth.shards.tables import DECISIONS, empty


@pytest.fixture
def objects(tmp_path) -> Objects:
    return Objects(tmp_path / "objects")


def test_an_object_is_named_by_its_bytes(objects: Objects) -> None:
    digest = objects.put_bytes(b"{}", ".json")
    path = objects.folder / digest[:2] / f"{digest}.json"
    assert digest == sha256_hex(path.read_bytes()) == sha256_hex(b"{}")
    assert objects.read_bytes(digest) == b"{}"


def test_a_frame_comes_back_with_its_types(objects: Objects) -> None:
    frame = pl.DataFrame(
        {"row_id": [b"a" * 16], "verdict": ["keep"]}, schema_overrides={"verdict": DECISIONS["verdict"]}
    )
    digest = objects.put_frame(frame)
    assert objects.frame(digest).equals(frame) and objects.frame(digest).schema == frame.schema
    assert objects.frame(digest, ["verdict"]).columns == ["verdict"]
    assert objects.scan(digest).collect().equals(frame)
    nothing = objects.put_frame(empty(DECISIONS))
    assert objects.frame(nothing).schema == DECISIONS


def test_equal_frames_are_one_object(objects: Objects) -> None:
    frame = pl.DataFrame({"n": range(200_000)})
    assert objects.put_frame(frame) == objects.put_frame(frame.clone())
    assert len(objects.files()) == 1


def test_bytes_are_verified_once_per_process(objects: Objects) -> None:
    digest = objects.put_bytes(b"data")
    path = objects.find(digest)
    path.write_bytes(b"atad")
    objects.verify(digest)
    for fresh in (Objects(objects.folder), objects):
        fresh.forget()
        for read in (fresh.verify, fresh.read_bytes, fresh.frame, fresh.scan):
            with pytest.raises(CorruptObject, match="do not match"):
                read(digest)


def test_writing_a_damaged_object_again_heals_it(objects: Objects) -> None:
    digest = objects.put_bytes(b"data")
    objects.find(digest).write_bytes(b"dat")
    objects.put_bytes(b"data")
    objects.forget()
    objects.verify(digest)


def test_a_missing_object_is_named(objects: Objects) -> None:
    with pytest.raises(CorruptObject, match="a" * 64):
        objects.verify("a" * 64)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_object_is_one_clear_error(objects: Objects) -> None:
    digest = objects.put_bytes(b"data")
    objects.find(digest).chmod(0)
    objects.forget()
    with pytest.raises(StoreError, match="permission denied"):
        objects.read_bytes(digest)
