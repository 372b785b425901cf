"""Evidence: kept by what it was made from, in batches where a row's is its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import pytest

from tests.row_frames import make_rows
from tilth.curation.run import evidence
from tilth.curation.run.evidence import Gatherer, frame_digest
from tilth.curation.run.kept.folder import trim
from tilth.curation.run.texts import FiledTexts
from tilth.curation.stage import Phase, limit, registry, stage
from tilth.shards.tables import ROWS, conform

calls: list[int] = []


@stage("counted")
@dataclass(frozen=True)
class Counted:
    """Observes the length of each prompt."""

    bound: int = limit(3)
    scale: int = 1

    phase: ClassVar[Phase] = Phase.SELECT
    row_local: ClassVar[bool] = True

    def evidence(self, rows: pl.DataFrame, texts: Any) -> pl.DataFrame:
        calls.append(rows.height)
        return rows.select("row_id", length=texts.prompts(rows["row_id"]).str.len_chars() * self.scale)

    def decide(self, rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        return evidence.filter(pl.col("length") > self.bound)


class Told(FiledTexts):
    """Filed texts over the turns of a test."""

    def __init__(self, turns: pl.LazyFrame) -> None:
        self._turns = turns

    def turns(self) -> pl.LazyFrame:
        return self._turns

    def _read(self, row_ids: pl.Series) -> pl.DataFrame:
        return self._turns.join(row_ids.to_frame("row_id").lazy(), on="row_id", how="semi").collect()


@pytest.fixture
def gatherer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gatherer:
    monkeypatch.setattr(evidence, "BATCH_ROWS", 4)
    calls.clear()
    rows, texts = make_rows([(f"question {n}", "yes") for n in range(10)])
    return Gatherer(tmp_path / "cache", {"counted": "d" * 64}, conform(rows, ROWS), Told(texts.turns()))


def test_evidence_of_rows_by_themselves_comes_in_batches_and_is_kept(gatherer: Gatherer) -> None:
    rows = gatherer._rows.head(3)
    found = gatherer.gather(Counted(), rows)
    # Batches are observed two at a time: which of them starts first is the scheduler's choice.
    assert sorted(calls) == [2, 4, 4] and found["row_id"].equals(gatherer._rows["row_id"])
    again = gatherer.gather(Counted(bound=9), rows.head(1))  # another bound, other rows still kept
    assert len(calls) == 3 and again.equals(found)


def test_what_is_deleted_is_observed_again(gatherer: Gatherer) -> None:
    found = gatherer.gather(Counted(), gatherer._rows)
    trim(gatherer._folder, max_bytes=0)
    assert not list(gatherer._folder.iterdir())
    assert gatherer.gather(Counted(), gatherer._rows).equals(found) and len(calls) == 6


def test_the_digest_of_a_frame_is_that_of_its_values() -> None:
    rows, _ = make_rows([(f"question {n}", "yes") for n in range(10)], group=["g", None] * 5)
    same = pl.concat([rows.head(3), rows.slice(3, 4), rows.tail(3)])
    assert frame_digest(same) == frame_digest(rows)
    others = [
        rows.with_columns(group=pl.lit("g")),
        rows.with_columns(group=pl.col("group").fill_null("")),
        rows.with_columns(group=pl.col("group").reverse()),
        rows.rename({"group": "licence", "licence": "group"}),
        rows.head(9),
    ]
    assert len({frame_digest(frame) for frame in (rows, *others)}) == 6


@pytest.mark.parametrize("name", [n for n, c in registry().items() if hasattr(c, "evidence")])
def test_evidence_reads_no_bound(name: str) -> None:
    """What is kept for replays must not depend on what a replay may change, but for a bound that is off."""
    cls = registry()[name]
    barrier = cls(rows=1) if name == "select" else cls()
    rows, texts = make_rows([("the same question", "one"), ("the same question", "two"), ("other", "one")])
    rows = rows.with_columns(**{need: pl.lit(1.0) for need in barrier.needs})

    class Watched(cls):  # type: ignore[misc, valid-type]
        def __getattribute__(self, attribute: str) -> Any:
            value = super().__getattribute__(attribute)
            declared = type(self).__mro__[1].__dataclass_fields__.get(attribute)
            assert declared is None or value is None or not declared.metadata.get("limit"), attribute
            return value

    watched = object.__new__(Watched)
    watched.__dict__.update(barrier.__dict__)
    assert watched.evidence(rows, texts).columns[0] == "row_id"
