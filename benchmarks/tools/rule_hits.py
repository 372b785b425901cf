"""What the rules find in the real mix, for reading: which share of a rule's hits is right can only be read.

    python -m benchmarks.tools.rule_hits RULE [--develop]   print 30 random hits of a rule (seed 7), to be judged
    python -m benchmarks.tools.rule_hits                    write results/rule_precision.json from the judgements

With `--unseen FOLDER` it does so for published sets that no rule was developed on, all of their rows, and writes
results/rule_precision_unseen.json. UNSEEN says where they come from; of a set that is not there nothing is read.

Rows are halved by a hash of their id. Rules are developed on one half (`--develop`); what is printed without
it, and judged in rule_judgements.json ({rule: {row id: right or not}}), comes from the other.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from functools import cached_property
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
# Name of a file -> where it is published (a repository and a path; MIT, Apache-2.0 and CC-BY-NC-4.0).
UNSEEN = {
    "alpaca_random_9k.json": "github.com/gpt4life/alpagasus data/random/random_9k.json",
    "alpaca_claude_t45.json": "github.com/gpt4life/alpagasus data/filtered/claude_t45.json",
    "alpaca_helpful_t45.json": "github.com/gpt4life/alpagasus data/filtered/helpfulness_t45.json",
    "alpaca_gpt4_bad.json": "github.com/pldlgb/nuggets datasets/alpaca_gpt4/kmeans_100/alpaca_gpt4_bad.json",
    "cherry_alpaca_5.json": (
        "github.com/MingLiiii/Cherry_LLM cherry_data_v1/cherrt_alpaca/cherry_alpaca_5_percent.json"
    ),
    "codealpaca_2k.json": "github.com/sahil280114/codealpaca data/code_alpaca_2k.json",
    "codealpaca_new.json": "github.com/sahil280114/codealpaca data/new_codealpaca.json",
    "cot_aqua.json": "github.com/PhoebusSi/Alpaca-CoT data/formatted_cot_data/aqua_train.json",
    "cot_creak.json": "github.com/PhoebusSi/Alpaca-CoT data/formatted_cot_data/creak_train.json",
    "cot_ecqa.json": "github.com/PhoebusSi/Alpaca-CoT data/formatted_cot_data/ecqa_train.json",
    "cot_qasc.json": "github.com/PhoebusSi/Alpaca-CoT data/formatted_cot_data/qasc_train.json",
    "cot_sensemaking.json": "github.com/PhoebusSi/Alpaca-CoT data/formatted_cot_data/sensemaking_train.json",
    "cot_strategyqa.json": "github.com/PhoebusSi/Alpaca-CoT data/formatted_cot_data/strategyqa_train.json",
    "hh_harmless_test.jsonl": "github.com/anthropics/hh-rlhf harmless-base/test.jsonl.gz",
}
SHOWN_CHARS = 600


def is_held_out(row: str) -> bool:
    """Return whether a row is of the half that no rule was developed on."""
    return hashlib.blake2b(row.encode(), digest_size=8).digest()[0] % 2 == 1


@dataclass(frozen=True)
class Rows:
    """Rows as row-local stages see them after unicode and trim, with `id`, the row's name in what was published.

    is_halved: whether rules were developed on a half of them.
    """

    turns: pl.DataFrame
    is_halved: bool

    @cached_property
    def hits(self) -> pl.DataFrame:
        """Stage, reason, verdict, id and turn of everything that the stages of a default run find."""
        from tilth.curation.recipe import parse
        from tilth.curation.run.local import broken

        found = []
        for local in parse({}, Path()).locals():
            measured, name = local.measure(self.turns), local.name
            found += [broken(measured, rule, name) for rule in local.rules()]
        ids = self.turns.select("row_id", "id").unique("row_id")
        return pl.concat(found).join(ids, on="row_id").sort("stage", "reason", "id", "turn")

    def to_read(self, reason: str, *, held_out: bool = True) -> list[str]:
        """Return the ids of the hits of a rule to be read, 30 at most."""
        found = self.hits.filter(pl.col("reason") == reason)["id"].unique().sort()
        in_part = [not self.is_halved or is_held_out(row) is held_out for row in found]
        part = found.filter(pl.Series(in_part, dtype=pl.Boolean))
        return part.sample(min(READ, part.len()), seed=SEED).sort().to_list()

    def show(self, reason: str, *, held_out: bool) -> None:
        """Print the hits of a rule that are to be read."""
        for row in self.to_read(reason, held_out=held_out):
            print(f"\n=== {row}")
            for role, text in self.turns.filter(pl.col("id") == row).select("role", "text").iter_rows():
                said = text or ""
                cut = said if len(said) <= SHOWN_CHARS else f"{said[:300]} … {said[-300:]}"
                print(f"{role}: {cut}")


def mix() -> Rows:
    """Return the real mix."""
    if REAL is None:
        sys.exit("set TILTH_REAL_DATA to the folder with sft/")
    with (REAL / MIX).open("rb") as stored:
        records = zstandard.ZstdDecompressor().stream_reader(stored).read().splitlines()
    names = pl.Series("id", [orjson.loads(record)["id"] for record in records])
    return Rows(_read(REAL / MIX, names), is_halved=True)


def unseen(folder: Path) -> Rows:
    """Return the rows of the sets of UNSEEN that lie in `folder`, each once."""
    sets = [_read(folder / name, None) for name in UNSEEN if (folder / name).is_file()]
    rows = pl.concat(sets).with_columns(first=pl.col("id").first().over("row_id"))
    return Rows(rows.filter(pl.col("id") == pl.col("first")).drop("first").sort("row_id", "turn"), False)


def _read(path: Path, names: pl.Series | None) -> pl.DataFrame:
    """Return the turns of a file; a row's id is that of its first line in `names`, else `NAME-LINE`."""
    from tilth.curation.reading.limits import ReadLimits
    from tilth.curation.reading.read import ingest
    from tilth.curation.reading.source import Source
    from tilth.curation.rewrite.trim import Trim
    from tilth.curation.rewrite.unicode import Unicode
    from tilth.shards.tables import TURNS

    with TemporaryDirectory() as folder:
        read = ingest([Source(path=str(path))], Path("/"), Path(folder) / "read", ReadLimits())
        seen, rows, lines = (
            pl.concat([pl.read_parquet(getattr(part, name)) for part in read.parts])
            for name in ("turns", "rows", "occurrences")
        )
    line = pl.col("line")
    named = (
        pl.lit(f"{path.stem}-") + line.cast(pl.String) if names is None else names.gather(lines["line"] - 1)
    )
    first = lines.with_columns(id=named).filter(pl.col("row_id").is_not_null()).sort("line")
    of_row = rows.unique("row_id", keep="first", maintain_order=True).join(
        first.unique("row_id", keep="first", maintain_order=True).select("row_id", "id"), on="row_id"
    )
    distinct = seen.unique(["row_id", "turn"], keep="first").sort("row_id", "turn").select(TURNS.names())
    rewritten = Trim().rewrite(Unicode().rewrite(distinct)).drop("changes")
    columns = ("row_id", "id", "shape", "tools", "source", "licence", "attributes", "text_digest")
    return rewritten.join(of_row.select(columns), on="row_id", how="left", maintain_order="left")


