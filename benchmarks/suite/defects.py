"""Planted defects: what default curation takes out or notes, what it takes by mistake, and what peers' rules do.

A case counts as caught only with a reason that names its defect: rows that must go are dropped or quarantined,
all others are dropped, quarantined or tagged. A row that must stay and is out is a false drop, one that is noted
a false tag. Half of the defects (those with an even number) are sealed: which of them are missed is not written
down, so that no rule is fitted to them. A peer is credited with every row that it drops, for whatever reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from benchmarks.inputs.defects.cases import Case, evaluation, is_instruction, load, read
from benchmarks.inputs.sample import read_real
from benchmarks.tools import peer

# The reasons that name a defect. A duplicate that is equal in every field is one row published once.
REASONS: dict[str, set[str]] = {
    "empty": {"empty_response", "empty_prompt", "missing_field", "wrong_type", "no_turns"},
    "echo": {"echo"},
    "dangling": {"dangling_colon"},
    "conflict": {"conflicting_answers", "several_answers"},
    "truncated": {
        "finish_reason_length", "ends_at_token_cap", "open_code_fence", "open_formula", "open_json", "open_sentence",
    },
    "template": {"leaked_template", "merged_turns", "leaked_template_in_prompt"},
    "placeholder": {"placeholder_input", "image_input", "link_input"},
    "identity": {"names_another_model"},
    "refusal": {"refused_benign", "refused"},
    "as_ai": {"ai_disclaimer"},
    "cutoff": {"cutoff_talk"},
    "scrape": {"pager_residue", "label_residue", "broken_list", "stuck_digits"},
    "reasoning": {"unclosed_reasoning", "empty_reasoning", "box_missing"},
    "impossible": {"asks_for_media", "instruction_too_short", "instruction_too_long", "image_input", "link_input"},
    "wrong_language": {"answered_in_another_language", "language_not_kept"},
    "roles": {
        "turn_order", "ends_without_response", "ends_with_user", "tool_call_unanswered", "arguments_unreadable",
        "unknown_tool", "arguments_misfit", "unknown_role", "invalid_tool_call", "no_turns", "missing_field",
    },
    "exact_duplicate": {"published_once", "same_text"},
    "near_duplicate": {"near_duplicate", "near_held_out", "same_text"},
    "contamination": {"is_eval_item", "covers_eval_item", "shares_eval_span"},
}  # fmt: skip
# Defects that are seen in one row alone; the others need several rows or the evaluation set.
SEVERAL_ROWS = ("conflict", "exact_duplicate", "near_duplicate", "contamination")
PEERS = {
    "datatrove_filters": [
        "datatrove==0.10.1", "spacy==3.8.18", "nltk==3.10.4", "ftfy==6.3.1", "tldextract==5.4.0",
    ],
    "data_juicer_filters": ["py-data-juicer==1.6.1", "aiohttp==3.14.5", "ray==2.60.0", "msgpack==1.2.4"],
    "open_instruct_rules": [],
}  # fmt: skip
SHOWN = 60


def measure() -> dict[str, Any]:
    """Return recall by defect, false drops and false tags of ours, and the same of each peer."""
    frame = read_real("sft/sft_mix.jsonl.zst")
    real = None if frame is None else dict(frame.select("id", "messages").iter_rows())
    cases = load(real)
    with TemporaryDirectory() as folder:
        fates = curate_cases(cases, evaluation(real), Path(folder))
        rows = _write_peer_rows(cases, Path(folder) / "rows.jsonl")
        peers = {name: peer.run(name, pins, str(rows)) for name, pins in PEERS.items()}
    return {
        "history": read("history.jsonl"),
        "real_rows": real is not None,
        "cases": dict(sorted(Counter(case.group for case in cases).items())),
        "ours": _judge_ours(cases, fates),
        "peers": {name: _judge_peer(cases, found) for name, found in peers.items()},
    }


def curate_cases(
    cases: list[Case], items: list[dict[str, str]], folder: Path
) -> dict[str, dict[str, set[str]]]:
    """Run default curation over all cases as one dataset; return id -> {"out": reasons, "tag": reasons}."""
    from tilth.curation.curate import Request, curate
    from tilth.curation.reading.source import Source
    from tilth.curation.recipe import parse
    from tilth.shards.store import Store
    from tilth.validators.recipe import Checks

    shapes = {
        "chat": [c for c in cases if not is_instruction(c)],
        "cards": [c for c in cases if is_instruction(c)],
    }
    for name, members in shapes.items():
        _write(folder / f"{name}.jsonl", [case.row for case in members])
    _write(folder / "evaluation.jsonl", items)
    sources = tuple(Source(path=f"{name}.jsonl", name=name) for name in shapes)
    recipe = parse({"decontaminate": ["evaluation.jsonl"]}, folder)
    outcome = curate(Request("defects", sources, recipe, Checks(), folder), Store.open(folder / "store"))
    version = outcome.version
    seen = version.occurrences().join(version.decisions(), on="row_id", how="left", maintain_order="left")
    tags: dict[bytes, set[str]] = {}
    for row_id, reason in outcome.tags.select("row_id", "reason").iter_rows():
        tags.setdefault(row_id, set()).add(reason)
    fates: dict[str, dict[str, set[str]]] = {}
    published: set[bytes] = set()
    for source, line, row_id, unread, verdict, reason in (
        seen.sort("source", "line")
        .select("source", "line", "row_id", "reader_reason", pl.col("verdict").cast(pl.String), "reason")
        .iter_rows()
    ):
        out = {unread} if unread else set() if verdict == "keep" else {reason}
        if row_id in published:
            out.add("published_once")
        published.add(row_id)
        fates[shapes[source][line - 1].id] = {"out": out, "tag": tags.get(row_id, set())}
    return fates


def _judge_ours(cases: list[Case], fates: Mapping[str, Mapping[str, set[str]]]) -> dict[str, Any]:
    caught = {case.id for case in cases if case.group == "defect" and _is_caught(case, fates)}
    out = {name for name, fate in fates.items() if fate["out"] - {"published_once"}}
    strict = {c.id: sorted(fates[c.id]["out"]) for c in cases if c.expect == "tag" and c.id in out}
    return {
        **_recall(cases, caught),
        "dropped_where_a_tag_was_asked": strict,
        "kept": {group: _false(cases, fates, group) for group in ("hard_negative", "clean", "background")},
    }


def _is_caught(case: Case, fates: Mapping[str, Mapping[str, set[str]]]) -> bool:
    fitting, fate = REASONS[str(case.defect)], fates[case.id]
    if case.defect in ("exact_duplicate", "near_duplicate", "conflict") and f"{case.id}/twin" in fates:
        twin = fates[f"{case.id}/twin"]
        found = fate["out"] | twin["out"] | (set() if case.expect == "out" else fate["tag"] | twin["tag"])
        return bool(found & fitting)
    return bool((fate["out"] | (set() if case.expect == "out" else fate["tag"])) & fitting)


def _false(cases: list[Case], fates: Mapping[str, Mapping[str, set[str]]], group: str) -> dict[str, Any]:
    members = [case for case in cases if case.group == group]
    dropped = {c.id: sorted(fates[c.id]["out"]) for c in members if fates[c.id]["out"]}
    tagged = {c.id: sorted(fates[c.id]["tag"] - _fair(c)) for c in members if fates[c.id]["tag"] - _fair(c)}
    return {
        "rows": len(members),
        "dropped": interval(len(dropped), len(members)),
        "tagged": interval(len(tagged), len(members)),
        "dropped_by": _counts(dropped.values()),
        "tagged_by": _counts(tagged.values()),
        "dropped_rows": dict(list(dropped.items())[:SHOWN]),
        "tagged_rows": dict(list(tagged.items())[:SHOWN]),
    }


def _fair(case: Case) -> set[str]:
    return set().union(*(REASONS[name] for name in case.fair_tags)) if case.fair_tags else set()


def _recall(cases: list[Case], caught: Collection[str]) -> dict[str, Any]:
    defects = [case for case in cases if case.group == "defect"]
    by_class: dict[str, Any] = {}
    for name in sorted({str(case.defect) for case in defects}):
        members = [case for case in defects if case.defect == name]
        missed = [case.id for case in members if case.id not in caught]
        by_class[name] = {
            **interval(len(members) - len(missed), len(members)),
            "real": sum(case.real for case in members),
            "missed_open": [case.id for case in members if case.id in missed and case.is_open],
        }
    single = [case for case in defects if case.defect not in SEVERAL_ROWS]
    return {
        "recall": interval(sum(case.id in caught for case in defects), len(defects)),
        "recall_real": interval(*_of([c for c in defects if c.real], caught)),
        "recall_written": interval(*_of([c for c in defects if not c.real], caught)),
        "recall_within_one_row": interval(*_of(single, caught)),
        "recall_within_design": interval(*_of([c for c in defects if not c.beyond], caught)),
        "recall_sealed": interval(*_of([c for c in defects if not c.beyond and not c.is_open], caught)),
        "classes": by_class,
    }


def _of(cases: list[Case], caught: Collection[str]) -> tuple[int, int]:
    return sum(case.id in caught for case in cases), len(cases)


def _judge_peer(cases: list[Case], found: dict[str, Any]) -> dict[str, Any]:
    """Return every setting's recall and false drops, and the classes of the setting with the best difference."""
    if "unavailable" in found:
        return found
    must_stay = [case.id for case in cases if case.group == "hard_negative"]
    clean = [case.id for case in cases if case.group in ("clean", "background")]
    settings: dict[str, dict[str, Any]] = {}
    for name, ids in found["dropped"].items():
        dropped = set(ids)
        settings[name] = {
            **_recall(cases, dropped),
            "hard_negatives_dropped": interval(len(dropped & set(must_stay)), len(must_stay)),
            "others_dropped": interval(len(dropped & set(clean)), len(clean)),
        }

    def gain(name: str) -> float:
        one = settings[name]
        wrong = one["hard_negatives_dropped" if must_stay else "others_dropped"]["share"]
        return float(one["recall_within_one_row"]["share"] - wrong)

    best = max(settings, key=gain)
    short = {
        name: {
            k: one[k]["share"] for k in ("recall_within_one_row", "hard_negatives_dropped", "others_dropped")
        }
        for name, one in settings.items()
    }
    classes = {k: v["share"] for k, v in settings[best].pop("classes").items()}
    return {
        "version": found["version"], "cpu_s": found["cpu_s"], "settings": short,
        "best": {"setting": best, **settings[best], "classes": classes},
    }  # fmt: skip


