"""Which figures stand in the tables, and where in benchmarks/results/ they are found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A line of a table. `ours`, `peer`, `version`: paths below `figures` of the result, see figures.look_up."""

    heading: str
    what: str
    result: str
    ours: str
    form: str = "count"
    peer: str = ""
    name: str = ""
    version: str = ""


def beside(
    heading: str, what: str, result: str, ours: str, peers: dict[str, tuple[str, str]], form: str = "count"
) -> Iterator[Figure]:
    """Yield a line for each peer: name -> its figure, its version."""
    for name, (peer, version) in peers.items():
        yield Figure(heading, what, result, ours, form, peer, name, version)


def reading() -> Iterator[Figure]:
    """Rows into flat tables, every guard on; what hostile lines and large files do."""
    readers = {
        "datasets": "datasets.load_dataset",
        "polars": "polars.read_ndjson",
        "orjson, a line at a time": "orjson a line",
    }
    versions = {name: f"versions/{name.partition(',')[0]}" for name in readers}
    shapes = {
        "chat": "chat",
        "instruction_input_output": "flat instruction, input, output",
        "prompt_response": "flat prompt, response",
    }
    for shape, words in shapes.items():
        peers = {
            name: (f"speed/{shape}/{key}/rows_per_cpu_s", versions[name]) for name, key in readers.items()
        }
        what = f"{words} rows of 0.8 kB, rows a CPU-second"
        yield from beside("Reading", what, "reading", f"speed/{shape}/tilth/rows_per_cpu_s", peers)
    whole = "every good row kept, the line reported?"
    peers = {name: (f"hostile/{key}/{whole}", versions[name]) for name, key in readers.items()}
    what = "hostile lines, of 16, that are reported and cost no good row"
    yield from beside("Reading", what, "reading", f"hostile/tilth/{whole}", peers)
    memory = {"datasets": "datasets.load_dataset", "polars": "polars.read_ndjson"}
    large = "peak_mib_of_a_file_8_times_larger"
    peers = {name: (f"memory/{key}/{large}", versions[name]) for name, key in memory.items()}
    yield from beside(
        "Reading", "peak memory of a file of eight times, MiB", "reading", f"memory/tilth/{large}", peers
    )


def runs() -> Iterator[Figure]:
    """curate from first byte to page."""
    heading = "A whole run of curate"
    for rows, words in (
        ("rows_1000000", "a million rows of 712 characters"),
        ("rows_4000000", "four million"),
    ):
        yield Figure(heading, f"{words}, read to published, s", "pipeline", f"{rows}/wall_s")
        yield Figure(heading, f"{words}, peak memory, MiB", "pipeline", f"{rows}/peak_mib")
    yield Figure(heading, "memory a row more, bytes", "pipeline", "grown_bytes_per_row")
    yield Figure(heading, "100,000 equal rows, s", "pipeline", "equal_rows/wall_s")


def defects() -> Iterator[Figure]:
    """Planted defects, and rows that are good however odd."""
    heading = "Planted defects"
    yield Figure(heading, "found, of 653 in 19 classes", "defects", "ours/recall/share", "share")
    yield Figure(heading, "found in the sealed half", "defects", "ours/recall_sealed/share", "share")
    yield Figure(
        heading, "found of those that occurred in real data", "defects", "ours/recall_real/share", "share"
    )
    yield Figure(heading, "found of those written by hand", "defects", "ours/recall_written/share", "share")
    yield Figure(heading, "background rows dropped", "defects", "ours/kept/background/dropped/share", "share")
    settings = {
        "datatrove, C4 on the response": ("datatrove_filters", "c4 on response"),
        "datatrove, Gopher repetition": ("datatrove_filters", "gopher_repetition on text"),
        "data-juicer, alpaca_cot_refine": ("data_juicer_filters", "alpaca_cot_refine on text"),
        "open-instruct, all rules": ("open_instruct_rules", "all"),
    }
    versions = {key: f"peers/{key}/version" for key, _ in settings.values()}
    for what, ours, theirs in (
        ("found of those that one row shows", "ours/recall_within_one_row/share", "recall_within_one_row"),
        (
            "odd rows that are right, dropped",
            "ours/kept/hard_negative/dropped/share",
            "hard_negatives_dropped",
        ),
    ):
        peers = {
            name: (f"peers/{key}/settings/{setting}/{theirs}", versions[key])
            for name, (key, setting) in settings.items()
        }
        yield from beside(heading, what, "defects", ours, peers, "share")