def reasons() -> dict[str, tuple[str, str]]:
    """Return every reason that a default run may give, with its stage and verdict."""
    from tilth.curation.recipe import parse

    stages = parse({}, Path()).locals()
    return {rule.reason: (local.name, str(rule.verdict)) for local in stages for rule in local.rules()}


def precision(rows: Rows, judged: dict[str, dict[str, bool]]) -> dict[str, Any]:
    """Return, for each rule, its hits, how many were read (of the mix in the held-out half), and the share right.

    Raises SystemExit naming a rule whose hits to be read have not all been judged.
    """
    counts = dict(rows.hits.group_by("reason").agg(pl.col("id").n_unique()).iter_rows())
    table = {}
    for reason, (name, verdict) in sorted(reasons().items()):
        ids = rows.to_read(reason) if reason in counts else []
        verdicts = judged.get(reason, {})
        if set(ids) - verdicts.keys():
            if rows.is_halved or verdict == "drop":
                sys.exit(f"not judged yet: {reason}")
            ids = []  # of unseen rows, those of rules that only tag may be counted unread
        right = [row for row in ids if verdicts[row]]
        table[reason] = {
            "stage": name,
            "verdict": verdict,
            "hits": counts.get(reason, 0),
            "read": len(ids),
            "right": len(right),
            "precision": round(len(right) / len(ids), 3) if ids else None,
            "ids": ids,
        }
    return {"rows": rows.turns["row_id"].n_unique(), "rules": table}


def main(arguments: list[str]) -> None:
    """Print hits of the rules named, or write the table."""
    command = "python -m benchmarks.tools.rule_hits"
    at = arguments.index("--unseen") if "--unseen" in arguments else None
    rows = mix() if at is None else unseen(Path(arguments[at + 1]))
    names = [name for name in arguments[:at] if not name.startswith("--")]
    for reason in names:
        rows.show(reason, held_out="--develop" not in arguments)
    if names:
        return
    judged = json.loads(JUDGEMENTS.read_text(encoding="utf-8"))
    if at is None:
        write("rule_precision", command, precision(rows, judged))
    else:
        write(
            "rule_precision_unseen", f"{command} --unseen FOLDER", precision(rows, judged) | {"sets": UNSEEN}
        )


if __name__ == "__main__":
    main(sys.argv[1:])
