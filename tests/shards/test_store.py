from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from tests.drafts import Line, feedback_of, lines_of, make_draft, small_lines
from tilth.shards import store as store_module
from tilth.shards.errors import Busy, ChecksFailed, CorruptObject, NewerFormat, StoreError, UsageError
from tilth.shards.feedback import FEEDBACK_ROWS, FEEDBACK_SLICES
from tilth.shards.retractions import Kind
from tilth.shards.store import Store
from tilth.shards.tables import conform
from tilth.shards.version import Version


def publish(store: Store, *prompts: str, **fields: object) -> Version:
    return store.publish("n", make_draft([Line(prompt) for prompt in prompts], **fields))[0]


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def feedback_rows(*prompts: str) -> pl.DataFrame:
    return conform(
        pl.DataFrame({"row_id": [Line(p).row_id for p in prompts], "finding": "noisy"}), FEEDBACK_ROWS
    )


NO_SLICES = FEEDBACK_SLICES.to_frame()


def test_a_store_opens_again_and_refuses_what_is_none(tmp_path: Path) -> None:
    Store.open(tmp_path / "a" / "store")
    assert Store.open(tmp_path / "a" / "store").names() == []
    with pytest.raises(StoreError, match="not a Tilth store"):
        Store.open(tmp_path / "a")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError):
        Store.open(tmp_path / "file")


def test_a_newer_format_is_not_touched(store: Store) -> None:
    (store.root / "format").write_text("99\n")
    before = files(store.root)
    with pytest.raises(NewerFormat, match="Upgrade"):
        Store.open(store.root)
    assert files(store.root) == before


def test_publish_counts_and_moves_the_candidate(store: Store) -> None:
    version, news = store.publish(
        "n", make_draft(small_lines(), counts={"turns_rewritten": 7}, checks={"ok": True})
    )
    assert news and store.names() == ["n"] and store.served("n") is None
    assert store.candidate("n").id == version.id and version.manifest.parent is None
    expected = {
        "lines": 6,
        "rows": 4,
        "kept": 3,
        "dropped": 2,
        "quarantined": 1,
        "turns_rewritten": 7,
        "train": 2,
    }
    assert {name: version.manifest.counts[name] for name in expected} == expected
    assert store.verify() == []


def test_without_news_nothing_is_written(store: Store) -> None:
    first = publish(store, "one", "two")
    before = files(store.root)
    again, news = store.publish("n", make_draft([Line("two"), Line("one")]))
    assert (again.id, news) == (first.id, False)
    assert {k: v for k, v in files(store.root).items() if k != "lock"} == {
        k: v for k, v in before.items() if k != "lock"
    }


def test_a_retraction_is_news_even_with_the_same_content(store: Store) -> None:
    first = publish(store, "one")
    record = store.retract(Kind.RETRACT, first.rows()["row_id"], chosen_by="row", reason="asked").digest
    with pytest.raises(Busy, match="retracted while it was made"):
        publish(store, "one")
    second, news = store.publish("n", make_draft([Line("one")], retractions=[record]))
    assert news and second.manifest.parent == first.id


@pytest.mark.parametrize(
    "fields",
    [
        {"sources": ["b" * 64]},
        {"recipe_digest": "b" * 64},
        {"steered_sources": "b" * 64},
    ],
)
def test_other_inputs_are_news_even_with_the_same_content(store: Store, fields: dict) -> None:
    first = publish(store, "one")
    second, news = store.publish("n", make_draft([Line("one")], **fields))
    assert news and second.manifest.parent == first.id
    assert second.manifest.content_id == first.manifest.content_id
    assert second.manifest.objects == first.manifest.objects


def test_a_new_selection_stores_only_the_selection(store: Store) -> None:
    first = publish(store, "one", "two")
    lines = [Line("one"), Line("two", decision={"verdict": "drop", "stage": "length", "reason": "too_long"})]
    second = store.publish("n", make_draft(lines))[0]
    same = {
        table
        for table, digests in first.manifest.objects.items()
        if digests == second.manifest.objects[table]
    }
    assert same == {"rows", "turns", "occurrences", "measures"}


def test_only_new_texts_are_stored(store: Store) -> None:
    first = publish(store, "one", "two")
    second = publish(store, "one", "two", "three")
    added = second.manifest.objects["turns"][1:]
    assert second.manifest.objects["turns"][:1] == first.manifest.objects["turns"]
    assert store.objects.frame(added[0])["row_id"].unique().to_list() == [Line("three").row_id]
    third = publish(store, "three")
    assert third.manifest.objects["turns"] == added


def test_the_id_does_not_depend_on_order_or_place(tmp_path: Path) -> None:
    ids = set()
    for number, lines in enumerate(
        [[Line("one"), Line("two", path="b")], [Line("two", path="b"), Line("one")]]
    ):
        ids.add(Store.open(tmp_path / str(number)).publish("n", make_draft(lines))[0].id)
    assert len(ids) == 1


