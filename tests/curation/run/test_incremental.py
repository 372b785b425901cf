"""Curating A and then A and B gives what curating both from nothing gives, whatever B adds, takes away or replaces."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.faults.test_f17_determinism import NO_CHECKS
from tests.reading import FULL
from tilth.curation.curate import Outcome, curate
from tilth.curation.run.kept import segments, shuffle
from tilth.curation.run.local import run_local
from tilth.shards.store import Store
from tilth.workbench.recipes.recipe_file import load
from tilth.workbench.running.curate import request_of

WORDS = [
    "river",
    "stone",
    "amber",
    "winter",
    "castle",
    "signal",
    "garden",
    "marble",
    "thunder",
    "velvet",
    "copper",
]
CURATION = "split: {feedback: 0.05, promotion: 0.05, final: 0.05, min_rows: 3}, slice_by: [origin]"


def row(number: int, kind: str, origin: str = "a", label: str | None = None) -> dict[str, Any]:
    """Return a row: `chain` rows are near the next one, `star` rows near one centre, `same` rows equal but for case."""
    rng = random.Random(number)
    words = [rng.choice(WORDS) + str(rng.randrange(40)) for _ in range(60)]
    if kind == "chain":  # a window that moves over one long text
        long = [f"link{n}" for n in range(400)]
        words = long[number % 60 * 4 :][:60]
    elif kind == "star":
        words = [f"ray{n}" for n in range(60)]
        words[number % 60] = f"tip{number}"
    elif kind == "same":
        words = [f"twin{number % 3}x{n}" for n in range(30)]
        words = [w.upper() if number % 2 else w for w in words]
    elif kind == "conflict":
        words = [f"What is the capital of land number {number % 4}?"]
    said = str(number % 7) if kind == "conflict" else " ".join(words[10:]) + "."
    asked = " ".join(words[:10])
    found = {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}
    return {**found, "origin": origin, **({"licence": label} if label else {})}


ROW = st.builds(
    row,
    st.integers(0, 90),
    st.sampled_from(["plain", "plain", "chain", "star", "same", "conflict"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from([None, None, None, "MIT", "GPL-3.0"]),
)
ROWS = st.lists(ROW, min_size=1, max_size=40)


def write(folder: Path, files: Iterable[list[dict[str, Any]]]) -> None:
    """Let the folder hold these files of rows and no others."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("rows-*.jsonl"):
        old.unlink()
    for number, rows in enumerate(files):
        lines = "".join(json.dumps(r) + "\n" for r in rows)
        (folder / f"rows-{number}.jsonl").write_text(lines)


def curated(folder: Path, name: str = "t") -> Outcome:
    """Curate the rows of a folder into the store beside it."""
    recipe = folder / f"{name}.yaml"
    recipe.write_text(
        f'name: {name}\nsources: [{{path: "rows-*.jsonl", name: s}}]\ncuration: {{{CURATION}}}\n{NO_CHECKS}'
    )
    return curate(request_of(load(recipe)), Store.open(folder / ".tilth"))


def contents(folder: Path, steps: list[list[list[dict[str, Any]]]]) -> list[str]:
    """Curate one set of files after the other, each time as a new name, over one cache; return the content ids."""
    found = []
    for number, files in enumerate(steps):
        write(folder, files)
        found.append(curated(folder, f"t{number}").version.manifest.content_id)
    return found


@settings(
    max_examples=40 if FULL else 3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=ROWS, more=ROWS, seed=st.integers(0, 1 << 30))
def test_adding_and_removing_rows_is_as_from_nothing(
    tmp_path_factory: pytest.TempPathFactory, first: list[Any], more: list[Any], seed: int
) -> None:
    rng = random.Random(seed)
    left = [r for r in first + more if rng.random() < 0.7] or first[:1]
    mixed = rng.sample(left, len(left))
    cut = rng.randrange(len(mixed) + 1)
    steps = [[first], [first, more], [rng.sample(more, len(more)), first], [left], [mixed[:cut], mixed[cut:]]]
    steps = [[rows for rows in files if rows] for files in steps]
    folder = tmp_path_factory.mktemp("steps")
    found = contents(folder, steps)
    for number, files in enumerate(steps):
        alone = tmp_path_factory.mktemp("alone")
        assert contents(alone, [files]) == [found[number]]
    assert found[1] == found[2] and found[3] == found[4]  # any order of rows and files, any split into files


def test_only_rows_that_are_new_are_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []

    def counting(task: Any) -> segments.Segment:
        found = run_local(task)
        judged.append(found.rows)
        return found

    monkeypatch.setattr("tilth.curation.run.judging.run_local", counting)
    monkeypatch.setattr(shuffle, "RANGE_ROWS", 16)
    rows = [row(n, "plain") for n in range(50)]
    contents(tmp_path, [[rows[:40]], [rows[:40], rows[40:]], [rows[5:]], [rows]])
    assert sorted(judged) == [8, 10, 16, 16]


def test_a_label_that_changes_is_judged_anew(tmp_path: Path) -> None:
    rows = [row(n, "plain") for n in range(8)]
    said = {**rows[0], "licence": "GPL-3.0"}
    found = contents(tmp_path / "a", [[rows], [rows, [said]], [rows]])
    assert found[0] == found[2]
    assert contents(tmp_path / "b", [[rows, [said]]]) == [found[1]]


def test_a_run_without_news_looks_at_no_row(tmp_path: Path) -> None:
    write(tmp_path, [[row(n, "plain") for n in range(20)]])
    first, again = curated(tmp_path), curated(tmp_path)
    assert not first.is_repeat and again.is_repeat and not again.published
    assert again.version.id == first.version.id and again.checks == first.checks
    assert again.tags.equals(first.tags) and again.readings == first.readings


def test_whatever_decides_a_run_is_news(tmp_path: Path) -> None:
    write(tmp_path, [[row(n, "plain") for n in range(20)]])
    curated(tmp_path)
    store = Store.open(tmp_path / ".tilth")
    assert curated(tmp_path).is_repeat
    store.promote("t")
    assert not curated(tmp_path).is_repeat and curated(tmp_path).is_repeat  # what is served is judged against
    for record in store.cache.glob("run-*.json"):
        record.write_bytes(record.read_bytes()[:-1] + b"?")
    assert not curated(tmp_path).is_repeat  # damaged, so not believed
    with (tmp_path / "rows-0.jsonl").open("a") as file:
        file.write(json.dumps(row(99, "plain")) + "\n")
    assert not curated(tmp_path).is_repeat
