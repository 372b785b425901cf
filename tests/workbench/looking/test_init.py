"""`tilth init` writes names as data, leaves nothing half done, and names a next step that leads somewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from tilth.workbench.commands.tilth import main
from tilth.workbench.looking.init import scalar

ROW = {"prompt": "Where is my parcel?", "response": "It will be with you on Monday."}


def init(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["init", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


@pytest.mark.parametrize(
    "text",
    ["a.jsonl", "2024", "true", "null", "1e5", "0x1f", "a: b", "a #b", "x\n  - path: /etc/hostname", "- a", "~",
     "\u2028\x85\ufeff", "parcels 📦.jsonl", "\x1b[31m", "*x", "&a", "!t", "@a", "%a", "", "a:", "'", '"', "日本.csv"],
)  # fmt: skip
def test_a_name_is_one_scalar_on_one_line(text: str) -> None:
    written = f"- path: {scalar(text)}   # more\n"
    assert len(written.splitlines()) == 1
    assert YAML(typ="safe", pure=True).load(written) == [{"path": text}]


def test_a_column_with_line_ends_writes_no_key(tmp_path: Path) -> None:
    key = "a\n  - path: /etc/hostname\nlimits: {max_line_bytes: 9}\ninjected: 1 #"
    data = tmp_path / "x\n  - path: y #.jsonl"
    data.write_text(json.dumps({key: "v", "q": "w"}))
    out = tmp_path / "recipe.yaml"
    assert init(str(data), "--out", str(out))[0] == 0
    written = YAML(typ="safe", pure=True).load(out.read_text())
    assert [source["path"] for source in written["sources"]] == [data.name]
    assert not {"limits", "injected"} & written.keys()


def test_without_a_base_the_recipe_curates_and_says_how_to_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILTH_BASES", str(tmp_path / "bases"))
    data, out = tmp_path / "2024.jsonl", tmp_path / "recipe.yaml"
    data.write_text("".join(json.dumps({**ROW, "prompt": f"Parcel {n}?"}) + "\n" for n in range(3)))
    code, said = init(str(data), "--out", str(out))
    assert code == 0
    assert f"next: curate {out}\n" in said
    assert "to train: name a base" in said
    assert "tilth base smollm2-135m brings one (93 MB, Apache-2.0)" in " ".join(said.split())
    from tilth.workbench.recipes.recipe_file import load

    recipe = load(out, ())
    assert recipe.name == "2024"
    assert recipe.training is None
    lines = out.read_text().splitlines()
    start = lines.index("# training:")
    lines[start : start + 2] = [line.removeprefix("# ") for line in lines[start : start + 2]]
    out.write_text("\n".join(lines))
    assert load(out, ()).require_training().base == "smollm2-135m"
    (tmp_path / "bases" / "smollm2-135m").mkdir(parents=True)
    assert "on this machine already" in " ".join(
        init(str(data), "--out", str(tmp_path / "other.yaml"))[1].split()
    )


def test_a_map_to_be_filled_in_comes_before_curate(tmp_path: Path) -> None:
    data, out = tmp_path / "t.csv", tmp_path / "recipe.yaml"
    data.write_text("No,Customer wrote,Agent: reply,State\n1,Where is my parcel?,On its way to you.,open\n")
    said = init(str(data), "--out", str(out))[1]
    assert 'map: {prompt: Customer wrote, response: "Agent: reply"}' in said
    assert f"next: fill in the map of t.csv in {out}, then: curate {out}" in said


@pytest.mark.parametrize("text", ["", "[]", "{}\n", "\n\n"])
def test_what_holds_no_row_is_refused_and_nothing_is_written(tmp_path: Path, text: str) -> None:
    data = tmp_path / "x.jsonl"
    data.write_text(text)
    code, said = init(str(data), "--out", str(tmp_path / "recipe.yaml"))
    assert code == 2
    assert "validate" in said
    assert [path.name for path in tmp_path.iterdir()] == ["x.jsonl"]


def test_an_interrupted_init_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "x.jsonl"
    data.write_text(json.dumps(ROW) + "\n")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tilth.workbench.looking.init.write_file", interrupted)
    assert init(str(data), "--out", str(tmp_path / "recipe.yaml"))[0] == 130
    assert [path.name for path in tmp_path.iterdir()] == ["x.jsonl"]


def test_null_contents_are_looked_at(tmp_path: Path) -> None:
    data = tmp_path / "x.jsonl"
    row = {"messages": [{"role": "user", "content": None}, {"role": "assistant", "content": None}]}
    data.write_text(json.dumps(row) + "\n")
    assert init(str(data), "--out", str(tmp_path / "recipe.yaml"))[0] == 0
