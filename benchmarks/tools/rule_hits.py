"""What the rules find in the real mix, for reading: which share of a rule's hits is right can only be read.

    python -m benchmarks.tools.rule_hits RULE [--develop]   print 30 random hits of a rule (seed 7), to be judged
    python -m benchmarks.tools.rule_hits                    write results/rule_precision.json from the judgements

Rows are halved by a hash of their id. Rules are developed on one half (`--develop`); what is printed without
it, and judged in rule_judgements.json ({rule: {row id: right or not}}), comes from the other.
"""

from __future__ import annotations

import hashlib
import json
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import polars as pl
import zstandard

from benchmarks.inputs.sample import REAL
from benchmarks.tools.record import write

MIX = "sft/sft_mix.jsonl.zst"
JUDGEMENTS = Path(__file__).with_name("rule_judgements.json")
READ, SEED = 30, 7
SHOWN_CHARS = 600


def is_held_out(row: str) -> bool:
    """Return whether a row is of the half that no rule was developed on."""
    return hashlib.blake2b(row.encode(), digest_size=8).digest()[0] % 2 == 1


@cache
def turns() -> pl.DataFrame:
    """Return the mix as row-local stages see it after unicode and trim, and `id`, the row's id in the mix."""
    from tilth.curation.reading.limits import ReadLimits
    from tilth.curation.reading.read import ingest
    from tilth.curation.reading.source import Source
    from tilth.curation.rewrite.trim import Trim
    from tilth.curation.rewrite.unicode import Unicode
    from tilth.shards.tables import TURNS

    if REAL is None:
        sys.exit("set TILTH_REAL_DATA to the folder with sft/")
    with TemporaryDirectory() as folder:
        read = ingest([Source(path=str(REAL / MIX))], Path("/"), Path(folder) / "read", ReadLimits())
        seen, rows, lines = (
            pl.concat([pl.read_parquet(getattr(part, name)) for part in read.parts])
            for name in ("turns", "rows", "occurrences")
        )
    with (REAL / MIX).open("rb") as stored:
        records = zstandard.ZstdDecompressor().stream_reader(stored).read().splitlines()
    names = pl.DataFrame(
        [(n, orjson.loads(r)["id"]) for n, r in enumerate(records, 1)], ["line", "id"], orient="row"
    )
    first = lines.join(names, on="line").sort("line").unique("row_id", keep="first", maintain_order=True)
    of_row = rows.unique("row_id", keep="first", maintain_order=True).join(
        first.select("row_id", "id"), on="row_id"
    )
    distinct = seen.unique(["row_id", "turn"], keep="first").sort("row_id", "turn").select(TURNS.names())
    rewritten = Trim().rewrite(Unicode().rewrite(distinct)).drop("changes")
    columns = ("row_id", "id", "shape", "tools", "source", "licence", "attributes", "text_digest")
    return rewritten.join(of_row.select(columns), on="row_id", how="left", maintain_order="left")


@cache
def hits() -> pl.DataFrame:
    """Return stage, reason, verdict, id and turn of everything that the stages of a default run find."""
    from tilth.curation.recipe import parse
    from tilth.curation.run.local import broken

    found = []
    for local in parse({}, Path()).locals():
        measured, name = local.measure(turns()), local.name
        found += [broken(measured, rule, name) for rule in local.rules()]
    ids = turns().select("row_id", "id").unique()
    joined = pl.concat(found).join(ids, on="row_id")
    return joined.sort("stage", "reason", "id", "turn")


def reasons() -> dict[str, str]:
    """Return every reason that a default run may give, with its stage."""
    from tilth.curation.recipe import parse

    return {rule.reason: local.name for local in parse({}, Path()).locals() for rule in local.rules()}


def to_read(reason: str, *, held_out: bool = True) -> list[str]:
    """Return the ids of the hits of a rule to be read, 30 at most."""
    found = hits().filter(pl.col("reason") == reason)["id"].unique().sort()
    in_half = pl.Series([is_held_out(row) is held_out for row in found], dtype=pl.Boolean)
    half = found.filter(in_half)
    return half.sample(min(READ, half.len()), seed=SEED).sort().to_list()


def show(reason: str, *, held_out: bool) -> None:
    """Print the hits of a rule that are to be read."""
    for row in to_read(reason, held_out=held_out):
        print(f"\n=== {row}")
        for role, text in turns().filter(pl.col("id") == row).select("role", "text").iter_rows():
            cut = text if len(text) <= SHOWN_CHARS else f"{text[:300]} … {text[-300:]}"
            print(f"{role}: {cut}")


def precision() -> dict[str, Any]:
    """Return, for each rule, its hits in the mix, how many were read in the held-out half, and the share right.

    Raises SystemExit naming a rule whose hits to be read have not all been judged.
    """
    judged = json.loads(JUDGEMENTS.read_text(encoding="utf-8"))
    counts = dict(hits().group_by("reason").agg(pl.col("id").n_unique()).iter_rows())
    table = {}
    for reason, name in sorted(reasons().items()):
        rows = to_read(reason) if reason in counts else []
        verdicts = judged.get(reason, {})
        if set(rows) - verdicts.keys():
            sys.exit(f"not judged yet: python -m benchmarks.tools.rule_hits {reason}")
        right = [row for row in rows if verdicts[row]]
        table[reason] = {
            "stage": name,
            "hits": counts.get(reason, 0),
            "read": len(rows),
            "right": len(right),
            "precision": round(len(right) / len(rows), 3) if rows else None,
            "ids": rows,
        }
    return {"rows": turns()["row_id"].n_unique(), "rules": table}


def main(arguments: list[str]) -> None:
    """Print hits of the rules named, or write the table."""
    names = [name for name in arguments if not name.startswith("--")]
    for reason in names:
        show(reason, held_out="--develop" not in arguments)
    if not names:
        write("rule_precision", "python -m benchmarks.tools.rule_hits", precision())


if __name__ == "__main__":
    main(sys.argv[1:])