def near_duplicates() -> Iterator[Figure]:
    """300,000 texts; datasketch 20,000."""
    heading = "Near duplicates"
    peers = {
        "rensa, shingles cut in Python": "rensa",
        "rensa, tokens cut and hashed before the clock starts; flags rows, names no witness": "rensa_hashed",
        "gaoya": "gaoya",
    }
    for key, words, form in (
        ("rows_per_cpu_s", "300,000 texts, rows a CPU-second", "count"),
        ("recall", "planted pairs found, of 30,788", "share"),
        ("peak_mib", "peak memory, MiB", "count"),
    ):
        found = {name: (f"{peer}/{key}", f"{peer}/version") for name, peer in peers.items()}
        yield from beside(heading, words, "near_dup", f"tilth_300000/{key}", found, form)
    found = {
        name: (f"{peer}/precision", f"{peer}/version")
        for name, peer in peers.items()
        if peer != "rensa_hashed"
    }
    yield from beside(
        heading,
        "what is called near and is (Jaccard ≥ .8)",
        "near_dup",
        "tilth_300000/precision",
        found,
        "share",
    )
    dropped = {
        name: (f"{peer}/{'flagged' if peer == 'rensa_hashed' else 'dropped'}", f"{peer}/version")
        for name, peer in peers.items()
    }
    yield from beside(heading, "rows called a repeat", "near_dup", "tilth_300000/dropped", dropped)
    small = {"datasketch": ("datasketch/rows_per_cpu_s", "datasketch/version")}
    yield from beside(
        heading, "20,000 texts, rows a CPU-second", "near_dup", "tilth_20000/rows_per_cpu_s", small
    )


def meaning() -> Iterator[Figure]:
    """Vectors of words, and what they cannot see."""
    heading = "Duplicates in meaning"
    semhash = {"semhash, the same vectors": ("semhash/rows_per_cpu_s", "semhash/version")}
    yield from beside(heading, "rows a CPU-second", "semantic", "tilth/rows_per_cpu_s", semhash)
    semhash = {"semhash, the same vectors": ("semhash/missed", "semhash/version")}
    yield from beside(heading, "duplicates missed, of some 2,400", "semantic", "tilth/missed", semhash)
    yield Figure(
        heading, "rewordings found at a cosine of .95", "semantic", "reworded_svd/0.95/found", "share"
    )
    yield Figure(heading, "rewordings found at a cosine of .8", "semantic", "reworded_svd/0.8/found", "share")


def languages() -> Iterator[Figure]:
    """51 languages with a profile, 23 without."""
    heading = "Language of a text"
    peers = ("langdetect", "pycld2", "py3langid")
    sets = {"sentences": "sentences", "word_pairs": "pairs of words", "single_words": "single words"}
    for key, words in sets.items():
        found = {name: (f"by_set/{key}/right/{name}", f"versions/{name}") for name in peers}
        yield from beside(
            heading, f"{words}, right of all", "language", f"by_set/{key}/right/ours", found, "share"
        )
        yield Figure(
            heading, f"{words}, right where named", "language", f"by_set/{key}/right_where_named", "share"
        )
        found = {name: (f"by_set/{key}/wrong_without_profile/{name}", f"versions/{name}") for name in peers}
        what = f"{words} of a language without a profile, named wrongly"
        yield from beside(
            heading, what, "language", f"by_set/{key}/wrong_without_profile/ours", found, "share"
        )
    found = {name: (f"docs_per_cpu_s/{name}", f"versions/{name}") for name in peers}
    yield from beside(heading, "texts a CPU-second", "language", "docs_per_cpu_s/ours", found)


