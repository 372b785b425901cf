"""Scores of rows: equal to the plain formula, resumed without loss, computed once per text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from tests import tiny
from tests.drafts import Line, dropped, make_draft
from tilth.shards.errors import TrainingError
from tilth.shards.scores import KEY
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.scores import scoring
from tilth.training.scores.scoring import IFD, PERPLEXITY, Scored, Scorer, Shown, score_version

Chat = Callable[..., dict[str, Any]]
OPENED = "<|im_start|>assistant\n"


@pytest.fixture
def scorer(base_path: Path) -> Scorer:
    return Scorer.load(str(base_path), Path(), device="cpu")


@pytest.fixture
def score_it(store: Store, base_path: Path) -> Callable[..., Scored]:
    def run(version: Version, **options: Any) -> Scored:
        kept, report = options.pop("store", store), options.pop("on_progress", None)
        model = Scorer.load(options.pop("model", str(base_path)), Path(), device="cpu", **options)
        return score_version(version, kept, model, on_progress=report)

    return run


def mean_loss(scorer: Scorer, before: str, answer: str) -> float:
    """Return the mean loss of an answer after a text, by the model's own forward."""
    prompt = scorer.documents.tokenizer(before)["input_ids"]
    ids = torch.tensor([prompt + scorer.documents.tokenizer(answer)["input_ids"]])
    with torch.no_grad():
        chances = scorer.model(input_ids=ids, use_cache=False).logits[0].log_softmax(-1)
    first = max(1, len(prompt))
    losses = -chances[torch.arange(first - 1, ids.shape[1] - 1), ids[0, first:]]
    return float(losses.double().mean())


def with_key(sample: dict[str, Any], key: bytes = b"k" * 32) -> dict[str, Any]:
    return {**sample, "row_id": key[:16], KEY: key}


def test_losses_are_those_of_the_model_row_by_row(scorer: Scorer, chat: Chat) -> None:
    rows = [
        with_key(chat(("user", f"how much is {n} plus 2?"), ("assistant", f"it is {n + 2}")), bytes([n]) * 32)
        for n in range(5)
    ]
    found = scorer.score(rows)
    for n, (given, alone) in enumerate(found.select("loss", "alone").iter_rows()):
        asked = f"<|im_start|>user\nhow much is {n} plus 2?<|im_end|>\n{OPENED}"
        answer = f"it is {n + 2}<|im_end|>"
        assert given == pytest.approx(mean_loss(scorer, asked, answer), rel=1e-5)
        assert alone == pytest.approx(mean_loss(scorer, OPENED, answer), rel=1e-5)


def test_rows_are_scored_as_training_shows_them(base_path: Path, chat: Chat) -> None:
    told = with_key(chat(("system", "be the fox"), ("user", "1 plus 2?"), ("assistant", "3")))
    plain = with_key(chat(("user", "1 plus 2?"), ("assistant", "3")))
    dropping = Scorer.load(str(base_path), Path(), shown=Shown(system="drop"), device="cpu")
    keeping = Scorer.load(str(base_path), Path(), device="cpu")
    assert dropping.score([told])["loss"].to_list() == pytest.approx(keeping.score([plain])["loss"].to_list())
    assert dropping.digest != keeping.digest


def test_every_answer_of_a_conversation_counts_by_its_tokens(scorer: Scorer, chat: Chat) -> None:
    talk = chat(
        ("user", "1 plus 2?"), ("assistant", "3"), ("user", "the fox"), ("assistant", "jumps over it")
    )
    first = mean_loss(scorer, OPENED, "3<|im_end|>")
    second = mean_loss(scorer, OPENED, "jumps over it<|im_end|>")
    counts = [len(scorer.documents.tokenizer(f"{a}<|im_end|>")["input_ids"]) for a in ("3", "jumps over it")]
    expected = (first * counts[0] + second * counts[1]) / sum(counts)
    assert scorer.score([with_key(talk)])["alone"][0] == pytest.approx(expected, rel=1e-5)


