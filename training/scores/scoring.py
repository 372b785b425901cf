"""What a model thinks of rows before it is tuned: perplexity of the answer, and how far the question helps.

perplexity   exp of the mean loss (nat) of a row's answers given what stands before them
ifd          mean loss(A|Q) / mean loss(A): instruction-following difficulty (Li et al., arXiv 2308.12032; a small
             model ranks much as a large one, Li et al., arXiv 2402.00530). Above 1 the question does not help

Scores are kept by model and text, a shard every few seconds: a run that was killed goes on, and rows that come
later are all that a later run computes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.errors import TrainingError
from tilth.shards.progress import Progress, silent
from tilth.shards.scores import KEY
from tilth.shards.store import Store
from tilth.shards.tables import VALUE_DECIMALS, Shape
from tilth.shards.version import TURN_STRUCT, Version
from tilth.training.hardware.device import choose_device, memory_errors
from tilth.training.model.base import base_digest, choose_attention, find_base, load_base, max_context
from tilth.training.model.loss import score
from tilth.training.rows.text import Example, Renderer

PERPLEXITY, IFD = "perplexity", "ifd"
SCORES = (PERPLEXITY, IFD)
METHOD = 1  # raise it where the same text and model would get another number
READ_ROWS, CHUNK_ROWS, SHARD_SECONDS = 20_000, 256, 20.0
PACK_TOKENS = {"cpu": 1024, "cuda": 8192}
_GIVEN, _ALONE = "given", "alone"
_SHARD = pl.Schema({KEY: pl.Binary(), "loss": pl.Float64(), _ALONE: pl.Float64(), "reason": pl.String()})


@dataclass(frozen=True)
class Shown:
    """How conversations are shown to a model: by its own chat template or another, and what of system and tools."""

    template: str | None = None  # its text
    system: str = "keep"
    tools: str = "keep"


AS_WRITTEN = Shown()


@dataclass(frozen=True)
class Scored:
    """Where the scores lie, and what reading the rows took. `unscored`: rows by the reason why they have none."""

    path: Path
    digest: str
    frame: pl.DataFrame  # text_digest and the scores asked for
    rows: int
    reused: int
    unscored: dict[str, int]
    tokens: int
    seconds: float


def score_version(
    version: Version, store: Store, scorer: Scorer, *, on_progress: Progress | None = None
) -> Scored:
    """Score every distinct readable row of a version, dropped ones too, so that bounds can be loosened later.

    Rows longer than the model reads have no score. Raises CorruptObject for damaged bytes.
    """
    say = on_progress or silent
    rows = version.rows(["row_id", KEY, "shape", "tools"])
    wanted = rows.unique(KEY, keep="first", maintain_order=True)
    todo = wanted.join(_done(store, scorer), on=KEY, how="anti", maintain_order="left")
    started = time.monotonic()
    if todo.height:
        with memory_errors():
            _score_all(scorer, version, todo, store, say)
    seconds = time.monotonic() - started
    known = wanted.select(KEY).join(
        store.scores.known(scorer.digest), on=KEY, how="left", maintain_order="left"
    )
    frame = known.select(
        KEY, *(_EXPRESSIONS[name].round(VALUE_DECIMALS).alias(name) for name in scorer.scores)
    )
    digest, path = store.publish_scores(version.manifest.name, frame)
    unscored = known["reason"].drop_nulls().value_counts().sort("reason")
    return Scored(
        path=path,
        digest=digest,
        frame=frame,
        rows=wanted.height,
        reused=wanted.height - todo.height,
        unscored=dict(unscored.iter_rows()),
        tokens=scorer.tokens,
        seconds=seconds,
    )


_FINITE = pl.when(pl.col("loss").is_finite()).then(pl.col("loss"))
_EXPRESSIONS = {PERPLEXITY: _FINITE.exp(), IFD: pl.when(pl.col(_ALONE) > 0).then(_FINITE / pl.col(_ALONE))}


class Scorer:
    """A model that reads rows and says how likely it finds their answers."""

    def __init__(self, model: Any, renderer: Renderer, *, base: str, scores: tuple[str, ...]) -> None:
        """scores: what is asked for; IFD also reads every answer alone. base: the digest of the model's files."""
        self.model, self.scores, self.alone, self.tokens = model, scores, IFD in scores, 0
        self.context = max_context(model.config)
        self.documents = renderer
        # Conversations are not cut: half an answer would be scored as if it were whole.
        self.conversations = Renderer(
            renderer.tokenizer,
            max_tokens=1 << 30,
            template=renderer.template.source,
            system=renderer.template.system,
            tools=renderer.template.tools,
        )
        self.opening = (
            np.array(self.conversations.opening_ids(), dtype=np.int32) if renderer.template.source else None
        )
        identity = [METHOD, base, renderer.template.digest, self.context, str(model.dtype)]
        self.digest = sha256_hex(canonical_json(identity))

    @classmethod
    def load(
        cls,
        name: str,
        base_dir: Path,
        *,
        shown: Shown = AS_WRITTEN,
        device: str = "auto",
        scores: tuple[str, ...] = SCORES,
    ) -> Scorer:
        """Load a model for scoring. Raises TrainingError.

        name: a folder (relative to base_dir) or a hub name. shown: how conversations are shown to it.
        """
        chosen = choose_device(device)
        try:
            path = find_base(name, base_dir)
        except TrainingError as error:
            raise type(error)(f"model {name}", error.what, "Nothing was scored", error.next_step) from None
        model, tokenizer = load_base(path, dtype=chosen.dtype)
        choose_attention(model.to(chosen.device))
        renderer = Renderer(
            tokenizer,
            max_tokens=max_context(model.config),
            template=shown.template,
            system=shown.system,
            tools=shown.tools,
        )
        return cls(model, renderer, base=base_digest(path), scores=scores)

    def score(self, samples: list[dict[str, Any]]) -> pl.DataFrame:
        """Return text_digest, loss and alone (mean loss in nat of the answers, given the question and without
        it) and reason (why a row has none). Samples have the columns of Version.samples and text_digest."""
        examples, reasons = self._examples(samples)
        read = examples + [piece for e in examples for piece in self._pieces(e)] if self.alone else examples
        self.tokens += sum(len(example.input_ids) for example in read)
        means = (
            score(self.model, read, PACK_TOKENS[self.model.device.type], statistics=False)
            .group_by("row_id", "slice")
            .agg(mean=pl.col("nll_sum").sum() / pl.col("n_tokens").sum())
        )
        given, alone = (means.filter(slice=kind).select("row_id", mean) for kind, mean in _MEANS.items())
        keys = pl.DataFrame(
            {"row_id": [s["row_id"] for s in samples], KEY: [s[KEY] for s in samples]},
            schema={"row_id": pl.Binary, KEY: pl.Binary},
        )
        return (
            keys.join(given, on="row_id", how="left", maintain_order="left")
            .join(alone, on="row_id", how="left", maintain_order="left")
            .with_columns(reason=pl.Series([reasons.get(s["row_id"]) for s in samples], dtype=pl.String))
            .select(list(_SHARD))
        )

    def _examples(self, samples: list[dict[str, Any]]) -> tuple[list[Example], dict[bytes, str]]:
        """Return the examples of rows that fit into the context, and why the other rows have none."""
        documents = [s for s in samples if s["shape"] == Shape.DOCUMENT.value]
        conversations = [s for s in samples if s["shape"] != Shape.DOCUMENT.value]
        parts = (self.documents.render_all(documents), self.conversations.render_all(conversations))
        reasons = {row: reason for part in parts for row, reason in part.skipped.items()}
        examples = [example for part in parts for example in part.examples]
        long = {e.row_id for e in examples if len(e.input_ids) > self.context}
        reasons |= dict.fromkeys(long, "longer than the model's context")
        return [replace(e, slice=_GIVEN) for e in examples if e.row_id not in long], reasons

    def _pieces(self, example: Example) -> Iterator[Example]:
        """Yield every answer of an example alone, opened as a turn that nothing precedes."""
        edges = np.flatnonzero(np.diff(example.is_label, prepend=False, append=False))
        if self.opening is None or edges[0] <= 1:  # a document: nothing precedes it anyway
            return
        for start, end in edges.reshape(-1, 2):
            ids = np.concatenate([self.opening, example.input_ids[start:end]])
            labels = np.arange(len(ids)) >= max(1, len(self.opening))
            yield Example(example.row_id, _ALONE, 1.0, ids, labels)


