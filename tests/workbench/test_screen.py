"""What is printed cannot steer a terminal, and names are printed as they are written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.table import Table
from rich.text import Text

from tilth.workbench import session
from tilth.workbench.commands.tilth import main
from tilth.workbench.screen import Screen, one_line, shown

HOSTILE = "[/b] [red]x \x1b[31m\x9b2J\u202e"
ODD_FOLDER = "[ [/x] [bold]y"


@pytest.mark.parametrize("kind", [str, Text, "table"])
def test_no_control_character_reaches_the_terminal(kind: object, capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(highlight=False, width=80)
    table = Table(shown(HOSTILE))
    table.add_row(Text(HOSTILE))
    screen.print(shown(HOSTILE) if kind is str else Text(HOSTILE) if kind is Text else table)
    said = capsys.readouterr().out
    assert "[/b] [red]x" in said
    assert not set("\x1b\x9b\u202e") & set(said)


def test_styles_still_reach_it() -> None:
    screen = Screen(force_terminal=True, color_system="standard")
    with screen.capture() as said:
        screen.print("[bold]a[/]")
    assert "\x1b[1m" in said.get()


def test_json_means_the_same_and_steers_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    session.print_json({"x": HOSTILE})
    said = capsys.readouterr().out
    assert json.loads(said) == {"x": HOSTILE}
    assert not set("\x1b\x9b\u202e") & set(said)


def test_a_name_with_line_ends_stays_on_its_line() -> None:
    assert one_line("a\nnext: rm") == '"a\\nnext: rm"'
    assert one_line("a b.jsonl") == "a b.jsonl"


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run commands in a folder whose name is half a tag, on a file whose name steers a terminal."""
    folder = tmp_path / ODD_FOLDER
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    rows = [
        {"prompt": f"Where is parcel {n}?", "response": f"Parcel {n} comes on day {n}."} for n in range(30)
    ]
    rows += [
        {"prompt": "Say x", "response": "Say x"},
        {"prompt": "[/x] \x1b[31m", "response": "[/y] \x1b[32m"},
    ]
    steps = " ".join(f"Turn screw {n} by {n * 7 % 11} turns and oil it." for n in range(40))
    rows += [
        {"prompt": "How is the hinge oiled?", "response": steps + end} for end in ("", " Then wait a day.")
    ]
    Path("[z] \x1b[31m\nq.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "{\n")

    def run(*words: str) -> str:
        done = CliRunner().invoke(main, list(words))
        assert done.exception is None or isinstance(done.exception, SystemExit), (words, done.exception)
        assert not set("\x1b\x9b\u202e") & set(done.output), words
        return done.output

    return run


def test_commands_work_in_odd_folders_on_odd_files(odd: Callable[..., str]) -> None:
    data = str(next(Path().glob("*.jsonl")))
    said = odd("init", data)
    assert "wrote recipe.yaml" in said
    said = odd("curate", "recipe.yaml", "--store", str(Path(".tilth").absolute()))
    assert f"{ODD_FOLDER}/.tilth/reports" in said
    assert "35 lines in" in said
    odd("curate", "recipe.yaml", "--what-if", "dedup.near_jaccard=0.6")
    odd("validate", data)
    version = odd("log", "--json")
    short = json.loads(version)[0]["id"][:12]
    name = json.loads(version)[0]["refs"][0]
    for words in (["show", short], ["log"], ["runs"], ["index"], ["rows", "--quarantined"], ["verify"],
                  ["rows", "--rule", "dedup"], ["diff", short, short], ["gc"], ["stages"],
                  ["promote", name]):  # fmt: skip
        odd(*words)
    row = odd("rows", "--rule", "near_duplicate", "--json")
    said = odd("explain", json.loads(row.splitlines()[0])["row_id"])
    assert "[z]" in said
    assert "\nq.jsonl" not in said
