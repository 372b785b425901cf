"""A wrong answer that a run found is replaced by the one that rows asking alike bear, in bounds, and undone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.workbench.conftest import Done, question
from tilth.shards.feedback import FEEDBACK_ROWS, FEEDBACK_SLICES, FeedbackHeader
from tilth.shards.store import Store
from tilth.shards.tables import conform
from tilth.shards.version import Version

Run = Callable[..., Done]
WRONG = 3  # rows found noisy


@pytest.fixture
def judged(run: Run, tmp_path: Path) -> tuple[Path, list[bytes], str]:
    """Curate a set large enough to be steered and record a run that proposes answers for three of its rows."""
    lines = [json.dumps(question(n)) for n in range(400)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "name: desk\nsources:\n  - path: rows.jsonl\n"
        "curation:\n  split: {feedback: 0.05, promotion: 0.05, final: 0.05, min_rows: 4}\n",
        encoding="utf-8",
    )
    assert run("curate", path).code == 0
    store, version = candidate(tmp_path)
    rows = version.rows(["row_id", "text_digest"]).join(
        version.decisions().filter((pl.col("verdict") == "keep") & (pl.col("split") == "train")), on="row_id"
    )
    wrong = rows["row_id"].to_list()[:WRONG]
    donors = rows["row_id"].to_list()[-WRONG:]
    place = dict(zip(wrong, donors, strict=True))
    seen = rows.select("row_id", "text_digest", "slice").with_columns(
        finding=pl.when(pl.col("row_id").is_in(wrong)).then(pl.lit("noisy")).otherwise(pl.lit("none")),
        est_precision=pl.when(pl.col("row_id").is_in(wrong)).then(0.97),
        loss_mean=pl.lit(1.0),
        proposed_row=pl.Series([place.get(row) for row in rows["row_id"]], dtype=pl.Binary),
        proposed_probability=pl.Series(
            [{wrong[0]: 0.99, wrong[1]: 0.95}.get(row, 0.5) for row in rows["row_id"]]
        ),
    )
    header = FeedbackHeader(
        run_id="run", version=version.id, content_id=version.manifest.content_id, recipe_digest="r",
        base_digest="b", seeds=[0], steps=9, tokens=9, twin_folds=[0], row_count=seen.height, rows="", slices="",
    )  # fmt: skip
    record = store.add_feedback("desk", header, conform(seen, FEEDBACK_ROWS), FEEDBACK_SLICES.to_frame())
    return path, [*wrong, *donors], record


def candidate(folder: Path) -> tuple[Store, Version]:
    store = Store.open(folder / ".tilth")
    version = store.candidate("desk")
    assert version is not None
    return store, version


def answer(version: Version, row: bytes) -> str:
    return str(version.turns(pl.Series([row], dtype=pl.Binary()))["text"][-1])


def verdict(version: Version, row: bytes) -> str:
    return str(version.decisions().filter(pl.col("row_id") == row)["verdict"][0])


def test_sure_answers_are_put_and_unsure_rows_set_aside(
    run: Run, judged: tuple[Path, list[bytes], str], tmp_path: Path
) -> None:
    path, rows, record = judged
    _, before = candidate(tmp_path)
    done = run("curate", path)
    assert done.code == 0, done.out
    _, after = candidate(tmp_path)
    for row, donor in zip(rows[:2], rows[WRONG : WRONG + 2], strict=True):
        assert answer(before, row) != answer(after, row) == answer(before, donor)
        assert verdict(after, row) == "keep"
    assert verdict(after, rows[2]) == "quarantine" and answer(after, rows[2]) == answer(before, rows[2])
    assert after.manifest.feedback == [record]
    assert "repair" in done.out


def test_a_repair_holds_in_later_versions_and_is_taken_back_with_its_record(
    run: Run, judged: tuple[Path, list[bytes], str], tmp_path: Path
) -> None:
    path, rows, record = judged
    _, before = candidate(tmp_path)
    run("curate", path)
    with (tmp_path / "rows.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(question(900)) + "\n")
    run("curate", path)
    _, later = candidate(tmp_path)
    assert answer(later, rows[0]) == answer(before, rows[WRONG])
    run("curate", path, "--set", f'curation.pushback.ignore=["{record[:12]}"]')
    _, undone = candidate(tmp_path)
    assert [answer(undone, row) for row in rows] == [answer(before, row) for row in rows]
    assert verdict(undone, rows[2]) == "keep"


@pytest.mark.parametrize(
    ("bound", "repaired"), [("max_row_share={one:.6f}", 1), ("repair_from=0.97", 1), ("apply=false", 0)]
)
def test_bounds_and_policy_hold_for_repairs(
    bound: str, repaired: int, run: Run, judged: tuple[Path, list[bytes], str], tmp_path: Path
) -> None:
    path, rows, _ = judged
    _, before = candidate(tmp_path)
    one = 1.5 / (before.decisions()["split"] == "train").sum()  # a bound that a single row keeps
    run("curate", path, "--set", f"curation.pushback.{bound.format(one=one)}")
    _, after = candidate(tmp_path)
    assert sum(answer(before, row) != answer(after, row) for row in rows) == repaired
