"""Version: where every line went, with every number a link to its rows; and two versions side by side."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from tilth.shards.diff import diff
from tilth.shards.errors import TilthError, UsageError
from tilth.shards.version import Version
from tilth.validators import charts, report
from tilth.workbench.looking.review import SAMPLE, precisions
from tilth.workbench.serving.room import Opening, Room
from tilth.workbench.serving.search.query import Query
from tilth.workbench.serving.web import page, shown, waiting

SHOWN_ROWS = 200
VERDICTS = ("keep", "drop", "quarantine")
PAGES = ("report.html", "answers.html", "report.json", "answers.jsonl")


def version(request: Request) -> Response:
    """Show what a version is made of."""
    room: Room = request.app.state.room
    held = room.version(request.path_params["key"])
    searcher = room.searcher(held)
    if isinstance(searcher, Opening):
        return waiting(request, searcher, held)
    everything = searcher.search(Query())
    lines = searcher.index.lines
    by_rule = (
        lines.filter(pl.col("rule").is_not_null())
        .group_by("rule", "verdict").agg(lines=pl.len())
        .with_columns(pl.col("rule", "verdict").cast(pl.String)).sort("lines", "rule", descending=[True, False])
    )  # fmt: skip
    by_source = (
        lines.group_by("source").agg(
            lines=pl.len(), **{v: (pl.col("verdict").cast(pl.String) == v).sum() for v in VERDICTS}
        ).with_columns(pl.col("source").cast(pl.String)).sort("lines", descending=True)
    )  # fmt: skip
    counts = held.manifest.counts
    fates = [("s1", "kept", counts["kept"]), ("before", "dropped", counts["dropped"])]
    fates.append(("s2", "quarantined", counts["quarantined"]))
    name = held.manifest.name
    return page(
        request, "version.html.j2", title=f"Version {held.short}", version=held, counts=counts,
        taken=by_rule.to_dicts(),
        sources=by_source.to_dicts(), facets=everything.facets, facts=_facts(room, held), log=_log(room, name),
        chart=charts.stack("Where every input line went", fates), sample=SAMPLE,
        precision=precisions(room.store.judgement_log.read(name).judgements), here=f"/rows/{held.short}",
        lengths=_lengths(lines),
        refs=[ref for ref in (name, f"{name}.candidate") if room.store.refs.read(ref) == held.id],
    )  # fmt: skip


def _lengths(lines: pl.DataFrame) -> charts.Chart | None:
    """Draw how long rows are, kept over all, in steps of a factor of two."""
    chars = lines.filter(pl.col("chars") > 0).select(
        step=pl.col("chars").log(2).floor().cast(pl.Int32), kept=pl.col("verdict").cast(pl.String) == "keep"
    )
    if chars.is_empty():
        return None
    counts = chars.group_by("step").agg(every=pl.len(), kept=pl.col("kept").sum()).sort("step")
    bars = [charts.Bar(f"{2**step:,}", kept, every) for step, every, kept in counts.iter_rows()]
    return charts.columns("Length of rows, characters", bars, charts.number)


def _facts(room: Room, held: Version) -> dict[str, Any]:
    """Return what the data page says, nothing where there is none."""
    path = room.store.root / "reports" / held.short / report.FACTS
    try:
        facts: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return facts


def _log(room: Room, name: str) -> list[dict[str, Any]]:
    try:
        return room.store.log(name)
    except TilthError:
        return []


def compare(request: Request) -> Response:
    """Show what moved between two versions, by rule and slice, and the rows."""
    room: Room = request.app.state.room
    old, new = (room.version(request.path_params[side]) for side in ("old", "new"))
    moved = _moved(room, old, new)
    both = pl.col("verdict_before") != pl.col("verdict_after")
    verdicts = moved.filter(pl.col("change").is_in(["verdict", "reason"]))
    sides = {
        side: pl.format("{}: {}", f"stage_{side}", f"reason_{side}").fill_null(pl.col(f"verdict_{side}"))
        for side in ("before", "after")
    }
    by_rule = (
        verdicts.select(**sides)
        .group_by("before", "after")
        .len()
        .sort("len", "before", "after", descending=[True, False, False])
    )
    slices = pl.concat([
        v.decisions().select("row_id", "slice", kept=pl.col("verdict") == "keep", side=pl.lit(side))
        for v, side in ((old, "before"), (new, "after"))
    ])  # fmt: skip
    by_slice = (
        slices.filter("kept").group_by("slice")
        .agg(before=(pl.col("side") == "before").sum(), after=(pl.col("side") == "after").sum())
        .filter(pl.col("before") != pl.col("after")).sort("slice")
    )  # fmt: skip
    names = {path.name for path in (room.store.root / "reports").glob(f"{old.short}-{new.short}")}
    only = request.query_params.get("change", "")
    rows = moved.filter(pl.col("change") == only) if only in moved["change"].unique().to_list() else moved
    return page(
        request, "compare.html.j2", title="Compare", old=old, new=new, only=only,
        changes=moved["change"].value_counts(sort=True).iter_rows(), by_rule=by_rule.to_dicts(),
        by_slice=by_slice.to_dicts(), rows=rows.head(SHOWN_ROWS).to_dicts(), total=rows.height, judged=bool(names),
        verdicts=moved.filter(both).height, log=_log(room, new.manifest.name),
    )  # fmt: skip


def _moved(room: Room, old: Version, new: Version) -> pl.DataFrame:
    """Return the changes between two versions, ids in hex; the last few comparisons are kept."""
    key = ("diff", old.id, new.id)
    if key not in room.kept:
        changes = diff(old, new)
        texts = [name for name, kind in changes.schema.items() if isinstance(kind, pl.Enum)]
        room.kept[key] = changes.with_columns(
            pl.col("row_id").bin.encode("hex"), pl.col(texts).cast(pl.String)
        )
    return room.kept[key]


def static_page(request: Request) -> Response:
    """Hand out a page that curate or train wrote, as it lies in the store."""
    room: Room = request.app.state.room
    folder, what = request.path_params["folder"], request.path_params["page"]
    parts = request.path_params["kind"], folder, what
    if "\0" in folder:
        raise UsageError("page", "has no such name", "", "See the list of versions and runs")
    root = (room.store.root / parts[0]).resolve()
    path = (root / folder / what).resolve()
    if (
        parts[0] not in ("reports", "runs")
        or what not in PAGES
        or root not in path.parents
        or not path.is_file()
    ):
        raise UsageError(f"page {what[:40]!r}", "is not there", "", "See the list of versions and runs")
    if path.suffix in (".json", ".jsonl"):
        return PlainTextResponse(path.read_bytes())
    # These pages bring their own policy, which allows their style and no script.
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
    headers = {"content-security-policy": policy}
    return FileResponse(path, media_type="text/html; charset=utf-8", headers=headers)


ROUTES = [
    Route("/version/{key}", shown(version)),
    Route("/compare/{old}/{new}", shown(compare)),
    Route("/kept/{kind}/{folder}/{page}", shown(static_page)),
]
