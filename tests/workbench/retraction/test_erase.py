"""After an erasure no byte of the rows is left in the store, whenever it was killed, and all else is as it was."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from tests.workbench.conftest import COMMANDS, Done, question
from tilth.shards import atomic
from tilth.shards.lock import Lock
from tilth.shards.store import Store
from tilth.shards.tables import Verdict
from tilth.workbench.retraction import erase

Run = Callable[..., Done]
SECRET = "Oriana Telmarsh of Quarry Lane fourteen asked for her silver kettle to be mended before the feast of lanterns"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe, its rows, of which two are about a person, and a store with two versions, pages and a cache."""
    folder = tmp_path_factory.mktemp("made")
    row = question(7)
    row["messages"][0]["content"] = SECRET
    row["messages"][1]["content"] = (
        "Dear Oriana Telmarsh, the kettle is ready at the desk in Nerith. <b>Müßig</b> 7"
    )
    row["note_to_self"] = "she prefers to be called in the late afternoon"
    empty = json.loads(json.dumps(row))
    empty["messages"][1]["content"] = " "
    lines = [json.dumps(one) for one in (*map(question, range(40)), row, empty)]
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n")
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        "name: desk\nsources:\n  - path: rows.jsonl\ncuration: {slice_by: [topic], split: null, language: null}\n"
        "checks: {max_split_miss: null}\n"
    )
    for words in (["--set", "curation.length={max_chars: 60, verdict: drop}"], []):
        done = CliRunner().invoke(COMMANDS["curate"], [str(recipe), *words])
        assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def held(run: Run, made: Path, tmp_path: Path) -> Path:
    """A copy of that with a run folder and an export."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    recipe, store = tmp_path / "recipe.yaml", tmp_path / ".tilth"
    assert run("tilth", "export", "desk.candidate", tmp_path / "out").code == 0
    folder = store / "runs" / "abc"
    folder.mkdir(parents=True)
    version = Store.open(store).candidate("desk").id
    (folder / "run.json").write_text(json.dumps({"run_id": "abc", "version": version, "feedback": None}))
    asked = [{"role": "user", "content": SECRET}]
    answers = [{"messages": asked, "tuned": "yes"}, {"messages": question(1)["messages"], "tuned": SECRET}]
    (folder / "answers.jsonl").write_bytes(b"".join(json.dumps(a).encode() + b"\n" for a in answers))
    (folder / "answers.html").write_text(f"<p>{SECRET}</p><p>fine</p>")
    prompts = [{"messages": asked, "prompt_ids": [1, 2]}, {"messages": [], "prompt_ids": [3]}]
    (folder / "check.json").write_text(json.dumps({"run_id": "abc", "prompts": prompts}))
    (folder / "events.log.gz").write_bytes(gzip.compress(SECRET.encode()))
    return recipe


def ids_of(recipe: Path) -> list[str]:
    store = Store.open(recipe.parent / ".tilth")
    turns = store.candidate("desk").turns()
    return [
        row.hex() for row in turns.filter(pl.col("text").str.contains("Telmarsh"))["row_id"].unique().sort()
    ]


def bytes_with(folder: Path, words: str) -> list[str]:
    """Return the files that hold some words, tables read by their values."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        text = path.read_bytes().decode("utf-8", "replace")
        if path.suffix == ".parquet":
            text = pl.read_parquet(path, glob=False).select(~pl.selectors.binary()).write_json()
        elif path.suffix == ".gz":
            text = gzip.decompress(path.read_bytes()).decode()
        found += [path.relative_to(folder).as_posix()] if words in text else []
    return found


def test_nothing_is_left_and_all_else_is_as_it_was(run: Run, held: Path) -> None:
    folder = held.parent
    assert len(bytes_with(folder / ".tilth", "Telmarsh")) > 5 and bytes_with(folder / "out", "Telmarsh")
    before = {
        v: Store.open(folder / ".tilth").version(v).turns()
        for v in Store.open(folder / ".tilth").version_ids()
    }
    rows = ids_of(held)
    done = run(
        "tilth", "erase", "--where", 'pl.col("text").str.contains("Telmarsh")', "--reason", "asked", "--json"
    )
    assert done.code == 0, done.err
    facts = done.json
    assert facts["rows"] == len(rows) == 2 and facts["left"] == [] and facts["unsought"] == 0
    assert [model["run_id"] for model in facts["models"]] == ["abc"]
    for words in ("Telmarsh", "late afternoon", "Müßig"):
        assert bytes_with(folder / ".tilth", words) == [] == bytes_with(folder / "out", words), words
    store = Store.open(folder / ".tilth")
    assert store.verify() == []
    gone = pl.Series([bytes.fromhex(row) for row in rows], dtype=pl.Binary)
    for version, turns in before.items():
        assert store.version(version).turns().equals(turns.filter(~pl.col("row_id").is_in(gone.implode())))
        assert not store.version(version).samples()["row_id"].is_in(gone.implode()).any()
    answers = (store.root / "runs" / "abc" / "answers.jsonl").read_bytes().splitlines()
    assert answers == [] and "fine" in (store.root / "runs" / "abc" / "answers.html").read_text()
    assert [
        p["prompt_ids"] for p in json.loads((store.root / "runs/abc/check.json").read_bytes())["prompts"]
    ] == [[3]]
    assert run("tilth", "verify", "--erased").code == 0
    assert run("tilth", "gc").code == 0 and store.verify() == []


