"""Task files are read within bounds, and what is wrong with them is said with file and line."""

from __future__ import annotations

import json

import pytest

from tilth.shards.errors import SourceError
from tilth.training.evaluation import tasks
from tilth.training.recipe import Task


def write(folder, *lines):
    path = folder / "task.jsonl"
    path.write_bytes(b"".join((x if isinstance(x, bytes) else json.dumps(x).encode()) + b"\n" for x in lines))
    return Task(path="task.jsonl", metric="exact")


def chat(*turns):
    return {"messages": [{"role": role, "content": text} for role, text in turns]}


def test_conversations_and_pairs_give_the_same_item(tmp_path):
    task = write(
        tmp_path,
        chat(("user", "2 + 2?"), ("assistant", "4")),
        {"prompt": "2 + 2?", "response": "4"},
        b"",
        {"instruction": "Add.", "input": "2 2", "output": "4"},
    )
    first, second, third = tasks.read(task, tmp_path)
    assert (first.messages, first.reference) == (second.messages, second.reference)
    assert third.messages[0]["content"] == "Add.\n\n2 2"
    assert third.line == 4


def test_tool_calls_become_the_reference(tmp_path):
    call = {"id": "c", "type": "function", "function": {"name": "book", "arguments": '{"day": "Monday"}'}}
    answer = {"role": "assistant", "content": None, "tool_calls": [call]}
    row = {"messages": [{"role": "user", "content": "Book."}, answer], "tools": [{"type": "function"}]}
    (item,) = tasks.read(write(tmp_path, row), tmp_path)
    assert json.loads(item.reference) == [{"name": "book", "arguments": {"day": "Monday"}}]
    assert item.tools == [{"type": "function"}]


def test_only_as_many_rows_as_asked_are_read(tmp_path):
    write(tmp_path, *[{"prompt": str(i), "response": "x"} for i in range(5)], b"not json")
    assert len(tasks.read(Task(path="task.jsonl", metric="exact", max_rows=5), tmp_path)) == 5


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 50_000, "not valid JSON"),
        (b"[]", "not a JSON object"),
        ({"a": 1}, "neither shape"),
        (chat(("user", "secret words")), "not an assistant turn"),
        ({"messages": ["secret words"]}, "no role"),
        ({"prompt": "x", "response": "y", "tools": "{"}, "`tools`"),
        (
            {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": ["?"]}]},
            "tool call",
        ),
        (b'{"prompt": "' + b"x" * tasks.MAX_LINE_BYTES + b'"}', "longer than"),
    ],
)
def test_what_is_wrong_is_named_without_the_text(tmp_path, line, says):
    with pytest.raises(SourceError, match=r"task\.jsonl:2") as caught:
        tasks.read(write(tmp_path, {"prompt": "x", "response": "y"}, line), tmp_path)
    assert says in caught.value.message()
    assert "secret" not in caught.value.message()


def test_a_bad_pattern_and_a_missing_file(tmp_path):
    write(tmp_path, {"prompt": "x", "response": "("})
    with pytest.raises(SourceError, match="regular expression"):
        tasks.read(Task(path="task.jsonl", metric="regex"), tmp_path)
    with pytest.raises(SourceError, match="cannot be read"):
        tasks.read(Task(path="none.jsonl", metric="exact"), tmp_path)
    (tmp_path / "empty.jsonl").write_bytes(b"\n\n")
    with pytest.raises(SourceError, match="no items"):
        tasks.read(Task(path="empty.jsonl", metric="exact"), tmp_path)