def test_a_document_has_a_perplexity_and_no_ifd(scorer: Scorer, chat: Chat) -> None:
    text = "the quick brown fox " * 60  # several windows
    row = scorer.score([with_key(chat(("document", text), shape="document"))]).row(0, named=True)
    assert 0 < row["loss"] < 20
    assert row["alone"] is None
    short = scorer.score([with_key(chat(("document", "the fox"), shape="document"))])
    assert short["loss"][0] == pytest.approx(mean_loss(scorer, "", "the fox<|im_end|>"), rel=1e-5)


def test_what_cannot_be_read_whole_is_named_and_has_no_score(scorer: Scorer, chat: Chat) -> None:
    long = chat(("user", "why?"), ("assistant", "the lazy dog " * 200))
    mute = chat(("user", "why?"))
    rows = [with_key(long, b"a" * 32), with_key(mute, b"b" * 32)]
    found = scorer.score(rows)
    assert found["loss"].to_list() == [None, None]
    assert found["reason"].to_list() == ["longer than the model's context", "no assistant turn"]


def test_a_version_gets_a_table_of_its_distinct_rows(version: Version, score_it: Any, store: Store) -> None:
    scored = score_it(version)
    assert (scored.rows, scored.reused, scored.unscored) == (120, 0, {})
    kept = pl.read_parquet(scored.path)
    assert kept.equals(store.objects.frame(scored.digest))
    assert kept.schema == {KEY: pl.Binary, IFD: pl.Float64, PERPLEXITY: pl.Float64}
    assert kept[KEY].to_list() == sorted(version.rows()[KEY])
    assert kept[PERPLEXITY].min() > 1
    store.gc()
    assert store.objects.frame(scored.digest).height == 120


def test_dropped_rows_have_scores_too(score_it: Any, store: Store) -> None:
    lines = [*tiny.sums(6), Line("dropped?", decision=dropped("s", "r"))]
    assert score_it(tiny.make_version(store, lines)).frame[PERPLEXITY].null_count() == 0


def test_a_text_is_scored_once_by_a_model(version: Version, score_it: Any, store: Store) -> None:
    first = score_it(version)
    again = score_it(version)
    assert (again.reused, again.tokens, again.digest) == (120, 0, first.digest)
    grown = store.publish("sums", make_draft(tiny.sums(130)))[0]
    later = score_it(grown)
    assert (later.rows, later.reused) == (130, 120)
    assert later.frame.height == 130
    assert later.digest == score_it(grown).digest


def test_ifd_asked_for_later_is_computed_then(version: Version, score_it: Any) -> None:
    assert score_it(version, scores=(PERPLEXITY,)).frame.columns == [KEY, PERPLEXITY]
    both = score_it(version)
    assert both.reused == 0
    assert both.frame[IFD].null_count() == 0
    assert score_it(version, scores=(PERPLEXITY,)).reused == 120


@pytest.mark.parametrize("stop_after", [1, 3])
def test_an_interrupted_run_goes_on_where_it_stopped(
    version: Version,
    score_it: Any,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop_after: int,
) -> None:
    monkeypatch.setattr(scoring, "CHUNK_ROWS", 16)

    def stop(what: str, done: int, total: int) -> None:
        if done == 16 * stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_it(version, on_progress=stop)
    assert not store.scores.published()
    resumed = score_it(version)
    assert resumed.reused == 16 * stop_after
    elsewhere = Store.open(tmp_path / "elsewhere")
    whole = score_it(tiny.make_version(elsewhere), store=elsewhere)
    assert (whole.reused, whole.frame[KEY].to_list()) == (0, resumed.frame[KEY].to_list())
    np.testing.assert_allclose(whole.frame[PERPLEXITY], resumed.frame[PERPLEXITY], rtol=1e-5)


def test_another_model_starts_anew(version: Version, score_it: Any, tmp_path: Path) -> None:
    score_it(version)
    other = tmp_path / "other"
    tiny.make_model(seed=1).save_pretrained(other)
    tiny.make_tokenizer().save_pretrained(other)
    assert score_it(version, model=str(other)).reused == 0


def test_a_model_that_is_not_there_is_named(version: Version, score_it: Any) -> None:
    with pytest.raises(TrainingError, match="no folder"):
        score_it(version, model="./nowhere")
