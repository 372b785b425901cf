"""Exact, near and semantic duplicates, and train rows too close to held-out ones, in one greedy pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import polars as pl

from tilth.curation.dedup.beside import beside
from tilth.curation.dedup.numbers import plain_numbers
from tilth.curation.dedup.split_family import SplitFamily
from tilth.curation.stage import Phase, Share, Texts, Words, limit, stage
from tilth.shards.errors import TilthError
from tilth.shards.tables import Split, Verdict

if TYPE_CHECKING:
    from tilth.curation.similarity.sets import Field, Sets

REASONS = ("same_text", "near_held_out", "near_duplicate", "semantic_duplicate")
_ORDER = (Split.FINAL, Split.PROMOTION, Split.FEEDBACK, Split.TRAIN, Split.RESERVE)
_HELD_OUT = 3  # how many of these are held out
_CLUSTER_FLOOR = 100
_PROMPT, _RESPONSE, _FIRST, _BESIDE = (
    (f"{text}_low", f"{text}_high") for text in ("prompt", "response", "first", "beside")
)


@stage("dedup")
@dataclass(frozen=True)
class Dedup:
    """Keep one row of those that say the same.

    Rows are met in canonical order: held-out first, then the longer response, then the row id (rows in
    conflict with many of another split last, see near_join.py). A row is dropped

    - for `same_text`: equal to a kept row but for case, blanks and the notation of a number (15, 15.0), also in its
      tools and reasoning;
    - for `near_held_out`: near-equal in prompt to a kept row of another split, one of the two held out;
    - for `near_duplicate`: near-equal in prompt and in response to a kept row;
    - for `semantic_duplicate`: alike in prompt and in response to a kept row, by the cosine of their vectors.

    Every drop names that kept row as its witness, and their exact Jaccard similarity of word shingles (or
    their cosine) as value. A text of one shingle is near-equal only to itself, by a fingerprint of 128 bits. Rows
    whose tools, reasoning or numbers in tool calls differ are no duplicates of each other (beside.py).

    near_jaccard, held_out_jaccard, semantic: bounds of similarity, null for off; vectors are only made where
    `semantic` is set, so a replay cannot change it. embeddings: a file that `train embed` wrote; without one,
    vectors are made of the words alone (lexical.py). siblings: `keep` rows
    of one template that differ in what it is about (marks.py), which are no duplicates of each other, or
    `drop` them. max_cluster: the run stops if duplicates of one row are more than this share of all rows.
    """

    near_jaccard: Share | None = limit(0.8)
    semantic: Share | None = None
    embeddings: str | None = None
    siblings: Literal["keep", "drop"] = limit("keep")
    held_out_jaccard: Share | None = limit(0.8)
    exact: bool = limit(True)  # also rows whose text is equal but for case and blanks
    max_cluster: Share = limit(0.1)
    shingle_words: Words = 5  # of a shingle, the unit that Jaccard similarity counts

    phase: ClassVar[Phase] = Phase.DEDUP
    row_local: ClassVar[bool] = True

    def evidence(self, rows: pl.DataFrame, texts: Texts) -> pl.DataFrame:
        """Return row_id, fingerprints, shingles and marks of prompt and response, those of the first prompt.

        beside: the fingerprint of what the row holds beside them.
        `first` is null where the first prompt is the whole prompt, and where it is the response (a document,
        `is_document`). What vectors are made of (dedup/semantic.py) only where `semantic` is set.
        """
        from tilth.curation.dedup.semantic import meaning
        from tilth.curation.similarity.marks import marks
        from tilth.curation.similarity.shingles import describe, fingerprints

        ids = rows["row_id"]
        prompts, firsts = texts.prompts(ids), texts.first_prompts(ids)
        responses = plain_numbers(texts.responses(ids))
        is_document = (firsts == responses) & (prompts == "")
        others = pl.select(pl.when((firsts != prompts) & ~is_document).then(firsts)).to_series()
        prompt, response, first = (
            describe(said, self.shingle_words) for said in (prompts, responses, others)
        )
        evidence = pl.DataFrame({"row_id": ids, "is_document": is_document}).with_columns(
            *(prompt[name].alias(f"prompt_{name}") for name in ("low", "high")),
            *(response[name].alias(f"response_{name}") for name in ("low", "high")),
            prompt["shingles"].alias("prompt"),
            response["shingles"].alias("response"),
            pl.when(others.is_not_null()).then(first["shingles"]).alias("first"),
            *(
                pl.when(is_document)
                .then(response[name])
                .when(others.is_null())
                .then(prompt[name])
                .otherwise(first[name])
                .alias(f"first_{name}")
                for name in ("low", "high")
            ),
            *fingerprints(beside(rows, texts.turns())).select(pl.all().name.prefix("beside_")),
            marks(prompts, responses).alias("marks"),
        )
        if self.semantic is None:
            return evidence
        return evidence.hstack(meaning(rows, prompts, responses, self.embeddings))

    def decide(self, rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        """Return the rows to drop, each with its witness; raises as `decide_in`."""
        return self.decide_in(SplitFamily(), rows, evidence)

    def decide_in(self, family: SplitFamily, rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        """Return the rows to drop, each with its witness.

        Prompts are compared without the words that the family leaves out: where all rows share one long
        instruction, they would else be near-equal whatever they ask.
        Raises TilthError if the near duplicates of one row exceed `max_cluster`.
        """
        from tilth.curation.dedup.semantic import to_vectors
        from tilth.curation.similarity.near_join import KEPT, Bounds, Rows, find_repeats
        from tilth.curation.similarity.sets import field_of, in_place

        if self.semantic is not None:
            evidence = evidence.join(rows.select("row_id"), on="row_id", how="semi", maintain_order="left")
        ordered = _canonical(rows, evidence)
        order, split = ordered["place"].to_numpy(), ordered["rank"].to_numpy().copy()
        names = ("prompt", "response", "first", "marks")
        prompts, responses, first, marks = (
            sets.of(order) for sets in in_place(*(evidence[name] for name in names))
        )
        prompt, response = (
            field_of(prompts, *ordered.select(_PROMPT)),
            field_of(responses, *ordered.select(_RESPONSE)),
        )
        firsts = _first_prompts(evidence, order, prompts, responses, first)
        asked = prompt if firsts is prompts else field_of(firsts, *ordered.select(_FIRST))
        particular = _particular(prompt, family)
        met = Rows(
            same=_numbers(ordered, (*_PROMPT, *_RESPONSE, *_BESIDE)),
            split=split,
            held=(split < _HELD_OUT).astype(np.uint8),
            beside=_numbers(ordered, _BESIDE),
            first=particular if asked is prompt else _particular(asked, family),
            prompt=particular,
            response=response,
            marks=marks if self.siblings == "keep" else None,
            vectors=None if self.semantic is None else to_vectors(evidence, ordered["place"]),
        )
        repeats = find_repeats(
            met, Bounds(self.near_jaccard, self.held_out_jaccard, self.semantic, self.exact)
        )
        out = np.flatnonzero(repeats.kind != KEPT)
        kind, witness = repeats.kind[out], repeats.witness[out]
        self._check_clusters(witness[kind != 1], ordered.height)
        bounds = np.array(
            [np.nan, 1.0, self.held_out_jaccard or 0.0, self.near_jaccard or 0.0, self.semantic or 0.0]
        )
        return pl.DataFrame(
            {
                "row_id": ordered["row_id"][out],
                "verdict": pl.Series([Verdict.DROP.value] * out.size, dtype=pl.String),
                "reason": pl.Series([REASONS[k - 1] for k in kind], dtype=pl.String),
                "value": repeats.similarity[out],
                "threshold": bounds[kind],
                "witness_id": ordered["row_id"][witness],
            }
        ).sort("row_id")

    def _check_clusters(self, witnesses: np.ndarray, n: int) -> None:
        """Stop if one row would stand for too many others: a sign that the bound is too low for this data."""
        largest = int(np.bincount(witnesses).max()) if witnesses.size else 0
        if largest > max(_CLUSTER_FLOOR, self.max_cluster * n):
            raise TilthError(
                "curation.dedup",
                f"{largest:,} of {n:,} rows are duplicates of one (max_cluster: {self.max_cluster:g})",
                "Nothing was published",
                "raise dedup.near_jaccard, or raise dedup.max_cluster if these rows do repeat each other",
            )


def _canonical(rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """Return the fingerprints in the order in which rows are met, `place` in the evidence, `rank` of the split."""
    ranks = {split.value: rank for rank, split in enumerate(_ORDER)}
    rank = (
        rows["split"]
        .cast(pl.String)
        .fill_null(Split.TRAIN.value)
        .replace_strict(ranks, return_dtype=pl.UInt8)
    )
    lengths = evidence["response"].list.len()
    return (
        evidence.select("row_id", *_PROMPT, *_RESPONSE, *_FIRST, *_BESIDE)
        .with_columns(place=pl.int_range(pl.len()), response_length=lengths)
        .join(rows.select("row_id", rank=rank), on="row_id", how="inner")
        .sort("rank", "response_length", "row_id", descending=[False, True, False])
    )


def _numbers(rows: pl.DataFrame, fingerprints: tuple[str, ...]) -> np.ndarray:
    """Number the rows so that rows of equal fingerprints have equal numbers."""
    key = pl.struct(fingerprints)
    return rows.select(key.rank("dense").cast(pl.Int64) - 1).to_series().to_numpy().copy()


def _first_prompts(
    evidence: pl.DataFrame, order: np.ndarray, prompt: Sets, response: Sets, first: Sets
) -> Sets:
    """Return the shingles of first prompts: of a document its text, else `first`, else the whole prompt."""
    is_document = evidence["is_document"].to_numpy()[order]
    is_other = evidence["first"].is_not_null().to_numpy()[order]
    if not is_document.any() and not is_other.any():
        return prompt
    starts, ends = (
        np.where(is_document, said, np.where(is_other, other, whole))
        for said, other, whole in zip(response[1:], first[1:], prompt[1:])
    )
    return prompt._replace(starts=starts, ends=ends)


def _particular(field: Field, family: SplitFamily) -> Field:
    """Return a field without what the family leaves out; one that would be empty stays whole."""
    if not family.common:
        return field
    sets = field.sets
    left = sets.without(np.array(family.common, np.uint32))
    is_empty = left.starts == left.ends
    whole = sets.of(np.flatnonzero(is_empty)).without(np.zeros(0, np.uint32))
    starts, ends = left.starts.copy(), left.ends.copy()
    starts[is_empty], ends[is_empty] = (bounds + left.values.size for bounds in whole[1:])
    return field._replace(values=np.concatenate([left.values, whole.values]), starts=starts, ends=ends)
