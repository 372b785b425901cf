"""Class 41: one content id for any order of rows, also where the lines of a row say different things of it."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from tests.faults.decided import ALONE, curated, fates, write_lines
from tests.workbench.conftest import question
from tilth.shards.licences import all_of, is_allowed

MIT_ONLY = f"{ALONE}, licences: {{allow: [MIT]}}"


def copies(*labels: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**question(0), **label} for label in labels]


@pytest.mark.parametrize("column", ["lic", "license"])  # named in the recipe, and found by its name
def test_the_strictest_licence_decides_in_any_order(column: str, tmp_path: Path) -> None:
    also = "licence: lic" if column == "lic" else ""
    for number, (first, second) in enumerate(itertools.permutations(("MIT", "GPL-3.0"))):
        rows = [*copies({column: first}, {column: second}), {**question(1), column: "MIT"}]
        path = write_lines(tmp_path / f"rows{number}.jsonl", rows)
        version = curated(path, MIT_ONLY, also=also, store=f"store{number}")
        assert fates(version) == ["licence_not_allowed", "exact_duplicate", "keep"]
        assert set(version.rows()["licence"]) == {"GPL-3.0-only AND MIT", "MIT"}


def test_a_licence_in_another_file_counts(tmp_path: Path) -> None:
    for number, names in enumerate((("a", "b"), ("b", "a"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, licence in zip(names, ("MIT", "CC-BY-NC-4.0")):
            write_lines(folder / f"{name}.jsonl", copies({"license": licence}))
        write_lines(folder / "c.jsonl", [{**question(1), "license": "MIT"}])
        version = curated(folder / "[abc].jsonl", MIT_ONLY)
        assert fates(version) == ["licence_not_allowed", "exact_duplicate", "keep"]


def test_one_content_id_for_any_order_of_lines(tmp_path: Path) -> None:
    labels = [
        {"topic": topic, "conv": conv, "license": licence}
        for topic, conv, licence in [
            ("a", 1, "MIT"),
            ("b", None, None),
            (None, 2, "mit"),
            ("b", 3, "Apache-2.0"),
        ]
    ]
    rows = [
        row
        for n in range(20)
        for row in ({**question(n), **labels[n % 4]}, {**question(n), **labels[(n + 1) % 4]})
    ]
    ids = set()
    for seed in range(4):
        random.Random(seed).shuffle(rows)
        path = write_lines(tmp_path / "rows.jsonl", rows)
        version = curated(path, "slice_by: [topic]", also="group: conv", store=f"store{seed}")
        ids.add((version.manifest.content_id, str(version.rows().rows())))
    assert len(ids) == 1


def test_all_of_is_met_where_each_is() -> None:
    licences = ["MIT", "Apache-2.0", "MIT OR GPL-3.0", "MPL-2.0 AND MIT", "cc-by-4.0", "its own"]
    for some in itertools.chain.from_iterable(itertools.combinations(licences, n) for n in (1, 2, 3)):
        joined = all_of(some)
        assert joined == all_of(reversed(some)) == all_of([all_of(some[:2]), *some])
        for allowed in itertools.combinations(
            ["MIT", "Apache-2.0", "GPL-3.0", "MPL-2.0", "CC-BY-4.0", "its own"], 3
        ):
            # Where all can be met by one set of licences, each can; the other way round holds as choices are free.
            assert is_allowed(joined, allowed) == all(is_allowed(one, allowed) for one in some)
    many = [f"a{n} OR b{n}" for n in range(12)]
    assert not is_allowed(all_of(many), [f"a{n}" for n in range(12)])
