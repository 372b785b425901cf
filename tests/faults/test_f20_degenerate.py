"""Class 20: input that holds nothing, or one thing only: a clear message and code, never an empty version."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.workbench.conftest import Done, question
from tilth.shards.store import Store

Run = Callable[..., Done]

COPIES = 10_000
NOTHING = {
    "empty.jsonl": b"",
    "blank.jsonl": b"\n\n \n",
    "bom.jsonl": b"\xef\xbb\xbf",
    "zero.jsonl.gz": b"",
    "zero.jsonl.zst": b"",
    "header.csv": b"prompt,response\n",
    "empty.csv": b"",
    "list.json": b"[]",
    "nulls.jsonl": b"null\n" * 4,
    "torn.jsonl": b'{"prompt": "who',
}
NO_FILE_OR_SHAPE = {
    "no*.jsonl": None,
    "nobody.jsonl": b'{"prompt": "who is it?", "response": null}\n' * 3,
    "keyless.jsonl": b"{}\n" * 3,
    "empty.parquet": b"",
}


def write_recipe(folder: Path, source: str, more: str = "") -> Path:
    path = folder / "recipe.yaml"
    path.write_text(f'name: desk\nsources: [{{path: "{source}"}}]\n{more}', encoding="utf-8")
    return path


def write_rows(folder: Path, rows: list[Any]) -> str:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return "rows.jsonl"


def assert_clear(done: Done, *codes: int) -> None:
    """Assert that a command ended in one line on stderr: where, what, then what follows or what to do next."""
    assert done.code in codes, done.out + done.err
    assert re.fullmatch(r"error: \S.*: .+[.;] .+\.\n", done.err), done.err
    assert "  " not in done.err and "Traceback" not in done.err + done.out


def assert_no_version(folder: Path) -> None:
    assert not list((folder / ".tilth").glob("versions/*"))
    assert not list((folder / ".tilth").glob("reports/*"))


@pytest.mark.parametrize("name", NOTHING)
def test_a_file_without_a_row_publishes_nothing(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(NOTHING[name])
    done = run("curate", write_recipe(tmp_path, name))
    assert_clear(done, 1)
    assert re.search(r"no row is left(?: \(\d+ not read: \w+, first .*\))?\. Nothing was published", done.err)
    assert_no_version(tmp_path)
    looked = run("validate", name, "--json")
    assert (looked.code, looked.json["passed"], looked.json["rows"]) == (3, False, 0)
    assert "0 distinct rows" in run("validate", name).out
    assert_clear(run("tilth", "doctor", name), 1)


@pytest.mark.parametrize("name", NO_FILE_OR_SHAPE)
def test_a_source_that_names_nothing_readable_is_refused(run: Run, tmp_path: Path, name: str) -> None:
    data = NO_FILE_OR_SHAPE[name]
    if data is not None:
        (tmp_path / name).write_bytes(data)
    assert_clear(run("curate", write_recipe(tmp_path, name)), 1, 2)
    assert_no_version(tmp_path)
    judged = run("validate", name)
    if judged.code == 3:  # a file of its format that cannot be read: it has no row, and says why
        assert "0 distinct rows" in judged.out and "unread_bytes" in judged.out
    else:
        assert_clear(judged, 1, 2)
    assert_clear(run("tilth", "doctor", name), 1, 2)


def test_when_every_row_is_dropped_the_version_before_stands(run: Run, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, write_rows(tmp_path, [question(n) for n in range(20)]))
    before = run("curate", recipe, "--json").json["id"]
    empty = [{**question(n), "messages": [{"role": "user", "content": f"{n}?"}]} for n in range(20)]
    for rows in ([{"prompt": f"who is {n}?", "response": " "} for n in range(20)], empty):
        write_rows(tmp_path, rows)
        done = run("curate", recipe)
        assert_clear(done, 1, 2)
        assert [entry["id"] for entry in run("tilth", "log", "--json").json] == [before]
        assert Store.open(tmp_path / ".tilth").version_ids() == [before]
    assert_clear(run("curate", recipe, "--dry-run"), 1, 2)


@pytest.mark.parametrize("copies", [1, COPIES])
def test_one_row_and_its_copies_are_a_version_of_one(run: Run, tmp_path: Path, copies: int) -> None:
    recipe = write_recipe(tmp_path, write_rows(tmp_path, [question(1)] * copies))
    done = run("curate", recipe, "--json")
    counts = done.json["counts"]
    assert (done.code, counts["lines"], counts["kept"], counts["dropped"]) == (0, copies, 1, copies - 1)
    assert "NOT ENOUGH EVIDENCE" in run("curate", recipe).out
    assert run("tilth", "doctor", "rows.jsonl").code == 0
    assert run("tilth", "verify").code == 0


def test_one_class_only_is_one_slice(run: Run, tmp_path: Path) -> None:
    rows = [{**question(n), "topic": "repairs", "note": None} for n in range(60)]
    recipe = write_recipe(tmp_path, write_rows(tmp_path, rows), "curation: {slice_by: [topic]}\n")
    done = run("curate", recipe, "--json", "--set", "curation.balance.target.topic.repairs=1.0")
    assert (done.code, done.json["counts"]["kept"]) == (0, 60)
    version = Store.open(tmp_path / ".tilth").version(done.json["id"])
    assert set(version.decisions()["slice"]) == {"repairs"}
    refused = run("curate", recipe, "--set", "curation.slice_by=[note]")  # a column of nulls
    assert_clear(refused, 2)
    assert "'note'" in refused.err


def test_an_empty_evaluation_file_is_named(run: Run, tmp_path: Path) -> None:
    source = write_rows(tmp_path, [question(n) for n in range(20)])
    for name, data in {"empty.jsonl": "", "blank.jsonl": "\n\n"}.items():
        (tmp_path / name).write_text(data)
        done = run("curate", write_recipe(tmp_path, source, f"curation: {{decontaminate: [{name}]}}\n"))
        assert_clear(done, 1)
        assert name in done.err and "holds no item" in done.err
    done = run("curate", write_recipe(tmp_path, source, 'curation: {decontaminate: ["none*.jsonl"]}\n'))
    assert_clear(done, 2)
    assert_no_version(tmp_path)


def test_training_on_nothing_is_refused(run: Run, tmp_path: Path) -> None:
    tiny.save_base(tmp_path / "base")
    (tmp_path / "tasks.jsonl").write_text(json.dumps({"prompt": "1 plus 2?", "response": "3"}))
    sections = (
        "training: {base: base, max_steps: 1}\nevaluation: {tasks: [{path: tasks.jsonl, metric: exact}]}\n"
    )
    recipe = write_recipe(tmp_path, write_rows(tmp_path, [question(1)]), sections)
    assert run("curate", recipe).code == 0
    withheld = run("train", recipe)  # the only row is withheld as a twin
    assert_clear(withheld, 1)
    assert "no row to train on" in withheld.err
    write_rows(tmp_path, [question(n) for n in range(40)])
    assert run("curate", recipe).code == 0
    (tmp_path / "tasks.jsonl").write_text("\n")
    done = run("train", recipe, "--version", "desk.candidate")
    assert_clear(done, 1)
    assert "holds no items" in done.err
    assert not list((tmp_path / ".tilth").glob("runs/*/run.json"))
    assert not list((tmp_path / ".tilth").glob("feedback/*"))
