"""tilth doctor FILE: a page about the health of any data file, without a recipe and without changing anything."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.markup import escape

from tilth.curation.reading.limits import ReadLimits
from tilth.curation.reading.read import peek
from tilth.curation.run.account import reading_lines
from tilth.curation.run.checkup import Checkup, examine, taken
from tilth.shards.columns import column as column_of
from tilth.shards.lock import temporary
from tilth.shards.tables import Role, Verdict
from tilth.validators import report
from tilth.validators.facts.doctor import (
    Advice,
    ColumnFacts,
    DoctorFacts,
    FindingCount,
    Histogram,
    UnreadableCount,
)
from tilth.validators.facts.page import DO_NOT_USE, NOT_ENOUGH_EVIDENCE, USE, Example, Word
from tilth.validators.wording import count, percent, shorten, visible
from tilth.workbench.looking.init import scalar
from tilth.workbench.looking.readings import show_readings
from tilth.workbench.screen import argument, shown

if TYPE_CHECKING:
    from rich.console import Console

MIN_ROWS, MAX_UNREADABLE = 200, 0.05
EXAMPLES_A_RULE, TEXT_CHARS = 3, 240
MAX_COMMON = 20  # a column of more values has no common ones worth naming
MINOR_SHARE, STRAY_SHARE = 0.01, 0.02
MIN_REPEATS, MAX_REPEATS = 1.5, 50
ANSWERS = (Role.ASSISTANT.value, Role.DOCUMENT.value, Role.CHOSEN.value)


def write_health_page(path: Path, out: Path | None) -> tuple[DoctorFacts, Path]:
    """Examine a file and write its page (by default in a folder beside where you stand); return both.

    Raises UsageError or SourceError where the file cannot be read as rows.
    """
    with temporary() as scratch:
        facts = facts_of(path, examine(path, scratch), _mapped(path))
    return facts, report.doctor_page(out or Path(f"doctor-{path.name.split('.')[0]}"), facts)


def _mapped(path: Path) -> dict[str, str]:
    """Return the column of each part of a row that the file has."""
    seen = peek(path, ReadLimits()) if path.is_file() else None
    if seen is None or seen.mapping is None:
        return {}
    return {part: column for part, column in seen.mapping.columns.items() if column in seen.columns}


def facts_of(path: Path, seen: Checkup, mapped: dict[str, str]) -> DoctorFacts:
    """Return what the page says; `mapped` names the column of each part of a row."""
    read, judged = seen.occurrences.height, seen.rows.height
    unreadable = seen.occurrences["row_id"].null_count()
    lines = {
        "read": read,
        "rows": seen.distinct,
        "repeated": read - unreadable - seen.distinct,
        "unreadable": unreadable,
    }
    out = taken(seen.findings)
    word: Word = USE
    if unreadable > MAX_UNREADABLE * read or any(file.problem for file in seen.files):
        word = DO_NOT_USE
    elif seen.distinct < MIN_ROWS:
        word = NOT_ENOUGH_EVIDENCE
    sampled = f" (a sample of {count(seen.distinct)})" if judged < seen.distinct else ""
    reasons = [
        f"{count(unreadable)} of {count(read)} lines are no rows ({percent(unreadable / read)}).",
        f"{count(lines['repeated'])} lines repeat a row; of {count(judged)} rows{sampled} the default rules would "
        f"take {count(out.height)} ({percent(out.height / judged)}).",
        f"{count(sum(seen.private['turns']))} turns hold personal data or secrets, in {seen.private.height} kinds.",
    ]
    columns = _columns(seen.rows["attributes"])
    histograms = _histograms(seen)
    return DoctorFacts(
        kind="doctor",
        verdict=word,
        reasons=reasons,
        next=f"tilth init {argument(path)}" if word != DO_NOT_USE else f"validate {argument(path)}",
        name=path.name,
        lines=lines,
        judged=judged,
        shape=", ".join(seen.rows["shape"].cast(pl.String).unique().sort()),
        mapped=mapped,
        readings=reading_lines(seen.files),
        unfinished={f.path: f.problem.value for f in seen.files if f.problem},
        unreadable=_unreadable(seen.occurrences),
        findings=_findings(seen, out),
        private=dict(seen.private.iter_rows()),
        histograms=histograms,
        columns=columns,
        advice=_advice(seen, columns, out.height / judged),
    )


def _unreadable(occurrences: pl.DataFrame) -> list[UnreadableCount]:
    bad = occurrences.filter(pl.col("row_id").is_null())
    counted = (
        bad.group_by("reader_reason", maintain_order=True)
        .agg(lines=pl.len(), first=pl.format("{}:{}", "source_path", "line").first())
        .sort("lines", "reader_reason", descending=[True, False])
    )
    return [UnreadableCount(reason=r, lines=n, first=first) for r, n, first in counted.iter_rows()]


def _findings(seen: Checkup, out: pl.DataFrame) -> list[FindingCount]:
    """Return what the rules take, each row under the first, then what they only tag; most rows first."""
    tags = seen.findings.filter(pl.col("verdict") == Verdict.KEEP.value)
    tags = tags.join(out, on="row_id", how="anti").unique(["row_id", "stage", "reason"], maintain_order=True)
    key = ["verdict", "stage", "reason"]
    found = []
    for frame in (out, tags):
        counted = frame.with_columns(pl.col("verdict").cast(pl.String)).sort(*key, "row_id")
        groups = counted.group_by(key, maintain_order=True).agg(
            rows=pl.len(),
            ids=pl.col("row_id").head(EXAMPLES_A_RULE),
            turns=pl.col("turn").head(EXAMPLES_A_RULE),
            witnesses=pl.col("witness_id").head(EXAMPLES_A_RULE),
        )
        found += sorted(groups.to_dicts(), key=lambda g: (-g["rows"], g["stage"], g["reason"]))
    return [
        FindingCount(
            stage=g["stage"],
            reason=g["reason"],
            verdict=g["verdict"],
            rows=g["rows"],
            share=g["rows"] / seen.rows.height,
            examples=_examples(seen, g),
        )
        for g in found
    ]


def _examples(seen: Checkup, group: dict[str, Any]) -> list[Example]:
    wanted = [key for key in (*group["ids"], *group["witnesses"]) if key is not None]
    here = seen.occurrences.filter(pl.col("row_id").is_in(wanted)).unique(
        "row_id", keep="first", maintain_order=True
    )
    places = {
        row: f"{path}:{line}" for row, path, line in here.select("row_id", "source_path", "line").iter_rows()
    }
    turns = seen.turns.filter(pl.col("row_id").is_in(group["ids"]))
    shown = []
    for row_id, turn, witness in zip(group["ids"], group["turns"], group["witnesses"], strict=True):
        said = turns.filter(pl.col("row_id") == row_id)
        said = said.filter(pl.col("turn") == turn) if turn is not None else said.tail(1)
        texts = said["text"].fill_null("").str.slice(0, 4 * TEXT_CHARS).to_list()
        text = " ".join(" ".join(texts).split())
        shown.append(
            Example(
                row=row_id.hex()[:12],
                place=places[row_id],
                text=shorten(visible(text), TEXT_CHARS),
                witness=places.get(witness, ""),
            )
        )
    return shown


def _histograms(seen: Checkup) -> list[Histogram]:
    is_answer = pl.col("role").cast(pl.String).is_in(ANSWERS)
    chars = pl.col("text").str.len_chars().fill_null(0)
    rows = seen.turns.group_by("row_id").agg(
        answer=chars.filter(is_answer).sum(), prompt=chars.filter(~is_answer).sum(), turns=pl.len()
    )
    found = [
        _by_power(rows["answer"], "characters of the answers"),
        _by_power(rows["prompt"], "characters of the prompts"),
        _by_value(rows["turns"].cast(pl.String), "turns of a row"),
    ]
    if "language.language" in seen.measures.columns:
        found.append(_by_value(seen.measures["language.language"], "language"))
    found += [
        _by_value(seen.rows[name].fill_null("none"), name)
        for name in ("source", "licence")
        if seen.rows[name].n_unique() > 1
    ]
    return found


def _by_power(values: pl.Series, title: str) -> Histogram:
    low = values.clip(1).log(2).floor().cast(pl.Int64)
    counted = low.value_counts().sort(low.name)
    bars = [(f"{2**p}–{2 ** (p + 1) - 1}", n / len(values)) for p, n in counted.iter_rows()]
    return Histogram(title=title, ordered=True, bars=bars)


def _by_value(values: pl.Series, title: str) -> Histogram:
    counted = sorted(
        Counter(values.fill_null("unknown").to_list()).items(), key=lambda item: (-item[1], item[0])
    )
    return Histogram(title=title, ordered=False, bars=[(value, n / len(values)) for value, n in counted])


def _columns(attributes: pl.Series) -> list[ColumnFacts]:
    """Return what stands in the columns beside the text."""
    values: dict[str, Counter[str]] = {}
    for text in attributes.drop_nulls():
        for name, value in json.loads(text).items():
            values.setdefault(name, Counter())[visible(str(value))] += 1
    rows = max(len(attributes), 1)
    return [
        ColumnFacts(
            name=name,
            present=found.total() / rows,
            distinct=len(found),
            common=", ".join(shorten(v, 30) for v, _ in found.most_common(4))
            if len(found) <= MAX_COMMON
            else "",
        )
        for name, found in sorted(values.items())
    ]


def _advice(seen: Checkup, columns: list[ColumnFacts], share_taken: float) -> list[Advice]:
    """Return the lines of a recipe that what was seen speaks for."""
    advice = []
    whole = [column for column in columns if column["present"] == 1.0]
    for column in whole:
        each = seen.rows.height / column["distinct"]
        if column["distinct"] > MAX_COMMON and MIN_REPEATS <= each <= MAX_REPEATS:
            because = (
                f"{column['name']!r} repeats about {each:.1f} times: if it is a conversation or source id, no id "
                "should straddle splits."
            )
            advice.append(Advice(because=because, write=f"group: {scalar(column['name'])}   # of the source"))
    few = [column["name"] for column in whole if 2 <= column["distinct"] <= MAX_COMMON]
    kinds = [name for name in few if _parts_rows(seen.rows, name)]
    if kinds:
        because = f"Results can be told apart by what has few values: {', '.join(map(repr, kinds))}."
        advice.append(Advice(because=because, write=f"curation: {{slice_by: [{scalar(kinds[-1])}]}}"))
    if "language.language" in seen.measures.columns:
        shares = _by_value(seen.measures["language.language"], "")["bars"]
        main = [code for code, share in shares if share >= MINOR_SHARE and code != "unknown"]
        rest = sum(share for code, share in shares if code not in (*main, "unknown"))
        if 0 < rest <= STRAY_SHARE:
            because = (
                f"{percent(rest)} of the rows are in languages of under {percent(MINOR_SHARE)} each: strays?"
            )
            advice.append(
                Advice(
                    because=because, write=f"curation: {{language: {{keep: [{', '.join(sorted(main))}]}}}}"
                )
            )
    if share_taken > 0.2:
        because = (
            f"The default rules would take {percent(share_taken)} of the rows: read the examples below first."
        )
        advice.append(Advice(because=because, write="curate recipe.yaml --dry-run"))
    return advice


def _parts_rows(rows: pl.DataFrame, name: str) -> bool:
    """Return whether a recipe that slices by this column gets more than one slice."""
    values = column_of(rows, name)
    return values is not None and values.n_unique() > 1


def show(screen: Console, facts: DoctorFacts, page: Path) -> None:
    """Print the short form of the page."""
    screen.print(f"[bold]{facts['verdict']}[/]  {shown(facts['name'])}: {facts['shape']}")
    for reason in facts["reasons"]:
        screen.print(f"  {escape(reason)}")
    show_readings(screen, facts["readings"])
    for line in facts["unreadable"]:
        screen.print(f"  {line['lines']:,} lines {line['reason']}, first {shown(line['first'])}")
    for found in facts["findings"]:
        would = "tag" if found["verdict"] == Verdict.KEEP.value else found["verdict"]
        screen.print(
            f"  {would:<10} {found['rows']:>8,}  {escape(found['stage'])}: {escape(found['reason'])}"
        )
    for advice in facts["advice"]:
        screen.print(f"[cyan]recipe[/] {escape(advice['because'])}\n       {escape(advice['write'])}")
    screen.print(f"page: {shown(page)}\nnext: {escape(facts['next'])}")
