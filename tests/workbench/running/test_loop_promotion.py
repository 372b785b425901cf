"""What a comparison lets the loop and `tilth promote` serve."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.drafts import KEPT, Line, dropped, make_draft
from tests.feedback_records import curated, record
from tilth.shards.errors import ChecksFailed, StoreError
from tilth.shards.store import Store
from tilth.workbench import session
from tilth.workbench.running.comparison import COMPARED
from tilth.workbench.running.loop import _decide, _rest
from tilth.workbench.running.promote import promote_version

SAID = {"answer": "no difference shown", "sentence": "No difference shown: it lies within the spread."}


@pytest.fixture
def steered(store: Store) -> tuple[Any, Any]:
    """Return a parent that is served and a child that feedback made of it."""
    lines = [Line(f"p{i}", decision=KEPT) for i in range(20)]
    parent, _ = store.publish("n", make_draft(lines))
    store.promote("n")
    _, header, rows, slices = record(curated({"a": 4}))
    header = type(header)(
        **{**header.to_dict(), "version": parent.id, "content_id": parent.manifest.content_id}
    )
    digest = store.add_feedback("n", header, rows, slices)
    gone = [
        Line(x.prompt, decision=dropped("pushback", "noisy")) if i < 2 else x for i, x in enumerate(lines)
    ]
    child, _ = store.publish("n", make_draft(gone, feedback=[digest]))
    return parent, child


def decided(store: Store, child: Any, policy: str, **said: Any) -> str:
    recipe: Any = SimpleNamespace(name="n", refresh=SimpleNamespace(promote=policy))
    outcome: Any = SimpleNamespace(version=child)
    facts = {**SAID, "allowed": False, "refusal": "too little", **said}
    store.add_receipt(COMPARED, child.id, facts)
    summary = _decide(recipe, store, session.console(), outcome, facts)["summary"]
    assert (
        _rest(recipe, store, session.console(), outcome)["state"] == "no news"
        or said.get("answer") == "worse"
    )
    return summary


def serves(store: Store) -> str:
    served = store.served("n")
    assert served is not None
    return served.id


def test_no_difference_shown_is_not_served_and_says_why(store: Store, steered: tuple[Any, Any]) -> None:
    parent, child = steered
    summary = decided(store, child, "training")
    assert serves(store) == parent.id
    assert "is not served (too little)" in summary and f"serving its parent {parent.short}" in summary
    assert store.candidate("n").id == child.id  # type: ignore[union-attr]


def test_better_alone_is_not_served_where_the_comparison_does_not_allow_it(
    store: Store, steered: tuple[Any, Any]
) -> None:
    decided(store, steered[1], "training", answer="better")
    assert serves(store) == steered[0].id


def test_what_is_allowed_is_served(store: Store, steered: tuple[Any, Any]) -> None:
    decided(store, steered[1], "training", answer="better", allowed=True)
    assert serves(store) == steered[1].id


def test_a_recipe_that_lets_checks_decide_says_so(store: Store, steered: tuple[Any, Any]) -> None:
    summary = decided(store, steered[1], "checks")
    assert serves(store) == steered[1].id
    assert "served on its checks alone (refresh.promote: checks)" in summary


def test_promote_refuses_what_no_comparison_allows_unless_asked(
    store: Store, steered: tuple[Any, Any]
) -> None:
    parent, child = steered
    with pytest.raises(ChecksFailed, match="compared with nothing"):
        promote_version(store, "n")
    store.add_receipt(COMPARED, child.id, {**SAID, "allowed": False, "refusal": "slice a is worse"})
    with pytest.raises(ChecksFailed, match="slice a is worse"):
        promote_version(store, "n")
    assert serves(store) == parent.id
    assert promote_version(store, "n", on_checks=True)["changed"]
    assert serves(store) == child.id


def test_only_versions_of_its_line_are_served(store: Store, steered: tuple[Any, Any]) -> None:
    other, _ = store.publish("other", make_draft([Line("q", decision=KEPT)]))
    with pytest.raises(StoreError, match="no ancestor"):
        store.promote("n", other.id)
