"""Fault class 7: one flipped bit anywhere in what a version is made of is found before it is used."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.drafts import Line, feedback_of, make_draft
from tilth.shards.errors import TilthError
from tilth.shards.feedback import FEEDBACK_ROWS, FEEDBACK_SLICES
from tilth.shards.store import Store

COUNTS = [40, pytest.param(300, marks=pytest.mark.slow)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    store = Store.open(tmp_path / "store")
    lines = [Line(f"prompt {number}", answer=f"answer {number * 7919}") for number in range(200)]
    first = store.publish("n", make_draft(lines))[0]
    record = store.add_feedback("n", feedback_of(first), FEEDBACK_ROWS.to_frame(), FEEDBACK_SLICES.to_frame())
    store.publish("n", make_draft(lines, feedback=[record]))
    return store.root


def use(root: Path) -> None:
    """Read everything that training reads."""
    version = Store.open(root).version("n.candidate")
    version.samples()
    version.ledger()
    version.measures()
    for digest in version.manifest.feedback:
        Store.open(root).feedback(digest)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(
    "table", ["turns", "rows", "decisions", "occurrences", "measures", "manifest", "feedback"]
)
def test_a_flipped_bit_is_found(root: Path, table: str, count: int) -> None:
    store = Store.open(root)
    version = store.version("n.candidate")
    named = {**version.manifest.objects, "feedback": version.manifest.feedback}
    manifest = root / "versions" / f"{version.id}.json"
    path = manifest if table == "manifest" else store.objects.find(named[table][0])
    intact = path.read_bytes()
    draw = random.Random(table)
    for _ in range(count):
        damaged = bytearray(intact)
        damaged[draw.randrange(len(intact))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(TilthError, match=path.stem):
            use(root)
        assert any(path.stem in problem for problem in Store.open(root).verify())
    path.write_bytes(intact)
    use(root)
    assert Store.open(root).verify() == []