@pytest.mark.parametrize("table", ["rows", "decisions", "occurrences", "turns"])
def test_a_draft_that_lost_something_is_refused(store: Store, table: str) -> None:
    draft = make_draft([Line("one"), Line("two")])
    if table == "turns":
        short = replace(draft, turns=lines_of(draft.turns(draft.rows["row_id"]).head(1)))
    else:
        short = replace(draft, **{table: getattr(draft, table).head(1)})
    with pytest.raises(StoreError, match="Nothing was published"):
        store.publish("n", short)
    assert store.names() == [] and store.version_ids() == []


def test_a_draft_that_names_a_missing_object_is_refused(store: Store) -> None:
    with pytest.raises(CorruptObject, match="missing"):
        publish(store, "one", feedback=["f" * 64])
    assert store.version_ids() == []


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "../n", "n.candidate", "a..b", "-n", "n" * 81, "n\n", "ñ", "\0"]
)
def test_a_name_that_is_a_path_is_refused(store: Store, name: str) -> None:
    for act in (store.candidate, store.promote, store.rollback, store.log, store.feedback_digests):
        with pytest.raises(UsageError):
            act(name)
    with pytest.raises(UsageError):
        store.publish(name, make_draft([Line("one")]))


def test_a_name_without_a_promoted_version_points_to_its_candidate(store: Store) -> None:
    publish(store, "a")
    with pytest.raises(UsageError, match=r"'n' was promoted yet.*n\.candidate"):
        store.version("n")
    assert store.version("n.candidate").id == store.candidate("n").id


def test_versions_are_found_by_ref_id_and_prefix(store: Store) -> None:
    first, second = publish(store, "one"), publish(store, "one", "two")
    store.promote("n")
    for key in ("n", "n.candidate", second.id, second.id[:8]):
        assert store.version(key).id == second.id
    assert store.version(first.short).id == first.id
    for key in ("m", "abc", "../n", "f" * 64, "zzzz"):
        with pytest.raises(CorruptObject if len(key) == 64 else UsageError):
            store.version(key)


def test_promote_serves_the_candidate_only_if_its_checks_passed(store: Store) -> None:
    good = publish(store, "one", checks={"min_rows": True})
    store.promote("n")
    publish(store, "two", checks={"min_rows": False, "leak": True})
    with pytest.raises(ChecksFailed, match="min_rows"):
        store.promote("n")
    assert store.served("n").id == good.id
    with pytest.raises(UsageError, match="no version"):
        store.promote("unknown")


def test_rollback_and_its_way_back(store: Store) -> None:
    first = publish(store, "one")
    store.promote("n")
    second = publish(store, "two")
    store.promote("n")
    assert store.rollback("n").id == first.id
    assert store.candidate("n").id == store.served("n").id == first.id
    assert store.rollback("n", second.short).id == second.id
    assert store.candidate("n").id == store.served("n").id == second.id
    moves = [(m["ref"], m["reason"]) for m in store.refs.moves("n")]
    assert moves.count(("n", "rollback")) == moves.count(("n.candidate", "rollback")) == 2
    store.rollback("n")
    with pytest.raises(StoreError, match="first version"):
        store.rollback("n")


def test_rollback_does_not_serve_what_was_never_served(store: Store) -> None:
    first = publish(store, "one")
    store.promote("n")
    second = publish(store, "two")
    publish(store, "three", checks={"min_rows": False})
    assert store.rollback("n").id == second.id
    assert store.served("n").id == first.id
    other = store.publish("m", make_draft([Line("one")]))[0]
    with pytest.raises(StoreError, match="belongs to m"):
        store.rollback("n", other.id)


def test_the_log_is_newest_first(store: Store) -> None:
    first = publish(store, "one")
    store.promote("n")
    second = publish(store, "two")
    newest, oldest = store.log("n")
    assert (newest["id"], newest["parent"], newest["refs"]) == (second.id, first.id, ["n.candidate"])
    assert (oldest["id"], oldest["refs"]) == (first.id, ["n"])
    assert newest["content_id"] == second.manifest.content_id and newest["counts"]["kept"] == 1
    assert newest["published_at"] >= oldest["published_at"] > "2020"
    store.rollback("n")
    assert [entry["id"] for entry in store.log("n")] == [second.id, first.id]
    json.dumps(store.log("n"))


def test_feedback_is_kept_in_order_and_once(store: Store) -> None:
    version = publish(store, "one")
    one = store.add_feedback("n", feedback_of(version), feedback_rows("one"), NO_SLICES)
    two = store.add_feedback("n", feedback_of(version, run_id="run-2"), feedback_rows("one"), NO_SLICES)
    assert store.add_feedback("n", feedback_of(version), feedback_rows("one"), NO_SLICES) == one
    assert store.feedback_digests("n") == [one, two]
    header, rows, slices = store.feedback(one)
    assert (header.run_id, header.row_count) == ("run-1", 1)
    assert rows.equals(feedback_rows("one")) and slices.equals(NO_SLICES)
    child = publish(store, "one", feedback=[one])
    assert child.manifest.feedback == [one] and store.verify() == []


