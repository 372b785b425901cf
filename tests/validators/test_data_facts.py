from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from tests.validators.sample_store import PHASES, publish, tags
from tilth.shards.errors import CorruptObject
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.validators.data_facts import Curated, data_report, detectable_nat, licences_of_kept, tables_of
from tilth.validators.gate import CheckResult, judge
from tilth.validators.metrics import measure
from tilth.validators.recipe import Checks, ReportOptions
from tilth.validators.verify import verify_version

TEXTS = [f"What is the answer to question {i}?" for i in range(900)]
ACTION = {"action": "quarantine", "target": "3 rows", "evidence": "M6", "reverse": "tilth rollback demo"}
PASSED = [CheckResult("min_rows", "error", True, 720, 1)]


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Version, Version]:
    root = tmp_path_factory.mktemp("store") / "s"
    return publish(root, TEXTS), publish(root, TEXTS, seed=1)


def test_the_funnel_starts_at_every_line_and_ends_at_the_kept_ones(versions: tuple[Version, Version]) -> None:
    facts = data_report(versions[0], None, Curated(PASSED, phases=PHASES))
    totals = facts["conservation"]
    assert totals["lines"] == 900 + 100 + 19
    assert totals["lines"] == totals["kept"] + totals["dropped"] + totals["quarantined"]
    assert [p["phase"] for p in facts["funnel"]] == [
        "read", "rewrite", "rules", "decontaminate", "conflict", "split", "dedup", "weigh",
    ]  # fmt: skip
    assert facts["funnel"][0] == {"phase": "read", "dropped": 0, "quarantined": 19, "rows_left": 1000}
    assert facts["funnel"][-1]["rows_left"] == totals["kept"]
    assert sum(r["lines"] for r in facts["taken"]) == totals["dropped"] + totals["quarantined"]
    assert sum(s["lines"] for s in facts["sources"]) == totals["lines"]


def test_examples_show_the_turn_that_broke_the_rule_and_the_witness(
    versions: tuple[Version, Version],
) -> None:
    facts = data_report(versions[0], None, Curated(PASSED))
    by_reason = {r["reason"]: r["examples"] for r in facts["taken"]}
    assert by_reason["unclosed_fence"][0]["text"].startswith("What is the answer")
    repeat = by_reason["exact_duplicate"][0]
    assert re.fullmatch(r"What is the answer to question (\d+)\? → It is \1: .*", repeat["text"])
    assert repeat["witness"] and repeat["witness"] != repeat["place"]
    unread = by_reason["invalid_json"][0]
    assert (unread["row"], unread["text"], unread["place"]) == ("", "", "tickets.jsonl:900000")
    assert all(len(r["examples"]) <= 4 for r in facts["taken"])


@pytest.mark.parametrize("most", [0, 3, 50])
def test_no_more_examples_than_asked_for(versions: tuple[Version, Version], most: int) -> None:
    facts = data_report(versions[0], None, Curated(PASSED), ReportOptions(examples=most))
    shown = [e for r in facts["taken"] for e in r["examples"]]
    assert len(shown) == min(most, 4 * len(facts["taken"]))


def test_the_same_version_gives_the_same_facts(versions: tuple[Version, Version]) -> None:
    old, new = versions
    assert data_report(new, old, Curated(PASSED)) == data_report(new, old, Curated(PASSED))


def test_the_child_says_what_changed_and_how_to_go_back(versions: tuple[Version, Version]) -> None:
    old, new = versions
    facts = data_report(new, old, Curated(PASSED, [ACTION], tags=tags(new)))
    parent = facts["parent"]
    assert parent is not None and parent["parent"] == old.short
    before, after = old.decisions(), new.decisions()
    assert parent["counts"]["verdict"] == (before["verdict"].cast(str) != after["verdict"].cast(str)).sum()
    assert 0 < parent["divergence_bits"]["source"] < 0.1
    assert facts["reverse"] == "tilth rollback demo" and facts["actions"] == [{**ACTION, "bound": ""}]
    assert facts["tags"] == [{"stage": "language", "reason": "answer_in_other_language", "rows": 7}]
    assert data_report(old, None, Curated(PASSED))["parent"] is None


def test_distributions_hold_before_after_and_target_even_of_an_absent_value(
    versions: tuple[Version, Version],
) -> None:
    facts = data_report(
        versions[0], None, Curated(PASSED, targets={"language": {"en": 0.7, "de": 0.2, "fr": 0.1}})
    )
    by = {d["by"]: d for d in facts["distributions"]}
    assert set(by) == {"slice", "source", "language", "length"}
    assert {line["value"]: line["target"] for line in by["language"]["lines"]} == {
        "en": 0.7,
        "de": 0.2,
        "fr": 0.1,
    }
    assert next(line for line in by["language"]["lines"] if line["value"] == "fr")["rows_before"] == 0
    for name in ("source", "language", "length"):
        assert sum(line["before"] for line in by[name]["lines"]) == pytest.approx(1)
        assert sum(line["after"] for line in by[name]["lines"]) == pytest.approx(1)
    starts = [int(line["value"].split("–")[0]) for line in by["length"]["lines"]]
    assert starts == sorted(starts)


