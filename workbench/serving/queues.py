"""The queues of the review: which rows a person should look at, those that teach most first.

Row ids are hashes of the rows, so the first N of a rule in row_id order are a random sample of it: the same for every
reviewer, and the rows from which a rule's precision is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from tilth.shards.errors import UsageError
from tilth.shards.feedback import Finding
from tilth.shards.judgement import DECIDING, Act, Judgement, standings
from tilth.workbench.looking.review import SAMPLE
from tilth.workbench.serving.search.query import Query, Searcher, read_query

if TYPE_CHECKING:
    from tilth.shards.store import Store

SAMPLE_ROWS = 50
SEARCH_ROWS = 2_000
ACTS_FROM = 0.9  # the estimated precision from which pushback acts by default
SHARED_EVERY = 5  # of the rows that somebody judged, each reviewer is asked about one in so many too
NO_ROW = ("read: ", "dedup: exact_duplicate")  # rules that speak of lines, not of rows
SEARCH, DISPUTED = "search", "disputed"


@dataclass(frozen=True)
class Queue:
    """Rows in the order in which they are asked about. why: how they were chosen and ordered."""

    id: str
    title: str
    why: str
    rows: list[str]  # hex


def known_queues(store: Store, searcher: Searcher, log: tuple[Judgement, ...]) -> list[Queue]:
    """Return every queue that has rows: those that monitors and rules fill, then a sample of each rule."""
    found = [
        _doubtful(store, searcher),
        _of_rule(searcher, "conflict", "conflicts", "Conflicting answers", "like prompts, other answers"),
        _near(searcher),
        _tagged(searcher, "refusal", "refusals", "Refusals", "answers that refuse, kept and tagged"),
        _quarantined(searcher),
        _disputed(log),
        *_samples(searcher),
    ]
    return [queue for queue in found if queue.rows]


def queue_of(store: Store, searcher: Searcher, log: tuple[Judgement, ...], wanted: str, params: Any) -> Queue:
    """Return one queue by its id; `search` holds the rows that a search finds. Raises UsageError."""
    if wanted == SEARCH:
        query = read_query(params)
        at, _ = searcher.answering(query)
        lines = searcher.index.lines if at is None else searcher.index.lines[at]
        rows = _ids(searcher, lines["pos"].drop_nulls().unique(maintain_order=True).head(SEARCH_ROWS))
        return Queue(SEARCH, "Rows of a search", f"in the order of place, at most {SEARCH_ROWS:,}", rows)
    for queue in known_queues(store, searcher, log):
        if queue.id == wanted:
            return queue
    raise UsageError(f"queue {wanted[:80]!r}", "is empty or not there", "", "Choose one of the list")


def next_row(queue: Queue, log: tuple[Judgement, ...], who: str) -> str | None:
    """Return the next row for a reviewer: not judged or skipped by them, nor (but one in SHARED_EVERY) by others."""
    mine, others = judged_by(log, who)
    if queue.id == DISPUTED:
        skipped = {one.row for one in log if one.by == who and one.act is Act.SKIP and one.queue == DISPUTED}
        return next((row for row in queue.rows if row not in skipped), None)
    for row in queue.rows:
        if row in mine:
            continue
        if row not in others or int(row[:8], 16) % SHARED_EVERY == 0:
            return row
    return None


def judged_by(log: tuple[Judgement, ...], who: str) -> tuple[set[str], set[str]]:
    """Return the rows that somebody judged or skipped, and those that others judged."""
    undone = {one.undoes for one in log if one.act is Act.UNDO}
    mine = {
        one.row for one in log if one.by == who and one.id not in undone and one.act in (*DECIDING, Act.SKIP)
    }
    others = {one.row for one in log if one.by != who and one.id not in undone and one.act in DECIDING}
    return mine, others


def progress(queue: Queue, log: tuple[Judgement, ...], who: str) -> dict[str, int]:
    """Return how many rows there are, how many anybody judged, and how many this reviewer."""
    mine, others = judged_by(log, who)
    rows = set(queue.rows)
    return {"rows": len(rows), "judged": len(rows & (mine | others)), "mine": len(rows & mine)}


def _ids(searcher: Searcher, positions: pl.Series) -> list[str]:
    return searcher.index.ids.gather(positions.cast(pl.UInt32)).bin.encode("hex").to_list()


def _doubtful(store: Store, searcher: Searcher) -> Queue:
    """Rows whose label training doubts, nearest to the bar of acting first: there a word decides most."""
    index = searcher.index
    doubts = pl.col("finding").is_in([Finding.NOISY.value, Finding.UNCERTAIN.value])
    seen = [
        store.feedback(digest)[1].filter(doubts).select("row_id", "est_precision")
        for digest in reversed(store.feedback_digests(index.version.manifest.name))
    ]
    rows: list[str] = []
    if seen:
        newest = pl.concat(seen).unique("row_id", keep="first", maintain_order=True)
        known = newest.join(index.ids.to_frame("row_id"), on="row_id", how="semi")
        doubt = (pl.col("est_precision").fill_null(0.5) - ACTS_FROM).abs()
        rows = known.sort(doubt, "row_id")["row_id"].bin.encode("hex").to_list()
    return Queue(
        "doubtful", "Doubtful labels", "what training found noisy or unsure, the closest calls first", rows
    )


def _of_rule(searcher: Searcher, stage: str, name: str, title: str, why: str) -> Queue:
    lines = searcher.index.lines.filter(
        pl.col("rule").cast(pl.String).str.starts_with(f"{stage}: "), pl.col("pos").is_not_null()
    )
    return Queue(name, title, why, _ids(searcher, lines["pos"].unique(maintain_order=True)))


def _near(searcher: Searcher) -> Queue:
    """Near-duplicates, those nearest to the bound first."""
    lines = searcher.index.lines.filter(
        pl.col("rule").cast(pl.String).str.starts_with("dedup: near"), pl.col("pos").is_not_null()
    ).with_columns(margin=(pl.col("value") - pl.col("threshold")).abs())
    ordered = lines.sort("margin", nulls_last=True, maintain_order=True)
    return Queue("near", "Near-duplicates", "beside the row that is kept for them, nearest to the bound first",
                 _ids(searcher, ordered["pos"]))  # fmt: skip


def _tagged(searcher: Searcher, stage: str, name: str, title: str, why: str) -> Queue:
    tags = searcher.index.tags.filter(pl.col("tag").str.starts_with(f"{stage}: "))
    return Queue(name, title, why, _ids(searcher, tags["pos"].unique().sort()))


def _quarantined(searcher: Searcher) -> Queue:
    at, _ = searcher.answering(Query(facets=(("verdict", "quarantine"),)))
    lines = searcher.index.lines[at] if at is not None else searcher.index.lines
    rows = _ids(searcher, lines["pos"].drop_nulls().unique().sort())
    return Queue(
        "quarantined",
        "Set aside",
        "rows in quarantine; lines that are no rows stand on the page of rows",
        rows,
    )


def _disputed(log: tuple[Judgement, ...]) -> Queue:
    rows = [row for row, standing in standings(log).items() if standing.is_disputed]
    return Queue(
        DISPUTED, "Reviewers disagree", "nothing is done about these rows until one word settles it", rows
    )


def _samples(searcher: Searcher) -> list[Queue]:
    """A sample of every rule that took or tagged a row."""
    index = searcher.index
    taken = index.lines.lazy().filter(pl.col("pos").is_not_null(), pl.col("rule").is_not_null()).select(
        "pos", rule=pl.col("rule").cast(pl.String)
    ).collect()  # fmt: skip
    noted = index.tags.select("pos", rule="tag").cast({"pos": taken.schema["pos"]})
    both = pl.concat([taken, noted]).unique().sort("pos")
    found = []
    for (rule,), rows in both.group_by("rule", maintain_order=True):
        if str(rule).startswith(NO_ROW):
            continue
        stage, _, reason = str(rule).partition(": ")
        ids = _ids(searcher, rows["pos"].head(SAMPLE_ROWS))
        why = f"{len(ids)} of {rows.height:,} rows, drawn at random: how often is the rule right?"
        found.append(Queue(f"{SAMPLE}{stage}:{reason}", f"{stage}: {reason}", why, ids))
    return sorted(found, key=lambda queue: queue.title)
