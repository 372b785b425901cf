"""The public surface: any column of texts in, results that explain themselves out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tilth
from tests.workbench.conftest import Done
from tilth.curation.dedup import near_duplicates as plain_near
from tilth.shards.errors import UsageError

SAID = ["a b c d e f", "g h i j k l", "A b  c d e f!", None, "g h i j k m"]
KINDS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "polars": lambda said: pl.Series("t", said),
    "pandas": lambda said: pd.Series(said, index=[10 * i for i in range(len(said))]),
    "pandas with NaN": lambda said: pd.Series([float("nan") if s is None else s for s in said], dtype=object),
    "arrow": pa.array,
    "arrow in chunks": lambda said: pa.chunked_array([said[:2], said[2:]]),
}


def plain(values: Any) -> list[str | None]:
    listed = values.to_pylist() if hasattr(values, "to_pylist") else list(values)
    return [None if isinstance(value, float) else value for value in listed]


@pytest.mark.parametrize("kind", KINDS)
def test_texts_come_in_any_kind_and_are_given_back_in_it(kind: str) -> None:
    given = KINDS[kind](SAID)
    found = tilth.near_duplicates(given)
    assert plain(found.kept) == [SAID[0], SAID[1], None, SAID[4]] and plain(found.dropped) == [SAID[2]]
    if kind not in ("tuple",):
        assert type(found.kept) is type(given)
    if kind == "pandas":
        assert found.kept.index.tolist() == [0, 10, 30, 40]
    assert found.table.equals(plain_near(pl.Series(SAID)))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("one text", "put it in a list"),
        (7, "put it in a list"),
        ([1, "two"], "holds int"),
        (pl.Series([1.5]), "of type Float64"),
        (pd.DataFrame({"a": ["b"]}), "one of its columns"),
        (pl.DataFrame({"a": ["b"]}), "one of its columns"),
        (pa.table({"a": ["b"]}), "one of its columns"),
        (pa.array([1]), "of type Int64"),
    ],
)
def test_what_is_no_column_of_texts_is_refused_in_words(given: Any, said: str) -> None:
    for function in (tilth.near_duplicates, tilth.identify, tilth.statistics, tilth.find_personal_data):
        with pytest.raises(UsageError, match=said):
            function(given)


def test_results_explain_themselves_and_answer_for_other_bounds() -> None:
    found = tilth.near_duplicates(["a b c d e f g h", "a b c d e f g x", "a b c d e f g h."], jaccard=0.5)
    assert found.out == [1, 2] and repr(found).endswith("3 texts, 1 kept, 2 dropped")
    assert found.explain(0) == "kept, for the 2 that repeat it: 1, 2"
    assert "repeats text 0 with a similarity of 0.600" in found.explain(1)
    assert found.at(0.9).out == [2] and found.at(0.9).at(0.5).out == [1, 2]
    for outside in (-1, 3):
        with pytest.raises(UsageError, match="places go from 0 to 2"):
            found.explain(outside)
    with pytest.raises(UsageError, match="2 responses for 3 texts"):
        tilth.near_duplicates(["a", "b", "c"], ["d", "e"])


def test_a_table_in_a_notebook_escapes_what_texts_hold() -> None:
    hostile = "<script>alert(1)</script> one two three four five"
    found = tilth.near_duplicates([hostile, hostile.upper()])
    page = found._repr_html_()
    assert "<script" not in page.lower() and "&lt;" in page and page.count("<tr>") == 2
    many = tilth.near_duplicates(["the very same text of six words"] * 40)
    assert "19 more" in many._repr_html_()


def test_every_function_says_what_it_found() -> None:
    languages = tilth.identify(
        ["Wir gehen morgen auf den Markt.", "x = 1", "She reads a book by the window."]
    )
    assert languages.table["language"].to_list() == ["de", "unknown", "en"] and languages.out == [1]
    assert languages.explain(0).startswith("de, with a confidence of") and len(languages.at(1.1)) == 3
    private = tilth.find_personal_data(["Hello.", "Write to bob@firm.org or bob@firm.org."])
    assert private.out == [1] and "email" in private.explain(1) and private.explain(0).startswith("kept")
    assert "firm" not in private._repr_html_() and "firm" not in str(private.redacted)
    assert private.dropped == ["Write to bob@firm.org or bob@firm.org."]
    counted = tilth.statistics(["One line of words, all told.", ""])
    assert counted.table.height == 2 and "words 6" in counted.explain(0) and len(counted) == 0
    item = "what is the name of the river that flows through the old town of Ostwick in spring"
    leaks = tilth.decontaminate(["nothing here", f"Tell me: {item}?"], [item])
    assert leaks.out == [1] and "item 0" in leaks.explain(1) and leaks.at(1.1).out == []
    assert tilth.semantic_duplicates(["the old tower of Pisa is tall"] * 2).out == [1]


def test_a_version_is_loaded_by_its_name(run: Callable[..., Done], recipe: Path, tmp_path: Path) -> None:
    assert run("curate", recipe).code == 0
    version = tilth.load("desk.candidate", tmp_path / ".tilth")
    assert version.samples("train").height > 80
    for name, store in (("other", tmp_path / ".tilth"), ("desk", tmp_path / "nowhere")):
        with pytest.raises(UsageError):
            tilth.load(name, store)


def test_all_that_is_named_is_there_and_nothing_is_loaded_before_it_is_asked_for() -> None:
    assert all(getattr(tilth, name) is not None for name in tilth.__all__) and set(tilth.__all__) <= set(
        dir(tilth)
    )
    assert tilth.__version__.count(".") == 2
    with pytest.raises(AttributeError, match="no attribute 'anything'"):
        _ = tilth.anything  # type: ignore[attr-defined]
    program = (
        "import sys, time; t = time.perf_counter(); import tilth; s = time.perf_counter() - t\n"
        "assert not {'polars', 'numpy', 'torch', 'importlib.metadata'} & set(sys.modules)\n"
        "assert s < .05, s"
    )
    attempts = [subprocess.run([sys.executable, "-c", program], check=False).returncode for _ in range(3)]
    assert 0 in attempts, "import tilth takes more than 50 ms"
