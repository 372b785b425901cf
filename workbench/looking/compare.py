"""tilth compare RUN: answers of base and tuned side by side, without saying which is which, and a vote on each."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
from rich.markup import escape
from rich.table import Column, Table

from tilth.shards.atomic import write_file
from tilth.shards.errors import UsageError
from tilth.shards.lock import Lock
from tilth.workbench.looking.runs import artefact_of
from tilth.workbench.screen import shown

if TYPE_CHECKING:
    from rich.console import Console

VOTES = "votes.json"
HELD_FIRST = "held-out rows"
TIES, QUIT = ("0", "="), ("q", "Q", "", "\x03", "\x04")
Z = 1.959964  # two-sided 95 %
WAIT_S = 20.0


def collect_votes(run_dir: Path, screen: Console, rows: int) -> dict[str, Any]:
    """Ask about prompts not voted on yet until `rows` are, saving each vote, and return the results."""
    pairs, _ = different_pairs(run_dir, rows)
    votes = read_votes(run_dir)
    todo = [pair for pair in pairs if pair_key(pair) not in votes]
    for number, pair in enumerate(todo, len(pairs) - len(todo) + 1):
        screen.rule(f"{number} of {len(pairs)}")
        vote = _ask(screen, pair, run_dir.name)
        if vote is None:
            break
        add_vote(run_dir, pair_key(pair), vote)
    return results(run_dir, rows)


def results(run_dir: Path, rows: int) -> dict[str, Any]:
    """Return what the votes saved so far say of the first `rows` prompts."""
    pairs, same = different_pairs(run_dir, rows)
    votes = read_votes(run_dir)
    return tally([votes[pair_key(pair)] for pair in pairs if pair_key(pair) in votes], len(pairs), same)


def different_pairs(run_dir: Path, rows: int) -> tuple[list[dict[str, Any]], int]:
    """Return up to `rows` lines of answers.jsonl whose answers differ, and how many prompts had the same answer.

    Held-out rows come before task items, both in the order of a hash of run and line. Raises UsageError where
    nothing differs.
    """
    lines = [json.loads(line) for line in artefact_of(run_dir, "answers.jsonl").read_bytes().splitlines()]
    differ = [line for line in lines if line["base"] != line["tuned"]]
    if not differ:
        raise UsageError(
            f"run {run_dir.name}", f"base and tuned answer all of its {len(lines)} prompts the same"
        )
    differ.sort(key=lambda line: (line["task"] != HELD_FIRST, _hash(line, run_dir.name)))
    return differ[:rows], len(lines) - len(differ)


def read_votes(run_dir: Path) -> dict[str, str]:
    """Return the votes saved so far: prompt -> base, tuned or tie."""
    path = run_dir / VOTES
    votes: dict[str, str] = json.loads(path.read_bytes()) if path.exists() else {}
    return votes


def add_vote(run_dir: Path, key: str, vote: str) -> None:
    """Keep a vote beside those that others cast in the meantime. Raises Busy."""
    with Lock(run_dir / "votes.lock").held(WAIT_S):
        votes = read_votes(run_dir) | {key: vote}
        write_file(run_dir / VOTES, orjson.dumps(votes, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def tally(votes: list[str], shown: int, same: int) -> dict[str, Any]:
    """Return counts, and the share of votes for tuned among those that prefer one, with its Wilson interval."""
    counts = Counter(votes)
    wins, decided = counts["tuned"], counts["tuned"] + counts["base"]
    low, high = wilson(wins, decided)
    return {
        "tuned": wins,
        "base": counts["base"],
        "tie": counts["tie"],
        "of": shown,
        "same_answer": same,
        "win_rate": wins / decided if decided else None,
        "low": low,
        "high": high,
    }


def wilson(wins: int, votes: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927); (0, 1) where there is no vote."""
    if votes == 0:
        return 0.0, 1.0
    share, weight = wins / votes, Z**2 / votes
    middle = share + weight / 2
    half = Z * math.sqrt(share * (1 - share) / votes + weight / (4 * votes))
    return max(0.0, (middle - half) / (1 + weight)), min(1.0, (middle + half) / (1 + weight))


def show(screen: Console, found: dict[str, Any], run_dir: Path) -> None:
    """Print what the votes say."""
    voted = found["tuned"] + found["base"] + found["tie"]
    screen.print(
        f"{voted} of {found['of']} prompts: {found['tuned']} for tuned, {found['base']} for the base, "
        f"{found['tie']} ties; on {found['same_answer']} more both gave the same answer"
    )
    if found["win_rate"] is not None:
        screen.print(f"tuned wins {found['win_rate']:.0%}, 95 % [{found['low']:.0%}, {found['high']:.0%}]")
    screen.print(f"votes: {shown(run_dir / VOTES)}; the same command goes on")


def _ask(screen: Console, pair: dict[str, Any], run_id: str) -> str | None:
    """Show one pair and return the vote, None to stop."""
    sides = sides_of(pair, run_id)
    for message in pair["messages"]:
        screen.print(f"[dim]{escape(message['role'])}[/] {escape(message['content'])}")
    table = Table(Column("1", ratio=1), Column("2", ratio=1), expand=True)
    table.add_row(*(escape(pair[side]) or "[dim](nothing)[/]" for side in sides))
    screen.print(table)
    screen.print("better: 1 or 2, 0 or = for neither, q to stop")
    while True:
        try:
            key = click.getchar()[:1]  # a terminal hands over what was typed ahead in one piece
        except (EOFError, KeyboardInterrupt):
            return None
        except OSError as error:
            raise UsageError(
                "tilth compare",
                "keys are read from a terminal, and there is none",
                "",
                "run it in a terminal",
            ) from error
        if key in QUIT:
            return None
        if key in TIES:
            return "tie"
        if key in ("1", "2"):
            return sides[int(key) - 1]


def pair_key(pair: dict[str, Any]) -> str:
    """Return what the vote on a prompt is kept by."""
    return f"{pair['task']}:{pair['line']}"


def sides_of(pair: dict[str, Any], run_id: str) -> list[str]:
    """Return who answers on the left and on the right, base or tuned: always the same, and none can tell."""
    return ["base", "tuned"] if _hash(pair, run_id)[-1] % 2 else ["tuned", "base"]


def _hash(pair: dict[str, Any], run_id: str) -> bytes:
    return hashlib.sha256(f"{run_id}:{pair_key(pair)}".encode()).digest()
