"""A version in the words of another tool: what its trainer or labelling room reads, and which rows it cannot take.

Each format is one function of a kept row to what stands on a line, None for a row that the tool has no place for; such
rows are counted. What else a tool wants beside the rows (a configuration, a list of files) is written with them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tilth.shards.atomic import write_pieces
from tilth.shards.errors import UsageError
from tilth.shards.export import SPLITS
from tilth.shards.tables import Role, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tilth.shards.version import Version

Row = dict[str, Any]
OPENAI_ROLES = {Role.DEVELOPER.value: "system"}
SHAREGPT_ROLES = {Role.DEVELOPER.value: "system", Role.TOOL.value: "observation"}
VERDICTS = ("keep", "drop")


@dataclass(frozen=True)
class Format:
    """How rows are written for a tool. beside: of the splits that have rows, the files it wants with them."""

    tool: str
    line: Callable[[Row], Row | None]
    beside: Callable[[list[str]], dict[str, str]] = lambda splits: {}
    is_array: bool = False  # one JSON array a file, not a line a row


def openai(row: Row) -> Row | None:
    """OpenAI: messages with calls, weight 0 for an answer that is only read; pairs as their DPO has them."""
    if row["shape"] == Shape.DOCUMENT.value:
        return None
    if row["shape"] == Shape.PREFERENCE.value:
        *prompt, chosen, rejected = row["turns"]
        return {
            "input": {"messages": [_message(turn) for turn in prompt]},
            "preferred_output": [{"role": "assistant", "content": chosen["text"]}],
            "non_preferred_output": [{"role": "assistant", "content": rejected["text"]}],
        }
    tools = {"tools": json.loads(row["tools"])} if row["tools"] else {}
    return {"messages": [_message(turn) for turn in row["turns"]], **tools}


def chats(row: Row) -> Row | None:
    """TRL and axolotl: conversational rows; a pair is prompt, chosen, rejected; a document is its text."""
    if row["shape"] == Shape.DOCUMENT.value:
        return {"text": row["turns"][0]["text"]}
    if row["shape"] == Shape.PREFERENCE.value:
        *prompt, chosen, rejected = row["turns"]
        sides = {
            name: [{"role": "assistant", "content": side["text"]}]
            for name, side in (("chosen", chosen), ("rejected", rejected))
        }
        return {"prompt": [_message(turn) for turn in prompt], **sides}
    return openai(row)


def conversations(row: Row) -> Row | None:
    """axolotl's chat_template takes conversations alone."""
    return chats(row) if row["shape"] in (Shape.CHAT.value, Shape.INSTRUCTION.value) else None


def sharegpt(row: Row) -> Row | None:
    """LLaMA-Factory's sharegpt: calls and results are turns of their own, tools one text."""
    if row["shape"] not in (Shape.CHAT.value, Shape.INSTRUCTION.value):
        return None
    said = []
    for turn in row["turns"]:
        if turn["tool_calls"]:
            calls = [{"name": c["name"], "arguments": c["arguments"]} for c in json.loads(turn["tool_calls"])]
            said.append({"role": "function_call", "content": json.dumps(calls, ensure_ascii=False)})
        else:
            said.append(
                {"role": SHAREGPT_ROLES.get(turn["role"], turn["role"]), "content": turn["text"] or ""}
            )
    return {"messages": said, "tools": row["tools"] or ""}


def label_studio(row: Row) -> Row:
    """Label Studio: a task a row, whose id and text digest come back with the annotation."""
    return {
        "data": {**_shown(row), "prompt": _text(row["turns"][:-1]), "answer": row["turns"][-1]["text"] or ""}
    }


def argilla(row: Row) -> Row:
    """Argilla: a record a row, its id that of the row."""
    shown = _shown(row)
    fields = {"prompt": _text(row["turns"][:-1]), "answer": row["turns"][-1]["text"] or ""}
    return {"id": shown["row"], "fields": fields, "metadata": shown}