def test_the_next_version_does_not_take_the_text_up_again(run: Run, held: Path) -> None:
    rows = ids_of(held)
    assert run("tilth", "erase", *rows).code == 0
    done = run("curate", held, "--json")
    assert done.code == 0 and done.json["published"], done.err
    assert bytes_with(held.parent / ".tilth", "Telmarsh") == []
    version = Store.open(held.parent / ".tilth").candidate("desk")
    fate = version.decisions().filter(pl.col("row_id").bin.encode("hex").is_in(rows))
    assert fate["reason"].to_list() == ["retracted"] * 2 and set(fate["verdict"]) == {Verdict.DROP.value}
    assert version.manifest.counts["unaccounted"] == 0
    assert run("tilth", "verify").code == 0 and run("tilth", "verify", "--erased").code == 0
    assert run("tilth", "retract", "--undo", 1).code == 2


def test_the_proof_sees_what_comes_back(run: Run, held: Path) -> None:
    assert run("tilth", "erase", *ids_of(held)).code == 0
    cache = held.parent / ".tilth" / "cache" / "x.bin.gz"
    cache.parent.mkdir(exist_ok=True)
    cache.write_bytes(gzip.compress(b"..." + SECRET.encode()))
    found = run("tilth", "verify", "--erased", "--json")
    assert found.code == 1 and json.loads(found.out)["left"] == ["cache/x.bin.gz"]
    assert "Telmarsh" not in found.err + found.out


def test_no_record_holds_a_word_of_the_rows(run: Run, held: Path) -> None:
    assert (
        run(
            "tilth", "erase", "--where", 'pl.col("text").str.contains("Telmarsh")', "--reason", "ticket 12"
        ).code
        == 0
    )
    for path in (held.parent / ".tilth").glob("re*/**/*.json"):
        assert "Telmarsh" not in path.read_text() and "kettle" not in path.read_text()


@pytest.mark.parametrize("every", [25, pytest.param(1, marks=pytest.mark.slow)])
def test_an_erasure_that_is_killed_anywhere_is_ended_by_the_next_command(
    run: Run,
    held: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    every: int,
) -> None:
    rows, taken, root = ids_of(held), [], held.parent
    copies = tmp_path_factory.mktemp("copies")

    def copy(_: str) -> None:
        taken.append(copies / f"{len(taken):03d}")
        if len(taken) % every == 0 or "export" in _ or "old object" in _:
            shutil.copytree(root, taken[-1])

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "step", copy)
        done = run("tilth", "erase", *rows)
    assert done.code == 0 and len(taken) > 60
    ended = versions_as_read(root)
    for copied in [path for path in taken if path.is_dir()]:
        store = copied / ".tilth"
        moved = {str(root): str(copied)}
        for receipt in store.glob("receipts/export/*/*.json"):
            receipt.write_text(receipt.read_text().replace(*next(iter(moved.items()))))
        was_begun = erase.is_unfinished(store)
        assert run("tilth", "log", "--store", store, "--json").code == 0
        assert not erase.is_unfinished(store)
        if not was_begun:
            assert run("tilth", "erase", *rows, "--store", store).code in (0, 2)
        if Store.open(store).retractions.entries():
            assert bytes_with(store, "Telmarsh") == [] == bytes_with(copied / "out", "Telmarsh"), copied
            assert versions_as_read(copied) == ended
        assert Store.open(store).verify() == []


def versions_as_read(folder: Path) -> dict[str, Any]:
    store = Store.open(folder / ".tilth")
    return {v: store.version(v).turns().rows() for v in store.version_ids()}


def test_what_is_trained_or_means_all_is_refused(run: Run, held: Path) -> None:
    store = held.parent / ".tilth"
    before = bytes_with(store, "Telmarsh")
    everything = run("tilth", "erase", "--source", "rows")
    assert everything.code == 2 and "--yes" in everything.err and "41" in everything.err
    nothing = run("tilth", "erase", "--where", 'pl.col("text") == "no"')
    assert nothing.code == 2 and "0 rows" in nothing.err
    with Lock(store / "runs" / "abc" / "lock").held(0):
        program = f"from tilth.workbench.commands.erase import main; main(['{ids_of(held)[0]}'])"
        busy = subprocess.run(
            [sys.executable, "-c", program], cwd=held.parent, capture_output=True, check=False
        )
    assert busy.returncode == 75, busy.stderr
    assert bytes_with(store, "Telmarsh") == before and not erase.is_unfinished(store)
