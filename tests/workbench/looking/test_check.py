"""tilth check: a server with the tuned weights passes, one with others does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.workbench.conftest import Done
from tilth.shards.store import Store
from tilth.training.evaluation.generation import generate
from tilth.training.rows.text import Renderer

Run = Callable[..., Done]
NEW_TOKENS = 6


class Served:
    """A tiny model behind the two routes; `seed` 0 is the model that was measured."""

    def __init__(self, seed: int, *, completions: bool = True, chat: bool = True) -> None:
        self.model = tiny.make_model(seed, tie_word_embeddings=False)  # tied, it repeats what it read last
        self.tokenizer = tiny.make_tokenizer()
        self.renderer = Renderer(self.tokenizer, max_tokens=256)
        self.offered = {"/v1/completions": completions, "/v1/chat/completions": chat}
        self.asked: list[dict[str, Any]] = []
        self.name = "tiny"

    def answer(self, ids: list[int]) -> str:
        """Return the greedy answer to a prompt."""
        return generate(self.model, self.tokenizer, [ids], NEW_TOKENS)[0]

    def reply(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Return status and body of a reply."""
        self.asked.append(body)
        if not self.offered.get(path):
            return 404, {"error": "no such route"}
        if path == "/v1/completions":
            return 200, {"choices": [{"text": self.answer(body["prompt"])}]}
        text = self.answer(self.renderer.prompt_ids(body["messages"], body.get("tools")))
        return 200, {"choices": [{"message": {"role": "assistant", "content": text}}]}


@contextmanager
def serving(served: Served) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, {"data": [{"id": served.name}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._send(*served.reply(self.path, body))

        def _send(self, status: int, value: Any) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(value).encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with a finished run that stored five prompts."""
    store = Store.open(tmp_path / ".tilth")
    folder = store.root / "runs" / "ab12cd"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    model = Served(0)
    asked = [[{"role": "user", "content": f"how much is {n} plus 2?"}] for n in range(5)]
    prompts = []
    for messages in asked:
        ids = model.renderer.prompt_ids(messages)
        prompts.append({"messages": messages, "tools": None, "prompt_ids": ids, "answer": model.answer(ids)})
    assert len({prompt["answer"] for prompt in prompts}) > 1
    (folder / "check.json").write_text(json.dumps({"max_new_tokens": NEW_TOKENS, "prompts": prompts}))
    return folder


def test_the_same_weights_say_the_same_both_ways(run: Run, folder: Path) -> None:
    served = Served(0)
    with serving(served) as url:
        done = run("tilth", "check", url, "--allow", 0, "--json")
    assert done.code == 0
    assert [(r["name"], r["same"], r["asked"]) for r in done.json["routes"]] == [
        ("completions", 5, 5),
        ("chat/completions", 5, 5),
    ]
    assert done.json["model"] == "tiny"
    assert all(body["temperature"] == 0 and body["max_tokens"] == NEW_TOKENS for body in served.asked)


def test_other_weights_are_found_out(run: Run, folder: Path) -> None:
    with serving(Served(1)) as url:
        done = run("tilth", "check", url, "--run", "ab")
        assert run("tilth", "check", url, "--run", "ab", "--allow", 5).code == 0
    assert done.code == 3
    assert "0 of 5 answers of tiny are the same" in done.out
    assert "prompt 1: from character" in done.out
    assert "5 of 5 answers through completions differ, 2 may" in done.err


def test_a_route_that_is_not_offered_is_left_out(run: Run, folder: Path) -> None:
    with serving(Served(0, completions=False)) as url:
        done = run("tilth", "check", url, "--json")
    assert [route["name"] for route in done.json["routes"]] == ["chat/completions"]
    with serving(Served(0, completions=False, chat=False)) as url:
        done = run("tilth", "check", url)
    assert (done.code, "neither completions" in done.err) == (1, True)


def test_a_wrong_template_differs_in_the_chat_alone(run: Run, folder: Path) -> None:
    served = Served(0)
    served.renderer = Renderer(
        served.tokenizer, max_tokens=256, template="{% for m in messages %}{{ m.content }}{% endfor %}"
    )
    with serving(served) as url:
        done = run("tilth", "check", url, "--json")
    by_ids, by_chat = done.json["routes"]
    assert (by_ids["same"], done.code) == (5, 3)
    assert by_chat["same"] < 3


def test_calls_that_the_server_parsed_are_the_same_calls() -> None:
    from tilth.workbench.looking.check import _answer, _is_same

    call = {"id": "1", "type": "function", "function": {"name": "book", "arguments": '{"hour": 9}'}}
    reply = {"choices": [{"message": {"content": None, "tool_calls": [call]}}]}
    stored = '<tool_call>\n{"name": "book", "arguments": {"hour": 9}}\n</tool_call>'
    assert _is_same(_answer(reply, True, "u"), stored)
    assert not _is_same(_answer(reply, True, "u"), stored.replace("9", "8"))


def test_a_name_that_would_write_to_the_terminal_is_not_shown(run: Run, folder: Path) -> None:
    served = Served(0)
    served.name = "tiny\x1b[2J"
    with serving(served) as url:
        done = run("tilth", "check", url)
    assert (done.code, "\x1b" in done.out + done.err) == (1, False)
    assert "no name that can be shown" in done.err


def test_what_cannot_be_asked_is_said(run: Run, folder: Path) -> None:
    assert run("tilth", "check", "127.0.0.1:9").code == 2
    done = run("tilth", "check", "http://127.0.0.1:9/v1")
    assert (done.code, "Start the server" in done.err) == (1, True)
    assert run("tilth", "check", "http://127.0.0.1:9/v1", "--run", "zz").code == 2
    (folder / "check.json").unlink()
    assert run("tilth", "check", "http://127.0.0.1:9/v1").code == 2
