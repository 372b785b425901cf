"""The judge: asked once a row, at the address named, with its answers taken to the letter."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.drafts import Line, make_draft
from tests.workbench.conftest import Done
from tilth.shards.store import Store
from tilth.workbench.running import judge
from tilth.workbench.running.judge import TOO_LONG, UNPARSABLE, parse

Run = Callable[..., Done]


class FakeJudge:
    """An endpoint on this machine: `reply` turns what it is asked into a status and a text."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.reply: Callable[[str, int], tuple[int, str]] = lambda text, number: (200, "4")
        judge = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                judge.asked.append({"path": self.path, **body})
                judge.headers.append(dict(self.headers))
                status, text = judge.reply(body["messages"][0]["content"], len(judge.asked))
                answer = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
                self.send_response(status)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeJudge]:
    monkeypatch.setattr(judge, "FIRST_WAIT_S", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    answering = FakeJudge()
    thread = threading.Thread(target=answering.server.serve_forever, daemon=True)
    thread.start()
    yield answering
    answering.server.shutdown()
    answering.server.server_close()
    thread.join()


@pytest.fixture
def ask(run: Run, recipe: Path, fake: FakeJudge) -> Callable[..., Done]:
    lines = [Line(f"Order {n}: who mends it?", f"The desk mends number {n}.") for n in range(120)]
    Store.open(recipe.parent / ".tilth").publish("desk", make_draft(lines))
    return lambda *words: run("tilth", "judge", recipe, "--url", fake.url, "--model", "m", *words)


def test_every_kept_row_is_asked_about_once(ask: Run, fake: FakeJudge, run: Run, recipe: Path) -> None:
    fake.reply = lambda text, number: (200, "2" if "Order 7:" in text else " 5\n")
    first = ask("--json").json
    assert (first["rows"], first["reused"], first["unscored"]) == (120, 0, {})
    assert first["scores"] == {"2": 1, "5": 119}
    assert len(fake.asked) == 120
    assert {q["path"] for q in fake.asked} == {"/v1/chat/completions"}
    assert all(q["model"] == "m" and q["temperature"] == 0 for q in fake.asked)
    assert not any("Authorization" in h for h in fake.headers)
    assert ask("--json").json["reused"] == 120
    assert len(fake.asked) == 120
    shown = ask()
    assert "judged: 1 rows 2, 119 rows 5" in shown.out
    assert "scores: [.tilth/scores/desk.parquet]" in shown.out
    assert pl.read_parquet(first["path"])["judge"].to_list().count(2.0) == 1


def test_another_model_or_prompt_is_another_judge(
    ask: Run, fake: FakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask()
    ask("--model", "n")
    assert len(fake.asked) == 240
    monkeypatch.setattr(judge, "PROMPT", "Is this good?")
    assert ask("--json").json["reused"] == 0


def test_what_is_no_digit_is_counted_and_not_asked_again(ask: Run, fake: FakeJudge) -> None:
    fake.reply = lambda text, number: (200, "I would say 4" if "Order 7:" in text else "3")
    assert ask("--json").json["unscored"] == {UNPARSABLE: 1}
    assert ask("--json").json["unscored"] == {UNPARSABLE: 1}
    assert len(fake.asked) == 120


def test_a_busy_endpoint_is_asked_again(ask: Run, fake: FakeJudge) -> None:
    fake.reply = lambda text, number: (503, "") if number % 3 == 0 else (200, "4")
    assert ask("--json").json["scores"] == {"4": 120}
    assert len(fake.asked) > 120


def test_an_endpoint_that_fails_stops_the_run_and_what_it_said_is_kept(ask: Run, fake: FakeJudge) -> None:
    fake.reply = lambda text, number: (200, "4") if number <= 100 else (401, "")
    failed = ask()
    assert failed.code == 1
    assert "it answers with status 401. Rows judged before are kept" in failed.err
    fake.reply = lambda text, number: (200, "4")
    again = ask("--json").json
    assert again["reused"] == 96
    assert again["scores"] == {"4": 120}


def test_garbage_is_no_reply(ask: Run, fake: FakeJudge) -> None:
    fake.server.RequestHandlerClass.do_POST = lambda self: self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n[]")  # type: ignore[attr-defined]
    failed = ask()
    assert failed.code == 1
    assert "no usable reply" in failed.err


def test_a_redirect_ends_the_run_and_no_key_leaves(
    ask: Run, fake: FakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief = FakeJudge()
    threading.Thread(target=thief.server.serve_forever, daemon=True).start()

    def redirect(self: BaseHTTPRequestHandler) -> None:
        self.send_response(302)
        self.send_header("Location", thief.url)
        self.end_headers()

    fake.server.RequestHandlerClass.do_POST = redirect  # type: ignore[attr-defined]
    monkeypatch.setenv("JUDGE_KEY", "secret")
    failed = ask("--key-env", "JUDGE_KEY")
    thief.server.shutdown()
    thief.server.server_close()
    assert (failed.code, "redirects to another address" in failed.err) == (1, True)
    assert thief.headers == []


@pytest.mark.parametrize("content", ["[]", '{"a": 5}', "5"])
def test_content_that_is_no_text_is_no_reply(ask: Run, fake: FakeJudge, content: str) -> None:
    body = f'HTTP/1.0 200 OK\r\n\r\n{{"choices": [{{"message": {{"content": {content}}}}}]}}'.encode()
    fake.server.RequestHandlerClass.do_POST = lambda self: self.wfile.write(body)  # type: ignore[attr-defined]
    assert "its content is no text" in ask().err


def test_a_key_that_no_header_may_hold_is_not_sent(
    ask: Run, fake: FakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_KEY", "one\r\nX-Other: two")
    failed = ask("--key-env", "JUDGE_KEY")
    assert (failed.code, "no header" in failed.err, fake.headers) == (2, True, [])


def test_nothing_is_sent_before_it_was_named(ask: Run, fake: FakeJudge, run: Run, recipe: Path) -> None:
    shown = ask("--dry-run")
    assert "120 rows, " in shown.out
    assert f"would go to {fake.url}" in shown.out
    assert "Reply with one digit from 1 to 5" in shown.out
    assert "Order " in shown.out
    assert run("tilth", "judge", recipe, "--model", "m").code == 2
    assert run("tilth", "judge", recipe, "--url", "file:///etc/passwd", "--model", "m").code == 2
    assert (
        run("tilth", "judge", recipe, "--url", fake.url, "--model", "m", "--key-env", "NONE_SUCH").code == 2
    )
    assert fake.asked == []


def test_a_key_is_sent_where_one_is_named(ask: Run, fake: FakeJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", "secret")
    shown = ask("--key-env", "JUDGE_KEY")
    assert {h["Authorization"] for h in fake.headers} == {"Bearer secret"}
    assert "secret" not in shown.out + shown.err


def test_a_row_that_is_too_long_is_not_sent(
    ask: Run, fake: FakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "MAX_CHARS", 10)
    assert ask("--json").json["unscored"] == {TOO_LONG: 120}
    assert fake.asked == []


@pytest.mark.parametrize(
    ("reply", "score"), [("3", 3.0), (" 1 \n", 1.0), ("6", None), ("0", None), ("4.5", None), ("4/5", None)]
)
def test_a_score_is_one_digit(reply: str, score: float | None) -> None:
    assert parse(reply) == score
