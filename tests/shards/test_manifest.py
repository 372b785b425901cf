from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.shards.errors import CorruptObject, NewerFormat, TilthError
from tilth.shards.manifest import TABLES, Manifest

D = "d" * 64
MANIFEST = Manifest(
    "n", None, D, [D], D, {"rows": 1}, {table: [D] for table in TABLES}, checks={"min_rows": True}
)


def test_a_manifest_comes_back_from_its_bytes() -> None:
    assert Manifest.from_bytes(MANIFEST.to_bytes()) == MANIFEST
    assert Manifest.from_bytes(MANIFEST.to_bytes()).id == MANIFEST.id
    assert (
        MANIFEST.to_bytes()
        == json.dumps(json.loads(MANIFEST.to_bytes()), sort_keys=True, separators=(",", ":")).encode()
    )


def test_the_closure_names_each_object_once() -> None:
    other = replace(MANIFEST, feedback=["e" * 64], fitted={"topics": "f" * 64})
    assert other.closure() == [D, "f" * 64, "e" * 64]


@pytest.mark.parametrize(
    "field, value",
    [
        ("counts", {"rows": 1.5}),
        ("counts", {"rows": True}),
        ("checks", {"min_rows": 1}),
        ("parent", "../../etc/passwd"),
        ("content_id", "D" * 64),
        ("sources", D),
        ("feedback", ["../" + D]),
        ("objects", {table: [D] for table in TABLES[:-1]}),
        ("objects", {table: [] for table in TABLES}),
        ("objects", {table: [D + "\n"] for table in TABLES}),
        ("fitted", {"topics": "/etc/passwd"}),
        ("surprise", 1),
    ],
)
def test_a_manifest_that_could_mislead_is_refused(field: str, value: object) -> None:
    values = json.loads(MANIFEST.to_bytes()) | {field: value}
    with pytest.raises(CorruptObject):
        Manifest.from_bytes(json.dumps(values).encode())


def test_a_newer_format_is_said_so() -> None:
    with pytest.raises(NewerFormat, match="Upgrade"):
        Manifest.from_bytes(b'{"format": 99}')


@given(
    st.binary()
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_no_bytes_end_in_another_error(data: bytes) -> None:
    with pytest.raises(TilthError):
        Manifest.from_bytes(data)
