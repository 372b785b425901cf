from __future__ import annotations

import polars as pl
import pytest

from tests.turn_frames import turn_frame
from tilth.curation.rewrite.pii import Pii
from tilth.curation.rewrite.trim import Trim
from tilth.curation.run.guard import Guard
from tilth.curation.run.rewriting import LEFT_OUT, Rewriting, as_counts, counted
from tilth.shards.tables import ROWS, TURNS, conform


def rewriting_of(*texts: str) -> Rewriting:
    turns = turn_frame(*[[("user", text), ("assistant", "Yes."), ("user", "Thanks.")] for text in texts])
    rows = turns.unique("row_id", maintain_order=True).with_columns(
        attributes=pl.lit('{"by":"ann@firm.org"}')
    )
    return Rewriting(conform(rows, ROWS), conform(turns, TURNS))


def test_rows_get_back_what_was_rewritten_on_their_first_turn() -> None:
    work = rewriting_of("ann@firm.org", "plain")
    failed = work.apply(Pii(), Guard("pii", Pii().rewrite, 1))
    assert failed.is_empty()
    assert work.rows()["attributes"].to_list() == ['{"by":"[EMAIL_1]"}'] * 2
    assert work.turns()["text"].to_list()[::3] == ["[EMAIL_1]", "plain"]
    assert work.turns().schema == TURNS and work.rows().schema == ROWS


def test_what_was_changed_is_counted_by_kind_in_distinct_rows_and_kept_ones() -> None:
    work = rewriting_of("ann@firm.org", "bob@firm.org")
    for stage in (Pii(), Trim()):
        work.apply(stage, Guard(stage.name, stage.rewrite, 1))
    figures = counted(work.changes().lazy(), work.rows()["row_id"].head(1))
    by_kind = {(line["stage"], line["kind"]): line for line in figures.to_dicts()}
    assert by_kind["pii", "email"]["rows"] == 2 and by_kind["pii", "email"]["kept_rows"] == 1
    assert by_kind["trim", LEFT_OUT]["turns"] == 2
    assert by_kind["trim", LEFT_OUT]["examples"] == ["Thanks."]
    assert as_counts(figures)["rewritten.pii.email"] == 2


def test_a_row_on_which_redaction_raises_keeps_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(self: Pii, turns: pl.DataFrame) -> pl.DataFrame:
        if turns["text"].str.contains("bob").any():
            raise ValueError("bob@firm.org")
        return turns

    monkeypatch.setattr(Pii, "rewrite", raising)
    work = rewriting_of("ann", "bob@firm.org")
    failed = work.apply(Pii(), Guard("pii", Pii().rewrite, 1))
    assert failed["row_id"].n_unique() == 1
    assert work.turns()["text"].to_list() == ["ann", "Yes.", "Thanks.", None, None, None]
    assert work.rows()["attributes"].to_list() == ['{"by":"ann@firm.org"}', None]
