"""One refresh: retried, told, noted, approved, and never in the way of what is served."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.workbench.conftest import Done, question
from tilth.shards import refs
from tilth.shards.errors import Busy, Unsettled
from tilth.shards.lock import Lock
from tilth.shards.store import Store
from tilth.validators.gate import CHECKS
from tilth.workbench.refreshing import due, refresh
from tilth.workbench.refreshing.history import History
from tilth.workbench.refreshing.notify import signature
from tilth.workbench.refreshing.serve import serve

Run = Callable[..., Done]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A recipe that curates in a moment, of two sources, with a schedule."""
    (tmp_path / "a").mkdir()
    for name, start in (("a/1.jsonl", 0), ("a/2.jsonl", 20), ("b.jsonl", 40)):
        rows = [json.dumps(question(n)) for n in range(start, start + 20)]
        (tmp_path / name).write_text("\n".join(rows) + "\n")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: desk\nsources: [{path: 'a/*.jsonl'}, {path: b.jsonl}]\n"
        "curation: {split: null, language: null, dedup: null}\n"
        f"checks: {{{', '.join(f'{name}: null' for name in CHECKS)}}}\n"
        'refresh:\n  schedule: "0 3 * * *"\n  timezone: Europe/Berlin\n'
    )
    return recipe


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stop the clock, and return what moves it on by hours."""
    at = [datetime(2026, 6, 1, 12, tzinfo=UTC)]
    monkeypatch.setattr(due, "now", lambda: at[0])
    monkeypatch.setattr(refresh, "pause", lambda seconds: None)

    def later(hours: float) -> None:
        at[0] += timedelta(hours=hours)

    return later


class Receiver(ThreadingHTTPServer):
    """Keeps what it is sent; answers after `wait_s`."""

    wait_s = 0.0

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/hook"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server.got.append((self.command, dict(self.headers), body))
        time.sleep(server.wait_s)
        self.send_response(204)
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.shutdown()
    server.server_close()


def states(recipe: Path) -> list[str]:
    return [run.state for run in reversed(History(recipe.parent / ".tilth").runs("desk"))]


def test_events_are_sent_signed_and_noted(
    run: Run, small: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_KEY", "k3y")
    hooks = [
        {"url": receiver.url, "on": ["start", "success", "promotion"], "secret": "HOOK_KEY"},
        {"url": receiver.url + "/alive", "heartbeat": True},
        {"url": "http://127.0.0.1:1/nobody", "on": ["success"]},
    ]
    done = run("refresh", "run", small, "--set", f"refresh.notify={json.dumps(hooks)}", "--json")
    assert done.code == 0, done.err
    posts = [(headers, body) for method, headers, body in receiver.got if method == "POST"]
    assert sorted(json.loads(body)["event"] for _, body in posts) == ["promotion", "start", "success"]
    for headers, body in posts:
        assert headers["X-Tilth-Signature"] == signature("k3y", headers["X-Tilth-Timestamp"], body)
        assert "Order" not in body.decode()
    assert [method for method, _, _ in receiver.got].count("GET") == 1
    told = run("refresh", "history", small, "--json").json["runs"][0]["told"]
    assert sorted(one["outcome"] for one in told)[-4:] == ["told"] * 4 and len(told) == 5
    assert next(one for one in told if one["outcome"] != "told")["outcome"].startswith("no reply")


def test_a_webhook_that_hangs_delays_no_promotion(
    run: Run, small: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.wait_s = 3.0
    monkeypatch.setattr("tilth.workbench.refreshing.notify.EXCHANGE_S", 0.4)
    seen: list[bool] = []
    promote = Store.promote

    def promoted(self: Store, *which: str) -> None:
        seen.append(bool(receiver.got))
        promote(self, *which)

    monkeypatch.setattr(Store, "promote", promoted)
    hooks = [{"url": receiver.url, "on": ["start", "promotion"]}]
    started = time.monotonic()
    done = run("refresh", "run", small, "--set", f"refresh.notify={json.dumps(hooks)}", "--json")
    assert done.json["state"] == "done" and seen
    told = run("refresh", "history", small, "--json").json["runs"][0]["told"]
    assert len(told) == 2 and all(one["outcome"].startswith("no reply") for one in told)
    assert time.monotonic() - started < 60


def test_a_fault_that_may_pass_is_tried_again_in_the_run_and_at_later_looks(
    run: Run, small: Path, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, left = refresh.run_loop, [6]

    def shaky(*arguments: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise Unsettled("s3://bucket", "it cannot be fetched")
        return loop(*arguments)

    monkeypatch.setattr(refresh, "run_loop", shaky)
    assert run("refresh", "run", small, "--if-due").code == 1  # four tries
    assert left == [2]
    assert run("refresh", "run", small, "--if-due", "--json").json["state"] == "not due"
    clock(0.1)
    assert run("refresh", "run", small, "--if-due", "--json").json["state"] == "done"
    assert states(small) == ["failed", "done"]
    runs = run("refresh", "history", small, "--json").json["runs"]
    assert [one["attempt"] for one in runs] == [2, 1]


def test_a_failed_check_is_judged_again_when_the_sources_change(
    run: Run, small: Path, clock: Callable[[float], None]
) -> None:
    bound = ("--set", "checks.max_quarantine_rate=0.5")
    assert run("refresh", "run", small, *bound, "--if-due").code == 0
    clock(24)
    day = small.parent / "a" / "3.jsonl"
    day.write_text("{broken\n" * 200)
    assert run("refresh", "run", small, *bound, "--if-due").code == 3
    clock(1)
    assert run("refresh", "run", small, *bound, "--if-due", "--json").json["state"] == "not due"
    day.write_text(json.dumps(question(900)) + "\n")
    assert run("refresh", "run", small, *bound, "--if-due", "--json").json["state"] == "done"
    assert states(small) == ["done", "checks failed", "done"]


def test_a_source_that_is_gone_ends_with_3_and_what_is_served_stays(
    run: Run, small: Path, clock: Callable[[float], None]
) -> None:
    assert run("refresh", "run", small).code == 0
    served = run("refresh", "status", small, "--json").json["served"]
    (small.parent / "b.jsonl").rename(small.parent / "away")
    gone = run("refresh", "run", small)
    assert gone.code == 3 and "no file is there" in gone.err and "20 lines" in gone.err
    assert run("refresh", "status", small, "--json").json["served"] == served
    (small.parent / "away").rename(small.parent / "b.jsonl")
    assert run("refresh", "run", small).code == 0


def test_a_run_that_was_killed_is_found_and_done_again(
    run: Run, small: Path, clock: Callable[[float], None]
) -> None:
    assert run("refresh", "run", small).code == 0
    clock(24)
    history = History(small.parent / ".tilth")
    history.begin("desk", due.now().timestamp(), missed=0, attempt=1, inputs="", sources={})
    clock(0.2)
    assert run("refresh", "run", small, "--if-due", "--json").json["state"] == "no news"
    assert states(small) == ["done", "killed", "no news"]


def test_two_refreshes_at_once_are_one(run: Run, small: Path) -> None:
    assert run("refresh", "run", small).code == 0
    words = [sys.executable, "-m", "tilth.workbench.commands.refresh", "run", str(small)]
    with Lock(small.parent / ".tilth" / "refresh.lock").held(0):
        second = subprocess.run(words, capture_output=True, text=True, check=False)
    assert second.returncode == Busy.exit_code and states(small) == ["done"]


def test_a_person_approves_or_rejects_with_name_and_reason(run: Run, small: Path) -> None:
    waits = ("--set", "refresh.promote=approval")
    first = run("refresh", "run", small, *waits, "--json").json
    assert first["state"] == "awaiting approval"
    assert run("refresh", "status", small, "--json").json["served"] is None
    assert run("refresh", "approve", small, "--by", " ", "--reason", "x").code == 2
    assert run("refresh", "approve", small, "--by", "Ada", "--reason", "x", "--version", "0" * 12).code == 2
    assert run("refresh", "approve", small, "--by", "Ada", "--reason", "read 50 rows").code == 0
    assert run("refresh", "status", small, "--json").json["served"] == first["version"][:12]
    (small.parent / "a" / "3.jsonl").write_text(json.dumps(question(901)) + "\n")
    second = run("refresh", "run", small, *waits, "--json").json
    assert second["state"] == "awaiting approval"
    assert run("refresh", "reject", small, "--by", "Ada", "--reason", "too few").code == 0
    again = run("refresh", "run", small, *waits, "--json").json
    assert again["state"] == "no news" and "rejected by Ada" in again["summary"]
    assert run("refresh", "status", small, "--json").json["served"] == first["version"][:12]


def test_the_gauges_are_written_whole(run: Run, small: Path) -> None:
    assert run("refresh", "run", small, "--set", "refresh.textfile=desk.prom").code == 0
    text = (small.parent / "desk.prom").read_text()
    assert 'tilth_refresh_state{name="desk",state="done"} 1.0' in text
    assert 'tilth_refresh_served_lines{name="desk",fate="kept"} 60.0' in text
    assert not list(small.parent.glob(".desk.prom*"))


def test_a_look_that_finds_nothing_due_is_fast_and_imports_nothing_heavy(run: Run, small: Path) -> None:
    assert run("refresh", "run", small).code == 0
    program = (
        "import sys, runpy\n"
        f"sys.argv = ['refresh', 'run', {str(small)!r}, '--if-due']\n"
        "try:\n"
        "    runpy.run_module('tilth.workbench.commands.refresh', run_name='__main__')\n"
        "except SystemExit as stop:\n"
        "    assert not stop.code\n"
        "assert not {'polars', 'torch', 'pydantic', 'pyarrow', 'numba', 'ruamel'} & set(sys.modules)\n"
    )
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        seconds.append(time.perf_counter() - started)
        assert done.returncode == 0 and "not due" in done.stdout, done.stderr
    assert min(seconds) < 1.0  # 0.2 s on an idle machine


def test_the_history_says_what_was_served_each_day(
    run: Run, small: Path, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refs, "utc_now", lambda: due.now().isoformat(timespec="seconds"))
    for n in range(3):
        assert run("refresh", "run", small, "--json").json["state"] == "done"
        (small.parent / "a" / f"{10 + n}.jsonl").write_text(json.dumps(question(910 + n)) + "\n")
        clock(48)
    days = run("refresh", "history", small, "--json").json["served"]
    assert [day["moves"] for day in days] == [0, 0, 1, 0, 1, 0, 1]
    assert len({day["version"] for day in days}) == 3


def test_the_service_looks_and_says_what_it_did(run: Run, small: Path) -> None:
    said: list[str] = []
    serve([small], None, said.append, looks=1)
    assert len(said) == 1 and "serving" in said[0]
    serve([small], None, said.append, looks=1)
    assert len(said) == 1


def test_every_kind_of_timer_is_what_its_reader_takes(run: Run, small: Path) -> None:
    for kind in ("airflow", "dagster"):
        ast.parse(run("refresh", "emit", kind, small).out)
    job = YAML(typ="safe").load(run("refresh", "emit", "k8s", small).out)
    container = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    assert container["command"][:2] == ["refresh", "run"] and job["spec"]["concurrencyPolicy"] == "Forbid"
    workflow = YAML(typ="safe").load(run("refresh", "emit", "github", small).out)
    assert "--if-due" in workflow["jobs"]["refresh"]["steps"][0]["run"]


@pytest.mark.parametrize(
    "wrong",
    [
        "refresh.timezone=Mars/Olympus",
        "refresh.notify=[{url: 'ftp://x'}]",
        "refresh.notify=[{url: 'http://x', on: [noon]}]",
        "refresh.schedule=every morning",
        "refresh.retries=-1",
    ],
)
def test_what_cannot_be_scheduled_is_refused(run: Run, small: Path, wrong: str) -> None:
    assert run("refresh", "status", small, "--set", wrong).code == 2


def test_a_refresh_that_waits_for_drift_runs_only_for_rows_of_another_kind(run: Run, small: Path) -> None:
    drift = ("--set", "refresh.when=drift", "--set", "curation.slice_by=[topic]", "--json")
    assert run("refresh", "run", small, *drift).json["state"] == "done"
    more = [json.dumps(question(n)) for n in range(200, 280)]
    (small.parent / "b.jsonl").open("a").write("\n".join(more) + "\n")
    calm = run("refresh", "run", small, *drift, "--set", "refresh.drift_bits=0.9").json
    assert calm["state"] == "no drift" and "80 new rows" in calm["summary"]
    odd = [json.dumps({**question(n), "topic": "travel"}) for n in range(300, 400)]
    (small.parent / "b.jsonl").open("a").write("\n".join(odd) + "\n")
    assert run("refresh", "run", small, *drift).json["state"] == "done"