_MEANS = {_GIVEN: pl.col("mean").alias("loss"), _ALONE: pl.col("mean").alias(_ALONE)}


def _done(store: Store, scorer: Scorer) -> pl.DataFrame:
    """Return the text digests that need no more work."""
    known = store.scores.known(scorer.digest)
    if not known.width:
        return _SHARD.to_frame().select(KEY)
    if scorer.alone:
        known = known.filter(pl.col("complete"))
    return known.select(KEY)


def _score_all(scorer: Scorer, version: Version, todo: pl.DataFrame, store: Store, say: Progress) -> None:
    """Score rows in their order, writing down every few seconds what is done."""
    pending: list[pl.DataFrame] = []
    written, done = time.monotonic(), 0
    say("score", 0, todo.height)
    try:
        for samples in _samples(version, todo):
            pending.append(scorer.score(samples).with_columns(complete=pl.lit(scorer.alone)))
            done += len(samples)
            say("score", done, todo.height)
            if time.monotonic() - written > SHARD_SECONDS:
                store.add_scores(scorer.digest, pl.concat(pending))
                written, pending = time.monotonic(), []
    finally:
        if pending:
            store.add_scores(scorer.digest, pl.concat(pending))


def _samples(version: Version, rows: pl.DataFrame) -> Iterator[list[dict[str, Any]]]:
    """Yield rows with their turns, CHUNK_ROWS at a time."""
    for part in rows.iter_slices(READ_ROWS):
        turns = version.turns(part["row_id"]).group_by("row_id", maintain_order=True)
        lists = turns.agg(turns=pl.struct(TURN_STRUCT))
        whole = part.join(lists, on="row_id", how="left", maintain_order="left").with_columns(
            pl.col("turns").fill_null([]), slice=pl.lit(_GIVEN), weight=pl.lit(None)
        )
        for chunk in whole.iter_slices(CHUNK_ROWS):
            yield chunk.to_dicts()