def interval(hits: int, of: int) -> dict[str, Any]:
    """Return hits, of, share and Wilson's 95 % interval (Wilson 1927) of a share."""
    if not of:
        return {"hits": 0, "of": 0, "share": None, "low": None, "high": None}
    z, share = 1.959964, hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * ((share * (1 - share) + z * z / (4 * of)) / of) ** 0.5 / (1 + z * z / of)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return {"hits": hits, "of": of, "share": round(share, 4), "low": round(low, 4), "high": round(high, 4)}


def _counts(reasons: Iterable[list[str]]) -> dict[str, int]:
    return dict(sorted(Counter(reason for found in reasons for reason in found).items()))


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _write_peer_rows(cases: list[Case], path: Path) -> Path:
    """Write id, messages, response and the whole text of every case but the twins."""
    rows = []
    for case in cases:
        if case.group == "twin":
            continue
        turns = case.row.get("messages") or [
            {"role": "user", "content": f"{case.row['instruction']}\n{case.row['input']}".strip()},
            {"role": "assistant", "content": case.row["output"]},
        ]
        text = "\n\n".join(str(turn.get("content") or "") for turn in turns)
        response = str(turns[-1].get("content") or "")
        rows.append({"id": case.id, "messages": turns, "response": response, "text": text})
    _write(path, rows)
    return path