@pytest.mark.parametrize(
    "forged",
    [{"version": "f" * 64}, {"version": "../n"}, {"content_id": "f" * 64}, {"alpha_spent": float("nan")}],
)
def test_forged_feedback_is_refused(store: Store, forged: dict) -> None:
    version = publish(store, "one")
    with pytest.raises(StoreError):
        store.add_feedback("n", feedback_of(version, **forged), feedback_rows("one"), NO_SLICES)
    assert store.feedback_digests("n") == []


def test_receipts_hold_what_ids_must_not(store: Store) -> None:
    version = publish(store, "one")
    store.add_receipt("curate", version.id, {"seconds": 1.5})
    store.add_receipt("curate", version.id, {"seconds": 2.5})
    store.add_receipt("train", "run-1", {"seconds": 9.0})
    assert [r["seconds"] for r in store.receipts("curate", version.id)] == [1.5, 2.5]
    (receipt,) = store.receipts(subject="run-1")
    assert receipt["kind"] == "train" and receipt["host"] and receipt["at"].endswith("+00:00")
    assert {r["kind"] for r in store.receipts()} == {"publish", "curate", "train"}


def test_gc_removes_only_what_nothing_names(store: Store) -> None:
    versions = [publish(store, f"prompt {number}") for number in range(6)]
    fed = versions[0]
    record = store.add_feedback("n", feedback_of(fed), feedback_rows("prompt 0"), NO_SLICES)
    stray = store.objects.put_bytes(b"unused")
    for folder in ("runs/r1", "reports/p1"):
        (store.root / folder).mkdir(parents=True)
        (store.root / folder / f".x{store_module.atomic.TEMPORARY_SUFFIX}").write_text("kept")
    (store.root / "objects" / ".left.tmp").write_text("kill")
    before = files(store.root)
    planned = store.gc(keep=2, dry_run=True)
    assert {k: v for k, v in files(store.root).items() if k != "lock"} == {
        k: v for k, v in before.items() if k != "lock"
    }
    done = store.gc(keep=2)
    assert done == planned and done["versions"] == 3 and done["temporary"] == 1 and done["bytes"] > 0
    assert set(store.version_ids()) == {fed.id, versions[4].id, versions[5].id}
    assert store.verify() == [] and store.feedback(record)[0].version == fed.id
    assert [entry["id"] for entry in store.log("n")] == [versions[5].id, versions[4].id, fed.id]
    gone = set(before) - set(files(store.root))
    assert f"objects/{stray[:2]}/{stray}.json" in gone
    assert not any(path.startswith(("runs", "reports", "refs", "feedback", "receipts")) for path in gone)
    assert store.gc(keep=2)["objects"] == 0


def test_gc_lets_go_of_versions_whose_feedback_was_read_and_keeps_its_round(store: Store) -> None:
    versions = [publish(store, "one")]
    for number in range(4):
        record = store.add_feedback(
            "n", feedback_of(versions[-1], run_id=f"run-{number}"), feedback_rows("one"), NO_SLICES
        )
        read = [*versions[-1].manifest.feedback, record]
        prompts = [str(n) for n in range(number)]
        draft = make_draft([Line("one"), *map(Line, prompts)], feedback=read)
        versions.append(store.publish("n", draft)[0])
    unread = store.add_feedback("n", feedback_of(versions[3], run_id="late"), feedback_rows("one"), NO_SLICES)
    assert store.gc(keep=1)["versions"] == 3
    assert set(store.version_ids()) == {
        versions[3].id,
        versions[4].id,
    }  # of the unread record, and the candidate
    rounds = store.feedback_log.rounds()
    assert [rounds[digest] for digest in store.feedback_digests("n")] == [0, 1, 2, 3, 3]
    assert store.feedback(unread)[0].run_id == "late" and store.verify() == []


def test_gc_removes_nothing_while_something_kept_cannot_be_read(store: Store) -> None:
    version = publish(store, "one")
    store.objects.put_bytes(b"unused")
    (store.root / "versions" / f"{version.id}.json").write_bytes(b"{}")
    before = set(files(store.root))
    with pytest.raises(CorruptObject):
        store.gc()
    assert set(files(store.root)) == before


def test_a_workspace_is_removed_even_after_an_error(store: Store) -> None:
    with pytest.raises(RuntimeError), store.workspace() as first, store.workspace() as second:
        (first / "deep").mkdir()
        assert first != second
        raise RuntimeError
    assert [p.name for p in (store.root / "tmp").iterdir()] == ["lock"]
