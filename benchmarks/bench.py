"""make bench: how fast curation and its kernels are, beside the libraries they stand in for."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from benchmarks.record import timed, write
from tilth.curation.dedup.near import Dedup
from tilth.curation.language import identify
from tilth.workbench.demo import prepare

LANGDETECT_DOCS = 400
DATASKETCH_DOCS = 2_000
REPEATS = 20
START_RUNS = 5


def main() -> None:
    """Measure and write the figures."""
    with TemporaryDirectory() as folder:
        recipe = prepare(Path(folder) / "demo")
        texts = sample_texts(recipe)
        figures = {
            "help": start_seconds(),
            "curate_sample": {"lines": 7_507, **timed([_command("curate"), str(recipe)])},
            "language": language(texts),
            "near_duplicates": near_duplicates(texts),
        }
    write("bench", "make bench", figures)
    for name, values in figures.items():
        print(name, values)


def _command(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def start_seconds() -> dict[str, float]:
    """Return the least wall seconds of `COMMAND --help`, by command."""
    names = ("curate", "train", "validate", "refresh", "tilth")
    return {n: min(timed([_command(n), "--help"])["wall_s"] for _ in range(START_RUNS)) for n in names}


def sample_texts(recipe: Path) -> pl.Series:
    """Return the user turns of the bundled conversations."""
    from tilth.curation.limits import ReadLimits
    from tilth.curation.read import ingest
    from tilth.curation.source import Source

    source = Source(path="sources/conversations.jsonl")
    read = ingest([source], recipe.parent, recipe.parent / "read", ReadLimits())
    turns = pl.concat([pl.read_parquet(part.turns) for part in read.parts])
    return turns.filter(pl.col("role").cast(pl.String) == "user")["text"]


def language(texts: pl.Series) -> dict[str, Any]:
    """Return documents a CPU-second of our kernel and of langdetect, and how often they agree."""
    from langdetect import DetectorFactory, detect

    identify(texts.head(10))
    many = pl.concat([texts] * REPEATS)
    ours = len(many) / cpu_seconds(lambda: identify(many))
    few = texts.head(LANGDETECT_DOCS)
    DetectorFactory.seed = 0
    theirs: list[str] = []
    seconds = cpu_seconds(lambda: theirs.extend(detect(text) for text in few))
    found = identify(few)["language"].to_list()
    said = [(a, b) for a, b in zip(found, theirs) if a != "unknown"]
    return {
        "docs_per_cpu_s": round(ours),
        "langdetect_docs_per_cpu_s": round(len(few) / seconds),
        "agreement_where_known": round(sum(a == b for a, b in said) / len(said), 4),
        "known_share": round(len(said) / len(found), 4),
    }


class Documents:
    """The texts of a benchmark as a barrier asks for them: a document is its own prompt."""

    def __init__(self, texts: pl.Series) -> None:
        self.texts = texts

    def turns(self) -> pl.LazyFrame:
        """No barrier measured here asks for turns."""
        raise LookupError("turns")

    def prompts(self, row_ids: pl.Series) -> pl.Series:
        """Documents have no prompt."""
        return self.texts.new_from_index(0, 0).extend_constant("", len(row_ids))

    def first_prompts(self, row_ids: pl.Series) -> pl.Series:
        """The document."""
        return self.texts

    def responses(self, row_ids: pl.Series) -> pl.Series:
        """The document."""
        return self.texts


def near_duplicates(texts: pl.Series) -> dict[str, Any]:
    """Return rows a CPU-second of our pass (exact, witnesses kept) and of datasketch's MinHash LSH (estimates)."""
    from datasketch import MinHash, MinHashLSH

    rows = pl.DataFrame({"row_id": [n.to_bytes(16, "big") for n in range(len(texts))]}).with_columns(
        split=pl.lit("train")
    )
    stage, documents = Dedup(max_cluster=1.0), Documents(texts)

    def ours() -> None:
        stage.decide(rows, stage.evidence(rows, documents))

    few = texts.head(DATASKETCH_DOCS)

    def theirs() -> None:
        lsh = MinHashLSH(num_perm=128, params=(32, 4))
        for number, text in enumerate(few):
            words = text.split()
            sketch = MinHash(num_perm=128)
            sketch.update_batch([" ".join(words[i : i + 5]).encode() for i in range(max(1, len(words) - 4))])
            lsh.query(sketch)
            lsh.insert(str(number), sketch)

    ours()
    return {
        "rows_per_cpu_s": round(len(texts) / cpu_seconds(ours)),
        "datasketch_rows_per_cpu_s": round(len(few) / cpu_seconds(theirs)),
    }


def cpu_seconds(run: Callable[[], Any]) -> float:
    """Return the CPU seconds that `run` takes."""
    started = time.process_time()
    run()
    return time.process_time() - started


if __name__ == "__main__":
    main()