def _axolotl(splits: list[str]) -> dict[str, str]:
    def of(split: str) -> str:
        return (
            f"  - path: {split}.jsonl\n    ds_type: json\n    type: chat_template\n    field_messages: messages\n"
            "    message_property_mappings: {role: role, content: content}\n"
        )

    held_out = f"test_datasets:\n{of('validation').replace('  - path', '  - split: train' + chr(10) + '    path', 1)}"
    text = f"# merge into your axolotl configuration\ndatasets:\n{of('train')}"
    return {"axolotl.yml": text + (held_out if "validation" in splits else "")}


def _llamafactory(splits: list[str]) -> dict[str, str]:
    tags = {
        "role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant",
        "observation_tag": "observation", "function_tag": "function_call", "system_tag": "system",
    }  # fmt: skip
    columns = {"messages": "messages", "tools": "tools"}
    known = {
        f"tilth_{split}": {
            "file_name": f"{split}.jsonl",
            "formatting": "sharegpt",
            "columns": columns,
            "tags": tags,
        }
        for split in splits
    }
    return {"dataset_info.json": json.dumps(known, indent=2) + "\n"}


def _labelling(splits: list[str]) -> dict[str, str]:
    choices = "".join(f'    <Choice value="{one}"/>\n' for one in VERDICTS)
    return {
        "config.xml": '<View>\n  <Text name="prompt" value="$prompt"/>\n  <Text name="answer" value="$answer"/>\n'
        f'  <Choices name="verdict" toName="answer">\n{choices}  </Choices>\n</View>\n'
    }


FORMATS = {
    "openai": Format("OpenAI fine-tuning", openai),
    "trl": Format("TRL", chats),
    "axolotl": Format("axolotl", conversations, _axolotl),
    "llamafactory": Format("LLaMA-Factory", sharegpt, _llamafactory),
    "label-studio": Format("Label Studio", label_studio, _labelling, is_array=True),
    "argilla": Format("Argilla", argilla),
}


def hand_over(version: Version, name: str, folder: Path) -> dict[str, Any]:
    """Write a version for a tool into a new folder; return rows by split, left_out by shape, and files.

    Raises UsageError where the folder holds something, StoreError.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(str(folder), "something is there", "Nothing was written", "Name a new folder")
    form = FORMATS[name]
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, int] = {}
    left: Counter[str] = Counter()
    suffix = "json" if form.is_array else "jsonl"
    for split, called in SPLITS.items():
        rows = list(_lines(version, str(split), form, left))
        if rows:
            write_pieces(folder / f"{called}.{suffix}", _joined(rows, is_array=form.is_array))
            written[called] = len(rows)
    for file, text in form.beside(list(written)).items():
        write_pieces(folder / file, [text.encode()])
    files = sorted(path.name for path in folder.iterdir())
    return {"format": name, "rows": written, "left_out": dict(left), "files": files}


def _lines(version: Version, split: str, form: Format, left: Counter[str]) -> Iterator[bytes]:
    for row in version.samples(split).iter_rows(named=True):
        line = form.line(row) if row["turns"] else None
        if line is None:
            left[row["shape"]] += 1
        else:
            yield json.dumps(line, ensure_ascii=False).encode()


def _joined(rows: list[bytes], *, is_array: bool) -> list[bytes]:
    return [b"[", b",\n".join(rows), b"]\n"] if is_array else [b"\n".join(rows), b"\n"]


def _message(turn: Row) -> Row:
    said: Row = {"role": OPENAI_ROLES.get(turn["role"], turn["role"]), "content": turn["text"] or ""}
    if turn["tool_calls"]:
        said["tool_calls"] = [
            {"id": call.get("id") or "", "type": "function",
             "function": {"name": call["name"], "arguments": _arguments(call["arguments"])}}
            for call in json.loads(turn["tool_calls"])
        ]  # fmt: skip
    said |= {key: turn[key] for key in ("tool_call_id", "name") if turn[key]}
    return said | ({"weight": 0} if turn["learned"] is False else {})


def _arguments(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shown(row: Row) -> Row:
    return {
        "row": row["row_id"].hex(), "text_digest": row["text_digest"].hex(),
        "source": row["source"], "slice": row["slice"] or "",
    }  # fmt: skip


def _text(turns: list[Row]) -> str:
    return "\n".join(f"{turn['role']}: {turn['text'] or ''}" for turn in turns)
