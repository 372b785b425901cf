"""What drops by default states a fact of the row, or was right in 95 of 100 hits read on rows nobody tuned it on."""

from __future__ import annotations

import json
from pathlib import Path

from tilth.curation.recipe import parse

READ = Path(__file__).parents[3] / "benchmarks" / "results" / "rule_precision_unseen.json"
MIN_READ, MIN_PRECISION = 30, 0.95
# Nothing is judged here: a turn is empty or follows one it may not follow, the row says that it was cut, both sides of
# a pair are equal, or the recipe lists what is wanted.
FACTS = {
    "turn_order", "ends_without_response", "ends_with_user", "tool_call_unanswered", "empty_response", "empty_prompt",
    "finish_reason_length", "identical_pair", "pair_cut_to_the_same", "licence_not_allowed", "language_not_kept",
}  # fmt: skip


def test_a_rule_that_judges_drops_only_where_its_hits_were_read() -> None:
    read = json.loads(READ.read_text(encoding="utf-8"))["figures"]["rules"]
    dropping = {
        rule.reason
        for stage in parse({}, Path()).locals()
        for rule in stage.rules()
        if rule.verdict != "keep" and rule.reason not in FACTS
    }
    unproven = [r for r in dropping if read[r]["read"] < MIN_READ or read[r]["precision"] < MIN_PRECISION]
    assert not unproven
