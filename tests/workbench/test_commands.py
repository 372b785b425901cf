"""The commands as a user types them: what they print, what they leave, how they refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.workbench.conftest import COMMANDS, Done, content_of, question

Run = Callable[..., Done]


def test_curate_accounts_for_every_line_and_publishes_once(run: Run, recipe: Path) -> None:
    first = run("curate", recipe, "--json")
    assert first.code == 0, first.err
    counts = first.json["counts"]
    assert (counts["lines"], counts["kept"], counts["dropped"], counts["quarantined"]) == (123, 120, 2, 1)
    assert first.json["published"] is True
    assert Path(first.json["page"]).is_file()
    second = run("curate", recipe, "--json").json
    assert (second["published"], second["id"]) == (False, first.json["id"])
    shown = run("curate", recipe)
    assert "123 lines in = 120 kept + 2 dropped + 1 quarantined (0 unaccounted for)" in shown.out


def test_same_rows_in_another_order_and_layout_are_the_same_content(
    run: Run, recipe: Path, tmp_path: Path
) -> None:
    before = run("curate", recipe, "--json").json
    lines = (tmp_path / "rows.jsonl").read_text().splitlines()
    (tmp_path / "rows.jsonl").write_text("\r\n".join(reversed(lines)) + "\n")
    after = run("curate", recipe, "--json", "--store", tmp_path / "other").json
    assert after["content_id"] == before["content_id"]
    assert after["id"] != before["id"]  # another source file


def test_dry_run_leaves_the_store_as_it_was(run: Run, recipe: Path, tmp_path: Path) -> None:
    run("curate", recipe)
    before = content_of(tmp_path / ".tilth")
    (tmp_path / "rows.jsonl").write_text(json.dumps(question(900)) + "\n")
    done = run("curate", recipe, "--dry-run", "--json").json
    assert (done["published"], done["counts"]["kept"], done["page"]) == (False, 1, None)
    assert content_of(tmp_path / ".tilth") == before


def test_failed_check_exits_3_and_keeps_the_candidate_for_inspection(run: Run, recipe: Path) -> None:
    done = run("curate", recipe, "--set", "checks.min_rows=1000", "--json")
    assert done.code == 3
    assert done.json["checks"]["min_rows"] is False
    assert run("tilth", "log", "--json").json[0]["refs"] == ["desk.candidate"]


def test_looking_into_a_store(run: Run, recipe: Path, tmp_path: Path) -> None:
    old = run("curate", recipe, "--json").json["id"]
    with (tmp_path / "rows.jsonl").open("a") as rows:
        rows.write(json.dumps(question(901)) + "\n")
    new = run("curate", recipe, "--json").json["id"]
    assert [entry["id"] for entry in run("tilth", "log", "--json").json] == [new, old]
    changes = run("tilth", "diff", old, new, "--json").json["rows"]
    assert [change["change"] for change in changes] == ["added"]
    assert "1 added" in run("tilth", "diff", old[:8], new[:8]).out
    copy = run("tilth", "explain", "rows.jsonl:121").out
    assert "rows.jsonl:4, rows.jsonl:121" in copy
    assert "invalid_json" in run("tilth", "explain", "rows.jsonl:123").out
    assert "empty" in run("tilth", "explain", "rows.jsonl:122").out
    assert run("tilth", "show", new, "--json").json["counts"]["kept"] == 121
    shown = run("tilth", "show", new).out
    assert "feedback         –" in shown and "split feedback   " in shown
    assert run("tilth", "verify").code == 0
    assert "every byte" in run("validate", recipe).out
    assert run("tilth", "rollback", "desk").out.startswith(f"desk is {old[:12]} again")
    assert run("tilth", "log", "--json").json[1]["refs"] == ["desk.candidate"]
    assert run("tilth", "gc", "--dry-run").code == 0
    assert (Path(run("tilth", "export", old, "out").out.splitlines()[0]) / "data").is_dir()


def test_verify_names_a_damaged_object(run: Run, recipe: Path, tmp_path: Path) -> None:
    run("curate", recipe)
    victim = max((tmp_path / ".tilth" / "objects").rglob("*.parquet"), key=lambda p: p.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.chmod(0o644)
    victim.write_bytes(data)
    done = run("tilth", "verify")
    assert done.code == 1
    assert victim.stem[:12] in done.err
    assert run("validate", recipe).code == 1


def test_train_refuses_a_recipe_or_source_edited_since_curate(run: Run, recipe: Path, tmp_path: Path) -> None:
    with recipe.open("a") as text:
        text.write("training: {base: nowhere}\n")
    missing = run("train", recipe)
    assert (missing.code, "curate recipe.yaml" in missing.err) == (2, True)
    run("curate", recipe)
    edited = run("train", recipe, "--set", "curation.dedup.near_jaccard=0.7")
    assert edited.code == 2
    assert "curation section of the recipe changed" in edited.err
    with (tmp_path / "rows.jsonl").open("a") as rows:
        rows.write(json.dumps(question(902)) + "\n")
    grown = run("train", recipe)
    assert (grown.code, "a source file changed" in grown.err) == (2, True)


def test_bad_input_is_one_message_with_the_documented_code(run: Run, recipe: Path, tmp_path: Path) -> None:
    gone = run("curate", tmp_path / "none.yaml")
    assert (gone.code, gone.err.count("\n")) == (2, 1)
    (tmp_path / "empty.jsonl").write_text("")
    recipe.write_text("name: desk\nsources: [{path: empty.jsonl}]\n")
    empty = run("curate", recipe)
    assert (empty.code, empty.err.count("\n"), "no row is left" in empty.err) == (1, 1, True)
    (tmp_path / "odd.jsonl").write_text('{"a": 1, "b": 2}\n')
    recipe.write_text("name: desk\nsources: [{path: odd.jsonl}]\n")
    odd = run("curate", recipe)
    assert (odd.code, "map:" in odd.err) == (2, True)
    recipe.write_text("name: desk\nsources: [{path: missing.jsonl}]\n")
    assert run("curate", recipe).code == 2
    assert run("tilth", "log").code in (1, 2)


def test_a_store_from_a_newer_format_is_not_touched(run: Run, recipe: Path, tmp_path: Path) -> None:
    run("curate", recipe)
    (tmp_path / ".tilth" / "format").write_text("99\n")
    before = content_of(tmp_path / ".tilth")
    done = run("curate", recipe)
    assert (done.code, "Upgrade Tilth" in done.err) == (1, True)
    assert content_of(tmp_path / ".tilth") == before


def test_an_executor_that_is_not_installed_is_named_with_its_extra(run: Run, recipe: Path) -> None:
    assert run("curate", recipe, "--set", "curation.executor=cluster").code == 2
    if find_spec("ray") is None:
        absent = run("curate", recipe, "--set", "curation.executor=ray")
        assert (absent.code, "tilth[ray]" in absent.err) == (2, True)


def test_validate_reads_a_data_file(run: Run, recipe: Path, tmp_path: Path) -> None:
    done = run("validate", tmp_path / "rows.jsonl", "--json")
    assert done.code == 3
    assert done.json["lines"] == 123
    assert done.json["first_bad_lines"] == [{"line": 123, "reader_reason": "invalid_json"}]


def test_init_writes_a_recipe_that_curates(run: Run, recipe: Path, tmp_path: Path) -> None:
    made = run("tilth", "init", "rows.jsonl", "--base", "nowhere", "--out", "mine.yaml")
    assert made.code == 0, made.err
    assert "correct training.base before you train" in made.out
    assert "chat" in made.out
    assert run("curate", "mine.yaml", "--json").json["counts"]["kept"] == 120
    assert run("tilth", "init", "rows.jsonl", "--base", "x", "--out", "mine.yaml").code == 2


def test_a_version_that_is_not_there_is_the_users_mistake(run: Run, recipe: Path) -> None:
    run("curate", recipe)
    for words in (("show", "nowhere"), ("verify", "nowhere"), ("rollback", "nowhere"), ("diff", "a", "b")):
        assert run("tilth", *words).code == 2


def test_tilth_says_its_version(run: Run) -> None:
    said = run("tilth", "--version")
    assert (said.code, said.out) == (0, f"tilth {version('tilth')}\n")


def test_init_takes_the_files_that_a_shell_makes_of_a_glob(run: Run, recipe: Path, tmp_path: Path) -> None:
    rows = (tmp_path / "rows.jsonl").read_text()
    (tmp_path / "desk").mkdir()
    for name in ("a", "b"):
        (tmp_path / "desk" / f"{name}.jsonl").write_text(rows)
    made = run("tilth", "init", "desk/a.jsonl", "desk/b.jsonl", "--base", "nowhere", "--out", "mine.yaml")
    assert made.code == 0, made.err
    written = (tmp_path / "mine.yaml").read_text()
    assert "name: desk\n" in written
    assert "- path: desk/a.jsonl   # chat (messages: messages)\n" in written
    assert run("curate", "mine.yaml", "--json").json["counts"]["lines"] == 2 * 123


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_knows_the_short_way_to_its_help(run: Run, command: str) -> None:
    done = run(command, "-h")
    assert done.code == 0 and "Usage:" in done.out
    assert "..." not in done.out.partition("Commands:")[2]  # the list of commands shows whole sentences


def test_refresh_knows_when_it_is_due(run: Run, recipe: Path) -> None:
    with recipe.open("a") as text:
        text.write('refresh: {schedule: "0 3 * * *"}\n')
    assert run("refresh", "status", recipe, "--json").json["next_due"] == "now"
    assert run("refresh", "run", recipe, "--dry-run", "--json").json["state"] == "would run"
    done = run("refresh", "run", recipe, "--if-due", "--json")
    assert (done.code, done.json["state"]) == (0, "done")
    assert run("refresh", "run", recipe, "--if-due", "--json").json["state"] == "not due"
    assert run("refresh", "run", recipe, "--json").json["state"] == "no news"
    status = run("refresh", "status", recipe, "--json").json
    assert (status["served"], status["last_state"]) == (status["candidate"], "no news")
    assert "--if-due" in run("refresh", "emit", "cron", recipe).out
    unit = run("refresh", "emit", "systemd", recipe).out
    assert "OnCalendar=" in unit
    assert "SuccessExitStatus=75" in unit


def test_a_bad_day_and_a_shrunken_source_are_not_served(run: Run, recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace("rows.jsonl", "r*.jsonl"))
    assert run("refresh", "run", recipe, "--json").json["state"] == "done"
    served = run("refresh", "status", recipe, "--json").json["served"]
    day = recipe.parent / "r2.jsonl"
    day.write_text("\n".join([*(json.dumps(question(900 + n)) for n in range(8)), *['{"a": '] * 32]))
    bad = run("refresh", "run", recipe, "--set", "checks.max_quarantine_rate=0.3")
    assert bad.code == 3 and "of the 40 lines that are new" in bad.out
    day.unlink()
    rows = recipe.parent / "rows.jsonl"
    rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:40]))
    small = run("refresh", "run", recipe)
    assert small.code == 3 and "max_source_shrink" in small.out
    assert run("refresh", "run", recipe).code == 3  # again, until somebody says so
    assert run("refresh", "status", recipe, "--json").json["served"] == served
    assert run("refresh", "run", recipe, "--set", "checks.max_source_shrink=null").code == 0
    assert run("refresh", "status", recipe, "--json").json["served"] != served
    assert run("refresh", "run", recipe).code == 0


def test_a_candidate_that_was_never_promoted_is_served_by_the_next_refresh(run: Run, recipe: Path) -> None:
    candidate = run("curate", recipe, "--json").json["id"]
    done = run("refresh", "run", recipe, "--json").json
    assert (done["state"], done["version"]) == ("done", candidate)
    status = run("refresh", "status", recipe, "--json").json
    assert status["served"] == status["candidate"] == candidate[:12]
    assert run("refresh", "run", recipe, "--json").json["state"] == "no news"


def test_a_corrected_bound_of_a_check_is_news(run: Run, recipe: Path) -> None:
    failed = run("curate", recipe, "--json", "--set", "checks.min_rows=1000000")
    assert failed.code == 3
    corrected = run("curate", recipe, "--json")
    assert corrected.code == 0
    assert corrected.json["published"]
    assert corrected.json["content_id"] == failed.json["content_id"]
    assert not run("curate", recipe, "--json").json["published"]


def test_after_gc_of_all_but_one_version_the_loop_goes_on(run: Run, recipe: Path) -> None:
    run("curate", recipe)
    run("curate", recipe, "--set", "curation.length={max_chars: 500}")
    run("curate", recipe, "--set", "curation.length={max_chars: 600}")
    assert run("tilth", "gc", "--keep", 1).code == 0
    assert run("curate", recipe, "--set", "curation.length={max_chars: 700}").code == 0
    assert run("refresh", "run", recipe, "--json").json["state"] == "done"
    assert run("tilth", "log", "--json").code == 0
    assert run("tilth", "verify", "desk.candidate").code == 0


def test_schedules_quote_what_cron_and_systemd_would_read_otherwise(run: Run, recipe: Path) -> None:
    odd = recipe.with_name('a "b" %d $HOME.yaml')
    odd.write_text(recipe.read_text() + 'refresh: {schedule: "0 3 * * *"}\n')
    line = run("refresh", "emit", "cron", odd).out
    assert re.search(r"(?<!\\)%", line) is None
    unit = run("refresh", "emit", "systemd", odd).out
    command = unit.partition("ExecStart=")[2].partition("\n")[0]
    assert re.findall(r'"((?:[^"\\]|\\.)*)"', command)[2].endswith(r"a \"b\" %%d $$HOME.yaml")
    broken = recipe.with_name("a\nb.yaml")
    broken.write_text(odd.read_text())
    assert run("refresh", "emit", "cron", broken).code == 2


def test_what_rules_noticed_of_rows_that_stay_is_on_the_screen(run: Run, recipe: Path) -> None:
    unanswered = question(600)
    unanswered["messages"][1]["content"] = "N/A"
    rows = recipe.parent / "rows.jsonl"
    rows.write_text(json.dumps(unanswered) + "\n" + rows.read_text(encoding="utf-8"), encoding="utf-8")
    assert "tagged and kept: placeholder_answer 1" in run("curate", recipe).out