def test_the_word_follows_from_checks_and_evaluation_rows(
    versions: tuple[Version, Version], tmp_path: Path
) -> None:
    good = data_report(versions[0], None, Curated(PASSED, recipe_path="my.yaml"))
    assert (good["verdict"], good["next"], len(good["reasons"])) == ("USE", "train my.yaml", 3)
    failed = [*PASSED, CheckResult("max_leak_rate", "error", False, 0.25, 0.0)]
    bad = data_report(versions[0], None, Curated(failed))
    assert bad["verdict"] == "DO NOT USE"
    assert "1 of 2 checks failed" in bad["reasons"][0] and "0.25" in bad["reasons"][0]
    warned = [*PASSED, CheckResult("max_source_loss", "warning", False, 0.9, 0.5)]
    assert data_report(versions[0], None, Curated(warned))["verdict"] == "USE"
    assert "promotion rows can show a loss change of" in good["reasons"][2]
    few = publish(tmp_path / "few", TEXTS[:40])
    facts = data_report(few, None, Curated(PASSED, recipe_path="my.yaml"))
    assert facts["verdict"] == "NOT ENOUGH EVIDENCE"
    assert facts["next"].startswith("write curation: {split: {promotion: 0.05}} into my.yaml")


def test_without_promotion_rows_the_feedback_rows_judge(tmp_path: Path) -> None:
    merged = publish(tmp_path / "s", TEXTS, splits=("train", "feedback"))
    facts = data_report(merged, None, Curated(PASSED))
    rows = next(s["rows"] for s in facts["splits"] if s["split"] == "feedback")
    assert facts["verdict"] == "USE"
    assert facts["reasons"][2].startswith(f"{rows} feedback rows (too few for a promotion split) can show")
    nobody = publish(tmp_path / "s", TEXTS, splits=("train",), seed=3)
    facts = data_report(nobody, None, Curated(PASSED, recipe_path="my.yaml"))
    assert facts["verdict"] == "NOT ENOUGH EVIDENCE"
    # A larger share of so few rows would still be merged.
    assert facts["next"] == "add rows to its sources, then: curate my.yaml; as it is: train my.yaml"


def test_detectable_change_matches_the_design_table() -> None:
    assert detectable_nat(222) == pytest.approx(0.05, abs=5e-4)
    assert detectable_nat(1389) == pytest.approx(0.02, abs=2e-4)
    assert detectable_nat(0) is None


def test_the_default_gate_passes_a_published_version(versions: tuple[Version, Version]) -> None:
    assert not any(result.blocks for result in judge(measure(tables_of(versions[0])), Checks()))


def test_damaged_bytes_are_refused_by_name(tmp_path: Path) -> None:
    version = publish(tmp_path / "s", TEXTS[:50])
    store = Store.open(tmp_path / "s")
    verify_version(store, version)
    digest = version.manifest.objects["decisions"][0]
    path = next((tmp_path / "s" / "objects").rglob(f"{digest}.*"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    with pytest.raises(CorruptObject) as refusal:
        verify_version(store, version)
    assert digest in str(refusal.value) and "tilth rollback demo" in str(refusal.value)
    with pytest.raises(CorruptObject):
        data_report(store.version(version.id), None, Curated([]))


def test_tables_without_language_or_length_still_report(versions: tuple[Version, Version]) -> None:
    tables = tables_of(versions[0])
    bare = type(tables)(
        tables.occurrences, tables.rows, tables.decisions, tables.measures.select("row_id", "turn")
    )
    assert measure(bare).equals(measure(tables))
    assert isinstance(bare.fates, pl.DataFrame)


def test_what_licences_ask_for_is_said_of_kept_rows_only(versions: tuple[Version, Version]) -> None:
    tables = tables_of(versions[0])
    kept = tables.decisions["verdict"] == "keep"
    assert licences_of_kept(tables) == []
    mixed = pl.Series(["cc-by-nc-4.0" if keep else "CC-BY-SA-4.0" for keep in kept])
    (note,) = licences_of_kept(replace(tables, rows=tables.rows.with_columns(licence=mixed)))
    assert note == f"Not for commercial use: CC-BY-NC-4.0 ({kept.sum():,} rows)."