def texts() -> Iterator[Figure]:
    """Prose statistics, personal data, evaluation items."""
    prose = {
        "datatrove, four filters": ("datatrove/docs_per_cpu_s", "datatrove/version"),
        "datatrove, words cut at blanks": ("datatrove/with_our_words/docs_per_cpu_s", "datatrove/version"),
        "dolma": ("dolma/docs_per_cpu_s", "dolma/version"),
    }
    yield from beside("Prose statistics", "pages a CPU-second", "quality", "docs_per_cpu_s", prose)
    yield Figure(
        "Prose statistics",
        "values equal to datatrove's, of 14,000",
        "quality",
        "datatrove/equal_values",
        "share",
    )
    peers = {"dolma": "dolma_pii", "datatrove": "datatrove_pii"}
    for what, key, form in (
        ("pages a CPU-second", "pages_per_cpu_s", "count"),
        ("e-mail addresses found", "recall/email", "share"),
        ("phone numbers found", "recall/phone", "share"),
        ("what only looks like personal data, taken", "lookalikes_hit", "share"),
    ):
        found = {name: (f"{peer}/{key}", f"{peer}/version") for name, peer in peers.items()}
        yield from beside("Personal data", what, "pii", f"ours/{key}", found, form)
    heading = "Evaluation items"
    for what, path in (
        ("leaked GSM8K items found, verbatim", "gsm8k/{}/verbatim"),
        ("leaked GSM8K items found, reworded", "gsm8k/{}/rephrase"),
        ("clean rows taken beside GSM8K", "gsm8k/{}/none"),
        ("leaked MBPP items found, in part", "mbpp/{}/verbatim_part"),
        ("clean rows taken beside MBPP", "mbpp/{}/none"),
    ):
        peers = {
            "the rule of Tülu 3, restated": (path.format("tulu-3"), ""),
            "of GPT-3": (path.format("gpt-3"), ""),
        }
        yield from beside(heading, what, "contamination", path.format("tilth"), peers, "of")
    asked = "gsm8k/rewordings/0.65/"
    reworded = "GSM8K, reworded, where `rewordings: 0.65` is asked"
    yield Figure(heading, reworded, "contamination", f"{asked}rephrase", "of")
    yield Figure(heading, "GSM8K, clean rows that it tags", "contamination", f"{asked}none", "of")


def training() -> Iterator[Figure]:
    """Beside TRL's SFTTrainer at the fastest of its settings; memory planned; bases; forgetting."""
    heading = "Training"
    for key, words, setting in (
        ("auto", "16 bits where it helps", "packed-2-bfloat16"),
        ("float32", "32 bits", "packed-2-float32"),
    ):
        for figure, unit in (("tokens_per_s", "tokens a second"), ("peak_mib", "peak memory, MiB")):
            peers = {f"TRL, {setting}": (f"{key}/rounds/*/trl/{figure}", f"trl_tried/{setting}/version")}
            what = f"LoRA of a 14M model, {words}, {unit}"
            yield from beside(heading, what, "trl", f"{key}/rounds/*/tilth/{figure}", peers)
    for size in ("10M", "30M", "100M"):
        for method in ("lora", "full"):
            yield Figure(
                heading, f"memory planned over measured, {size} {method}", "plan", f"{size} {method}/memory_error",
                "percent",
            )  # fmt: skip
    yield Figure(
        heading, "order of eight bases for a tenth of the compute, Kendall's tau", "base_choice",
        "by_budget/0.1/kendall_tau/mean", "share",
    )  # fmt: skip
    for method in ("full", "full + KL", "full + L2-SP", "full + replay 10 %", "LoRA"):
        yield Figure(
            heading, f"forgotten, {method}, nat/token", "methods", f"methods/{method}/forgotten/mean"
        )
        yield Figure(
            heading,
            f"exact on desk questions, {method}",
            "methods",
            f"methods/{method}/desk_exact/mean",
            "share",
        )
    yield Figure(heading, "exact on desk questions, untuned", "methods", "untuned/exact", "share")


def guards() -> Iterator[Figure]:
    """What holds the house."""
    heading = "Guards and faults"
    yield Figure(
        heading, "guards against silent failures whose removal a test notices, of 44", "mutants", "killed"
    )
    yield Figure(heading, "fault classes that pass at full counts, of 30", "faults", "classes_passed")
    yield Figure(heading, "does the steered version help on the sample?", "proof", "answer", "text")
    for arm in ("pushback", "random removal", "confident learning"):
        yield Figure(
            heading,
            f"of what 20 % confusable wrong labels cost, won back by {arm} (CLINC150, SmolLM2-135M)",
            "proof_real",
            f"gap_closure/clinc150-confusable-20/{arm}",
            "share",
        )


FIGURES = (
    *reading(), *runs(), *defects(), *near_duplicates(), *meaning(), *languages(), *texts(), *training(), *guards()
)  # fmt: skip
HEADLINES = (
    Figure("", "planted defects found, of 653", "defects", "ours/recall/share", "share"),
    Figure(
        "", "near duplicates, exactly verified, rows a CPU-second", "near_dup", "tilth_300000/rows_per_cpu_s"
    ),
    Figure("", "a million rows, read to published, seconds", "pipeline", "rows_1000000/wall_s"),
    Figure(
        "",
        "LoRA on a CPU with AMX, times TRL's tokens a second at its fastest",
        "trl",
        "auto/times_trl/median",
    ),
    Figure(
        "",
        "of the accuracy that 20 % confusable wrong labels cost, won back by one round of pushback",
        "proof_real",
        "gap_closure/clinc150-confusable-20/pushback",
        "share",
    ),
)
