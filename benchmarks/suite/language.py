"""Language identification beside langdetect, pycld2 and py3langid: right names, wrong ones, speed.

All figures are of lines that the confidence was not fitted on (benchmarks/tools/fit_language.py). `right` is of all
texts, named or not, in the languages that langdetect knows; `wrong_without_profile` of those in the others, for
which any name but their own is wrong.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import polars as pl

from benchmarks.inputs.language_pairs import answers_in_another_language
from benchmarks.inputs.markdown import pages
from benchmarks.inputs.sample import REAL, read_real, sample_texts
from benchmarks.tools import peer
from benchmarks.tools.fit_language import SETS, halves
from benchmarks.tools.record import cpu_seconds
from tilth.curation import language
from tilth.curation.language import UNKNOWN, identify
from tilth.curation.language.profiles import load

PACKAGES = [
    "langdetect==1.0.9",
    "pycld2==0.42",
    "py3langid==0.4.0",
    "numpy==2.4.6",
    f"polars=={pl.__version__}",
]
PEERS = ("langdetect", "pycld2", "py3langid")
A_LANGUAGE, PAGES_A_LANGUAGE, SENTENCES_A_PAGE, REAL_PAGES = 40, 8, 4, 300
SURE = 0.7  # confidence from which on `language` rules act
BUCKETS = ((0, 10), (10, 20), (20, 50), (50, 100), (100, 200), (200, 1_000_000))  # characters
REPEATS = 10


def measure() -> dict[str, Any]:
    """Return speed, and by set and by length: right names, wrong names, agreement with langdetect's seeds."""
    rows = _labelled() if REAL else sample_texts().head(400).alias("text").to_frame().with_columns(
        lang=pl.lit(UNKNOWN), set=pl.lit("sample")
    )  # fmt: skip
    texts = rows["text"]
    with TemporaryDirectory() as folder:
        path, names = Path(folder) / "texts.parquet", Path(folder) / "names.json"
        rows.select("text").write_parquet(path)
        found = peer.run("language", PACKAGES, str(path), str(names))
        said = json.loads(names.read_text(encoding="utf-8")) if names.exists() else {}
    found_here = identify(texts)
    with patch.object(language, "MIN_CONFIDENCE", -1.0):  # name the best, certain or not, and strip nothing
        forced = language.identify_prose(texts)["language"]
    rows = rows.with_columns(found_here.rename({"language": "ours"}))
    rows = rows.with_columns(forced=forced, **{name: pl.Series(v) for name, v in said.items()})
    many = pl.concat([texts] * REPEATS)
    speed = {"ours": round(len(many) / cpu_seconds(lambda: identify(many)))}
    figures: dict[str, Any] = {"texts": len(rows), "mean_chars": texts.str.len_chars().sum() // len(texts)}
    if "unavailable" in found:
        return figures | {"docs_per_cpu_s": speed, "peers": found}
    speed |= {name: round(len(rows) / seconds) for name, seconds in found["cpu_s"].items()}
    figures |= {"versions": found["version"], "docs_per_cpu_s": speed}
    figures["times_langdetect"] = round(speed["ours"] / speed["langdetect"], 1)
    if REAL is None:
        seeds = [_share(rows["forced"] == rows[f"langdetect_{seed}"]) for seed in (0, 1)]
        return figures | {"agreement_with_langdetect": seeds}
    lengths = [_of_length(rows, low, high) for low, high in BUCKETS]
    figures["by_set"] = {
        name: _judged(part) for (name,), part in rows.partition_by("set", as_dict=True).items()
    }
    figures["by_length"] = {name: _judged(part) for name, part in lengths if len(part)}
    figures["table"] = _table(figures["by_set"] | figures["by_length"])
    return figures | answers_in_another_language()


def _labelled() -> pl.DataFrame:
    """Return `text`, `lang` and `set`: the other half of lingua's sets, pages made of it, and real pages."""
    known = set(load().languages)
    parts = []
    for name in SETS:
        _, rows = halves(name)
        few = rows.group_by("lang", maintain_order=True).head(A_LANGUAGE)
        parts.append(few.select("text", "lang", set=pl.lit(name)))
        if name == "sentences":
            for (code,), of_language in rows.partition_by("lang", as_dict=True, maintain_order=True).items():
                if code in known:
                    made = pages(of_language["text"].to_list(), PAGES_A_LANGUAGE, SENTENCES_A_PAGE, seed=0)
                    frame = pl.DataFrame({"text": made, "lang": code, "set": "markdown"})
                    parts.append(frame.select("text", "lang", "set"))
    docs = read_real("near_dup/docs.jsonl.zst")
    assert docs is not None
    # Pages in the Chinese tree that are still English are taken for what they are.
    chinese = pl.col("text").str.count_matches(r"\p{Han}") >= 0.05 * pl.col("text").str.count_matches(
        r"\p{L}"
    )
    real = docs.with_columns(is_chinese=chinese).filter((pl.col("lang") == "zh") == pl.col("is_chinese"))
    real = real.filter(pl.col("text").str.len_chars() > 200)
    drawn = [real.filter(pl.col("lang") == code).head(REAL_PAGES // 2) for code in ("en", "zh")]
    return pl.concat([*parts, pl.concat(drawn).select("text", "lang", set=pl.lit("real_pages"))])


def _of_length(rows: pl.DataFrame, low: int, high: int) -> tuple[str, pl.DataFrame]:
    chars = rows["text"].str.len_chars()
    inside = rows.filter((chars >= low) & (chars < high) & rows["set"].is_in(list(SETS)))
    return f"{low}-{high} characters" if high < 1_000_000 else f"{low} characters and more", inside


def _judged(rows: pl.DataFrame) -> dict[str, Any]:
    """Return the figures of one set; `wrong_without_profile` is of languages that langdetect does not know."""
    has = pl.col("lang").is_in(sorted(set(load().languages)))
    known, others = rows.filter(has), rows.filter(~has)
    named = known.filter(pl.col("ours") != UNKNOWN)
    out: dict[str, Any] = {"rows": len(known), "named": _share(known["ours"] != UNKNOWN)}
    out["right_where_named"] = _share(named["ours"] == named["lang"])
    out["right"] = {"ours": _share(known["ours"] == known["lang"])} | {
        name: _share(known[column] == known["lang"]) for name, column in _columns().items()
    }
    out["wrong_without_profile"] = {
        name: _share((others[column] != others["lang"]) & (others[column] != UNKNOWN))
        for name, column in ({"ours": "ours"} | _columns()).items()
    }
    out["wrong_without_profile_where_sure"] = _share(others["confidence"] >= SURE)
    out["languages"] = {"known": known["lang"].n_unique(), "without_profile": others["lang"].n_unique()}
    with_seeds = [_share(known["forced"] == known[f"langdetect_{seed}"]) for seed in (0, 1)]
    out["agreement_with_langdetect"] = round(sum(filter(None, with_seeds)) / 2, 4)
    out["agreement_of_its_seeds"] = _share(known["langdetect_0"] == known["langdetect_1"])
    return out


def _columns() -> dict[str, str]:
    return {name: "langdetect_0" if name == "langdetect" else name for name in PEERS}


def _share(holds: pl.Series) -> float | None:
    return round(float(holds.mean()), 4) if len(holds) else None  # type: ignore[arg-type]


def _table(parts: dict[str, dict[str, Any]]) -> list[str]:
    """Return a table in Markdown, a line a set."""
    head = (
        "| set | texts | right of all: ours | where named | "
        + " | ".join(PEERS)
        + f" | wrong, no profile: ours | from {SURE} on | "
    )
    lines = [head + " | ".join(PEERS) + " | agreement | of two seeds |", "|" + "---|" * 14]
    for name, part in parts.items():
        wrong, right = part["wrong_without_profile"], part["right"]
        cells = [name, part["rows"], right["ours"], part["right_where_named"], *(right[p] for p in PEERS)]
        cells += [wrong["ours"], part["wrong_without_profile_where_sure"], *(wrong[p] for p in PEERS)]
        cells += [part["agreement_with_langdetect"], part["agreement_of_its_seeds"]]
        lines.append("| " + " | ".join("" if cell is None else str(cell) for cell in cells) + " |")
    return lines
