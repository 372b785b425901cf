from __future__ import annotations

import polars as pl

from tests.drafts import KEPT, Line, dropped, make_draft
from tilth.shards.diff import diff
from tilth.shards.store import Store


def test_each_change_is_one_line(store: Store) -> None:
    old = [
        Line("same"),
        Line("gone"),
        Line("steered"),
        Line("moved"),
        Line("reworded"),
        Line("lighter"),
        Line("other reason", decision=dropped("length", "too_long")),
        Line("both"),
    ]
    new = [
        Line("same"),
        Line("fresh"),
        Line("steered", decision={"verdict": "quarantine", "stage": "pushback", "reason": "noisy"}),
        Line("moved", decision=KEPT | {"split": "final"}),
        Line("reworded", rewritten="re-worded"),
        Line("lighter", decision=KEPT | {"weight": 250_000}),
        Line("other reason", decision=dropped("dedup", "near_duplicate")),
        Line("both", rewritten="BOTH", decision=KEPT | {"weight": 2_000_000}),
    ]
    before, after = store.publish("n", make_draft(old))[0], store.publish("n", make_draft(new))[0]
    changes = diff(before, after)
    prompts = {line.row_id: line.prompt for line in [*old, *new]}
    assert sorted(
        (prompts[row_id], change) for row_id, change in changes.select("row_id", "change").iter_rows()
    ) == [
        ("both", "text"),
        ("both", "weight"),
        ("fresh", "added"),
        ("gone", "removed"),
        ("lighter", "weight"),
        ("moved", "split"),
        ("other reason", "reason"),
        ("reworded", "text"),
        ("steered", "verdict"),
    ]
    steered = changes.row(by_predicate=pl.col("row_id") == Line("steered").row_id, named=True)
    assert (steered["verdict_before"], steered["verdict_after"]) == ("keep", "quarantine")
    assert (steered["stage_after"], steered["reason_after"]) == ("pushback", "noisy")
    assert (steered["weight_before"], steered["weight_after"]) == (1_000_000, None)
    assert changes["row_id"].is_sorted()
    assert diff(after, after).is_empty() and diff(after, after).columns == changes.columns
