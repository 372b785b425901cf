"""A replay says what a full run with the same bounds would do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from tilth.shards.diff import diff
from tilth.shards.errors import UsageError
from tilth.shards.store import Store
from tilth.workbench.commands.curate import main
from tilth.workbench.recipes.recipe_file import load
from tilth.workbench.running import what_if
from tilth.workbench.running.curate import curate_recipe
from tilth.workbench.running.demo import prepare_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of the bundled sample, curated once."""
    path = prepare_sample(tmp_path_factory.mktemp("what-if") / "demo")
    curate_recipe(load(path), Store.open(path.parent / ".tilth"))
    return path


@pytest.mark.parametrize(
    "bounds",
    [
        ("dedup.near_jaccard=0.95",),
        ("length.max_chars=120", "length.verdict=drop", "conflict.max_chars=0", "split.final=0.06"),
    ],
    ids=["dedup", "several"],
)
def test_a_replay_finds_what_a_full_run_changes(
    sample: Path, tmp_path: Path, bounds: tuple[str, ...]
) -> None:
    found = what_if.facts(sample, (), bounds, None)
    assert sum(found["changes"].values()) > 20
    store = Store.open(shutil.copytree(sample.parent / ".tilth", tmp_path / "store"))
    before = store.candidate("tarnwick-desk")
    assert before is not None
    settings = tuple(f"curation.{bound}" for bound in bounds)
    after = curate_recipe(load(sample, settings), store).version
    changed = diff(before, after)
    counted = changed.group_by("change").len().sort("change").iter_rows()
    assert found["changes"] == {str(change): rows for change, rows in counted}
    listed = {row["row_id"]: (row["before"], row["after"]) for row in found["rows"]}
    decisions = changed.filter(changed["change"].cast(str).is_in(["verdict", "reason"]))
    assert set(listed) == {row_id.hex() for row_id in decisions["row_id"]}
    for line in decisions.iter_rows(named=True):
        for said, when in zip(listed[line["row_id"].hex()], ("before", "after")):
            assert [said[key] for key in ("verdict", "stage", "reason", "split")] == [
                line[f"{key}_{when}"] for key in ("verdict", "stage", "reason", "split")
            ]
    assert found["kept"] == {"before": before.manifest.counts["kept"], "after": after.manifest.counts["kept"]}


def test_nothing_is_published_and_no_source_is_read(sample: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(sample.parent, tmp_path / "demo")
    shutil.rmtree(copy / "sources")
    versions = sorted((copy / ".tilth" / "versions").iterdir())
    run = CliRunner().invoke(main, [str(copy / sample.name), "--what-if", "dedup.near_jaccard=0.9"])
    assert run.exit_code == 0, run.output
    assert "would come; nothing was changed" in run.output
    assert sorted((copy / ".tilth" / "versions").iterdir()) == versions


def test_evidence_that_is_gone_is_observed_again(sample: Path, tmp_path: Path) -> None:
    bounds = ("dedup.near_jaccard=0.95",)
    found = what_if.facts(sample, (), bounds, None)
    store = Store.open(shutil.copytree(sample.parent / ".tilth", tmp_path / "store"))
    shutil.rmtree(store.cache)
    assert what_if.facts(sample, (), bounds, store.root) == found


@pytest.mark.parametrize("bound", ["language.keep=[en]", "dedup.shingle_words=3", "pii.action=drop"])
def test_what_decides_what_is_measured_is_refused_by_name(sample: Path, bound: str) -> None:
    with pytest.raises(UsageError, match=bound.partition("=")[0].replace(".", r"\.")) as refused:
        what_if.facts(sample, (), (bound,), None)
    assert "curate recipe.yaml" in refused.value.message()


def test_a_key_that_does_not_exist_is_named_as_it_was_typed(sample: Path) -> None:
    with pytest.raises(UsageError, match=r"--what-if curation\.dedup\.near_jacard"):
        what_if.facts(sample, (), ("dedup.near_jacard=0.7",), None)


def test_a_recipe_that_measures_otherwise_than_its_version_is_refused(sample: Path) -> None:
    with pytest.raises(UsageError, match="language"):
        what_if.facts(sample, ("curation.language.min_letters=20",), ("dedup.near_jaccard=0.7",), None)
