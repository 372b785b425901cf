"""A version in the words of other tools: every kept row is written or counted, and what was judged there comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.validators.sample_store import publish
from tilth.shards.errors import UsageError
from tilth.shards.judgement import Act
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.workbench.commands.export import NAMES
from tilth.workbench.running.hand_over import FORMATS, chats, hand_over, openai, sharegpt
from tilth.workbench.running.review import take_in


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    return publish(tmp_path_factory.mktemp("store") / "store", [f"Where is parcel {n}?" for n in range(80)])


def turn(role: str, text: str | None = "", **more: Any) -> dict[str, Any]:
    none = dict.fromkeys(("reasoning", "tool_calls", "tool_call_id", "name", "learned"))
    return {"role": role, "text": text, **none, **more}


CALLS = '[{"id":"c1","name":"find","arguments":{"id":7}}]'
TOOLED = {
    "shape": "chat", "tools": '[{"type":"function","function":{"name":"find"}}]',
    "turns": [turn("developer", "Be short."), turn("user", "Where?"), turn("assistant", None, tool_calls=CALLS),
              turn("tool", "there", tool_call_id="c1"), turn("assistant", "There.", learned=False)],
}  # fmt: skip
PAIR = {"shape": "preference", "tools": None,
        "turns": [turn("user", "Hi"), turn("chosen", "Hello."), turn("rejected", "No.")]}  # fmt: skip


def test_the_command_knows_every_format() -> None:
    assert set(NAMES) == set(FORMATS)


@pytest.mark.parametrize("name", NAMES)
def test_every_kept_row_is_written_or_counted(name: str, version: Version, tmp_path: Path) -> None:
    facts = hand_over(version, name, tmp_path / "out")
    counts = version.manifest.counts
    wanted = {"train": counts["train"], "validation": counts["feedback"], "promotion": counts["promotion"],
              "test": counts["final"]}  # fmt: skip
    assert facts["rows"] == {split: n for split, n in wanted.items() if n}
    for split, rows in facts["rows"].items():
        suffix = "json" if FORMATS[name].is_array else "jsonl"
        text = (tmp_path / "out" / f"{split}.{suffix}").read_text()
        lines = (
            json.loads(text) if FORMATS[name].is_array else [json.loads(line) for line in text.splitlines()]
        )
        assert len(lines) == rows
    with pytest.raises(UsageError):
        hand_over(version, name, tmp_path / "out")


def test_calls_weights_and_pairs_are_as_the_tools_have_them() -> None:
    said = openai(TOOLED)
    assert said is not None
    roles = [message["role"] for message in said["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "assistant"]
    call = said["messages"][2]["tool_calls"][0]
    assert call == {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"id": 7}'}}
    assert said["messages"][4]["weight"] == 0 and said["tools"][0]["function"]["name"] == "find"
    told = sharegpt(TOOLED)
    assert told is not None
    assert [m["role"] for m in told["messages"]] == [
        "system",
        "user",
        "function_call",
        "observation",
        "assistant",
    ]
    assert json.loads(told["messages"][2]["content"]) == [{"name": "find", "arguments": {"id": 7}}]
    pair = chats(PAIR)
    assert pair is not None and pair["chosen"][0]["content"] == "Hello." and sharegpt(PAIR) is None
    document = {"shape": "document", "tools": None, "turns": [turn("document", "A page.")]}
    assert chats(document) == {"text": "A page."} and openai(document) is None


def test_configurations_name_the_files_beside_them(version: Version, tmp_path: Path) -> None:
    from ruamel.yaml import YAML

    hand_over(version, "llamafactory", tmp_path / "lf")
    for known in json.loads((tmp_path / "lf" / "dataset_info.json").read_bytes()).values():
        assert (tmp_path / "lf" / known["file_name"]).is_file() and known["formatting"] == "sharegpt"
    hand_over(version, "axolotl", tmp_path / "ax")
    settings = YAML(typ="safe").load((tmp_path / "ax" / "axolotl.yml").read_text())
    assert settings["datasets"][0]["type"] == "chat_template"
    assert (tmp_path / "ax" / settings["datasets"][0]["path"]).is_file()


def test_what_was_judged_elsewhere_comes_back_once(version: Version, tmp_path: Path) -> None:
    hand_over(version, "label-studio", tmp_path / "ls")
    tasks = json.loads((tmp_path / "ls" / "train.json").read_bytes())[:3]
    for number, task in enumerate(tasks[:2]):
        choice = [
            {"value": {"choices": [["drop", "keep"][number]]}, "from_name": "verdict", "type": "choices"}
        ]
        task["annotations"] = [{"id": number, "completed_by": {"email": "bob@example.org"}, "result": choice,
                                "created_at": "2026-01-02T03:04:05.678Z"}]  # fmt: skip
    tasks[2]["annotations"] = []
    (tmp_path / "done.json").write_text(json.dumps(tasks))
    store = Store(version.objects.folder.parent)
    assert take_in(store, "demo", tmp_path / "done.json")["new"] == 2
    assert take_in(store, "demo", tmp_path / "done.json")["new"] == 0
    words = store.judgement_log.read("demo").judgements
    assert [one.act for one in words] == [Act.DROP, Act.KEEP] and words[
        0
    ].by == "label-studio bob@example.org"
    hand_over(version, "argilla", tmp_path / "ar")
    record = json.loads((tmp_path / "ar" / "train.jsonl").read_text().splitlines()[4])
    record["responses"] = {"verdict": [{"value": "drop", "user_id": "u1", "status": "submitted"}]}
    (tmp_path / "ar.json").write_text(json.dumps([record]))
    assert take_in(store, "demo", tmp_path / "ar.json")["new"] == 1
    for wrong in (
        [1],
        [{"annotations": [{"result": [{"value": {"choices": ["burn"]}}]}], "data": {}}],
        [{"x": 1}],
    ):
        (tmp_path / "wrong.json").write_text(json.dumps(wrong))
        with pytest.raises(UsageError):
            take_in(store, "demo", tmp_path / "wrong.json")
