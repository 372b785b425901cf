"""Scores and selection: how fast, and what they tell about rows whose quality or source is known."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import zstandard

from benchmarks.inputs.sample import read_real, sample_texts
from benchmarks.tools.record import ROOT, cpu_seconds
from tilth.curation.rules.complexity import MEASURES, Complexity
from tilth.curation.select.importance import gumbel, log_weights
from tilth.curation.select.k_center import k_center
from tilth.curation.similarity.facility_location import facility_location
from tilth.curation.similarity.features import counts, features
from tilth.shards.tables import Shape

BASE = ROOT / "data" / "base"
TIMED_ROWS, PLAIN_ROWS, SWAPPED_ROWS = 1024, 128, 1000
EVERY_QUESTION, EVERY_DIALOGUE = 3, 4  # a part of the labelled rows, so that the figures take minutes
SHARE, SEEDS = 0.1, 5


def measure() -> dict[str, Any]:
    """Return the speed of scoring and, with the public sets at hand, AUCs, DSIR's shares and coverage."""
    from tilth.training.scores.scoring import Scorer

    scorer = Scorer.load(str(BASE), Path(), device="cpu")
    figures = _speed(scorer) | {"swapped_answers": _swapped(scorer)}
    mix = read_real("sft/sft_mix.jsonl.zst")
    if mix is None:
        return figures
    texts = mix["messages"].list.eval(pl.element().struct.field("content")).list.join("\n")
    auc = {f"gsm8k_solutions/{k}": v for k, v in _aucs(scorer, _solutions(), "model").items()}
    auc |= {f"taskmaster/{k}": v for k, v in _aucs(scorer, _dialogues(), "domain").items()}
    return {
        **figures,
        "auc": auc,
        "dsir": _dsir(texts, mix["source"]),
        "coverage": _coverage(texts),
    }


def sample(prompt: str, response: str, number: int) -> dict[str, Any]:
    """Return a row of a question and its answer, as the scorer reads it."""
    blank = dict.fromkeys(("reasoning", "tool_calls", "tool_call_id", "name"))
    turns = [{**blank, "role": r, "text": t} for r, t in (("user", prompt), ("assistant", response))]
    key = number.to_bytes(16, "big")
    return {
        "row_id": key,
        "text_digest": key,
        "shape": Shape.CHAT.value,
        "tools": None,
        "slice": "",
        "weight": None,
        "turns": turns,
    }


def _speed(scorer: Any) -> dict[str, Any]:
    """Return rows and tokens a CPU-second, beside one plain forward a text as the papers' scripts do it."""
    asked = sample_texts().head(TIMED_ROWS)
    number = count()
    rows = [sample(a, b, next(number)) for a, b in zip(asked, asked.reverse())]
    scorer.score(rows[:64])
    scorer.tokens = 0
    seconds = cpu_seconds(lambda: [scorer.score(rows[i : i + 256]) for i in range(0, len(rows), 256)])
    plain = cpu_seconds(lambda: [_plain(scorer, row) for row in rows[:PLAIN_ROWS]])
    return {
        "rows_per_cpu_s": round(len(rows) / seconds),
        "tokens_per_cpu_s": round(scorer.tokens / seconds),
        "row_by_row_rows_per_cpu_s": round(PLAIN_ROWS / plain),
    }


def _swapped(scorer: Any) -> dict[str, Any]:
    """Return how often the bundled base prefers a question's own answer to another question's."""
    with (ROOT / "data" / "sources" / "questions.jsonl.zst").open("rb") as stored:
        lines = zstandard.ZstdDecompressor().stream_reader(stored).read().splitlines()
    pairs = [pair for line in lines[:SWAPPED_ROWS] if (pair := _pair(line))]
    others = [*pairs[1:], pairs[0]]
    own, other = (
        scorer.score([sample(asked, said, n) for n, (asked, said) in enumerate(both)])
        for both in (pairs, [(a[0], b[1]) for a, b in zip(pairs, others)])
    )
    good = np.repeat([True, False], len(pairs))
    losses = pl.concat([own, other]).select(perplexity=-pl.col("loss"), ifd=-pl.col("loss") / pl.col("alone"))
    return {"pairs": len(pairs), **{name: _auc(losses[name].to_numpy(), good) for name in losses.columns}}


def _pair(line: bytes) -> tuple[str, str] | None:
    """Return question and answer of a line, None for a line that is broken on purpose."""
    try:
        row = json.loads(line)
        return (row["question"], row["answer"]) if row["question"] and row["answer"] else None
    except (ValueError, KeyError, TypeError):
        return None


def _plain(scorer: Any, row: dict[str, Any]) -> None:
    import torch

    messages = scorer.conversations.messages(row["turns"])
    stock = scorer.model.config._attn_implementation
    scorer.model.set_attn_implementation("sdpa")
    for some in (messages, messages[1:]):
        text = scorer.conversations.tokenizer.apply_chat_template(some, tokenize=False)
        ids = scorer.conversations.tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            scorer.model(input_ids=ids[:, : scorer.context], labels=ids[:, : scorer.context])
    scorer.model.set_attn_implementation(stock)


def _solutions() -> pl.DataFrame:
    """Return prompt, response, good and domain of every third question's solutions by four models."""
    found = read_real("quality/gsm8k_solutions.jsonl.zst")
    assert found is not None
    chosen = found["question"].rank("dense") % EVERY_QUESTION == 0
    return found.filter(chosen).select(
        prompt="question", response="solution", good="is_correct", domain="model"
    )


