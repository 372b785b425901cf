"""What commands share: progress where nobody watches, and marks where no video shows."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from tilth.workbench import session


def screen(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=80, soft_wrap=True)


def said(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_a_pipe_gets_a_line_where_nothing_was_said_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    console, now = screen(terminal=False), [0.0]
    monkeypatch.setattr(session.time, "monotonic", lambda: now[0])
    with session.progress(console) as report:
        for second in range(0, 60, 5):
            now[0] = float(second)
            report("train", second, 60)
        now[0] = 100.0
        report("answers", 0, 0)
    assert said(console).splitlines() == [
        "20 s: train 20/60, about 40.0 s left",
        "40 s: train 40/60, about 20.0 s left",
        "100 s: answers",
    ]


def test_what_stands_behind_a_comma_changes_without_a_new_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    console, now = screen(terminal=False), [0.0]
    monkeypatch.setattr(session.time, "monotonic", lambda: now[0])
    with session.progress(console) as report:
        for second in range(0, 30, 5):
            now[0] = float(second)
            report(f"train, loss {9 - second / 10:.2f}, 40 tokens/s", second, 60)
    assert said(console).splitlines() == ["20 s: train, loss 7.00, 40 tokens/s 20/60, about 40.0 s left"]


def test_a_quick_command_says_nothing_of_its_progress() -> None:
    console = screen(terminal=False)
    with session.progress(console) as report:
        report("read", 1, 2)
    assert not said(console)


def test_reverse_video_becomes_brackets_where_a_screen_shows_none() -> None:
    text = Text("title\n", style="bold")
    text.append("asked ").append("answered", style="reverse").append(" end", style="dim")
    assert session.in_brackets(screen(terminal=False), text).plain == "title\nasked ⟦answered⟧ end"
    assert session.in_brackets(screen(terminal=True), text) is text
