from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tests.drafts import KEPT, Line, dropped, make_draft, small_lines
from tilth.shards.ledger import build_ledger, count
from tilth.shards.tables import LEDGER, VERDICT

DECISION = st.sampled_from(
    [KEPT, dropped("length", "too_long"), {"verdict": "quarantine", "stage": "s", "reason": "r"}]
)
PATH = st.sampled_from(["a.jsonl", "b.jsonl"])
LINES = st.lists(
    st.builds(Line, st.sampled_from("pqrst"), path=PATH, decision=DECISION)
    | st.builds(Line, reason=st.just("blank"), path=PATH),
    max_size=20,
)


def test_each_line_says_what_became_of_it() -> None:
    draft = make_draft(small_lines())
    ledger = build_ledger(draft.occurrences, draft.decisions)
    assert ledger.schema == LEDGER
    shown = ["line", "verdict", "stage", "reason", "witness_path", "witness_line", "weight"]
    assert ledger.select(shown).rows() == [
        (1, "keep", None, None, None, None, 1_000_000),
        (2, "keep", None, None, None, None, 1_000_000),
        (3, "drop", "dedup", "near_duplicate", "a.jsonl", 1, None),
        (4, "quarantine", "read", "invalid_json", None, None, None),
        (5, "drop", "dedup", "exact_duplicate", "a.jsonl", 1, None),
        (1, "keep", None, None, None, None, 500_000),
    ]
    assert ledger["witness_id"][4] == ledger["row_id"][4] == small_lines()[0].row_id


@given(LINES)
def test_no_line_is_lost_and_no_row_kept_twice(lines: list[Line]) -> None:
    draft = make_draft(lines)
    counts = count(draft.occurrences, draft.decisions)
    assert counts["lines"] == len(lines) == counts["kept"] + counts["dropped"] + counts["quarantined"]
    assert counts["unaccounted"] == 0
    kept_rows = draft.decisions.filter(draft.decisions["verdict"] == "keep")
    assert counts["kept"] == kept_rows.height == counts["train"]
    ledger = build_ledger(draft.occurrences, draft.decisions)
    assert ledger["verdict"].null_count() == 0 and ledger.height == len(lines)


@given(LINES)
def test_a_line_without_decision_is_counted_as_unaccounted(lines: list[Line]) -> None:
    draft = make_draft([*lines, Line("undecided", path="z.jsonl")])
    decisions = draft.decisions.filter(pl.col("row_id") != Line("undecided").row_id)
    counts = count(draft.occurrences, decisions)
    assert counts["unaccounted"] == 1
    assert decisions.schema["verdict"] == VERDICT