def _dialogues() -> pl.DataFrame:
    """Return prompt, response, good and domain of every fourth next turn of TM-3 and TM-4."""
    found = read_real("quality/taskmaster_reward.jsonl.zst")
    assert found is not None
    kept = found.gather_every(EVERY_DIALOGUE)
    prompts = ["\n".join(map(_line, json.loads(context))) for context in kept["context"]]
    responses = [_line(json.loads(turn)) for turn in kept["generation"]]
    return kept.select(
        prompt=pl.Series(prompts), response=pl.Series(responses), good=pl.col("reward") > 0, domain="domain"
    )


def _line(turn: dict[str, Any]) -> str:
    said = turn.get("text") or json.dumps(turn.get("api") or turn.get("response"), ensure_ascii=False)
    return f"{turn['role']}: {said}"


def _aucs(scorer: Any, rows: pl.DataFrame, what: str) -> dict[str, Any]:
    """Return, by domain, how often a good row has the higher score than a bad one (0.5: says nothing)."""
    triples = zip(rows["prompt"], rows["response"], count())
    samples = [sample(a, b, n) for a, b, n in triples]
    losses = pl.concat([scorer.score(samples[i : i + 256]) for i in range(0, len(samples), 256)])
    turns = pl.DataFrame(
        [{"row_id": s["row_id"], **turn} for s in samples for turn in s["turns"]],
        schema_overrides={"reasoning": pl.String, "tool_calls": pl.String},
    )
    table = Complexity().measure(turns).select(MEASURES)
    table = table.with_columns(perplexity=losses["loss"], ifd=losses["loss"] / losses["alone"])
    out: dict[str, Any] = {}
    for domain in rows["domain"].unique().sort():
        here = (rows["domain"] == domain).to_numpy()
        good = rows["good"].to_numpy()[here]
        scored = int(losses["loss"].is_not_null().to_numpy()[here].sum())
        out[domain] = {"rows": int(here.sum()), "scored": scored, "good": round(float(good.mean()), 3)}
        out[domain] |= {name: _auc(table[name].to_numpy()[here], good) for name in table.columns}
    return out


def _auc(score: np.ndarray, good: np.ndarray) -> float | None:
    from scipy.stats import rankdata

    known = np.isfinite(score)
    ranks, good = rankdata(score[known]), good[known]
    ones, zeros = int(good.sum()), int((~good).sum())
    if not ones or not zeros:
        return None
    return round(float((ranks[good].sum() - ones * (ones + 1) / 2) / (ones * zeros)), 3)


def _dsir(texts: pl.Series, source: pl.Series) -> dict[str, Any]:
    """Return the share of the target's own source among the chosen tenth, beside its share of the whole."""
    random = np.random.default_rng(0)
    ids = pl.Series([random.bytes(16) for _ in range(texts.len())], dtype=pl.Binary)
    out: dict[str, Any] = {}
    for name, own in (("gsm8k", "gsm8k_train"), ("mbpp", "gpteacher_codegen")):
        target = read_real(f"contamination/{name}_eval.jsonl.zst")
        assert target is not None
        said = target.select(pl.concat_str(pl.col(pl.String).exclude("eval_id"), separator="\n")).to_series()
        weights = np.zeros(0)

        def weigh(said: pl.Series = said) -> None:
            nonlocal weights
            weights = log_weights(texts, said) + gumbel(ids)

        seconds = cpu_seconds(weigh)
        chosen = np.argsort(-weights)[: round(SHARE * texts.len())]
        mine = (source == own).to_numpy()
        out[name] = {
            "target_rows": said.len(),
            "rows_per_cpu_s": round(texts.len() / seconds),
            "share_random": round(float(mine.mean()), 3),
            "share_chosen": round(float(mine[chosen].mean()), 3),
        }
    return out


def _coverage(texts: pl.Series) -> dict[str, Any]:
    """Return how near the rows are to a chosen tenth, and the share of shared words and pairs it holds."""
    vectors = features(texts)
    words = counts(texts)
    shared = np.bincount(words.indices, minlength=words.shape[1]) > 1
    size = round(SHARE * len(vectors))

    def figures(chosen: np.ndarray) -> dict[str, float]:
        blocks = np.array_split(vectors, 16)
        nearest = np.concatenate([(block @ vectors[chosen].T).max(1) for block in blocks])
        held = np.zeros(words.shape[1], dtype=bool)
        held[words[chosen].indices] = True
        return {
            "mean_cosine": round(float(nearest.mean()), 4),
            "least_cosine": round(float(nearest.min()), 4),
            "vocabulary": round(float(held[shared].mean()), 4),
        }

    out: dict[str, Any] = {"rows": len(vectors), "chosen": size}
    for name, choose in (("k_center", k_center), ("facility_location", facility_location)):
        chosen = np.zeros(0, np.int64)

        def run(choose: Any = choose) -> None:
            nonlocal chosen
            chosen = choose(vectors, size)

        seconds = cpu_seconds(run)
        out[name] = {**figures(chosen), "cpu_s": round(seconds, 1)}
    drawn = [
        figures(np.random.default_rng(seed).choice(len(vectors), size, replace=False))
        for seed in range(SEEDS)
    ]
    for name in ("mean_cosine", "least_cosine", "vocabulary"):
        values = np.array([draw[name] for draw in drawn])
        out.setdefault("random", {})[name] = [round(float(values.mean()), 4), round(float(values.std()), 4)]
    return out
