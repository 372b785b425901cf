"""The sealed split: a release is measured on it once, and what is published of it goes through a Ladder.

Rows of `final` are read by nothing else in Tilth. Their losses stay in memory; what is kept are means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tilth.shards.errors import TrainingError
from tilth.shards.store import Store
from tilth.shards.tables import Split
from tilth.training.evaluation.judge import Judgement, by_row, loss_result, paired, slice_results
from tilth.training.evaluation.thresholdout import Ladder
from tilth.training.model.base import choose_attention, load_model
from tilth.training.model.lora import load_adapter
from tilth.training.plan.job import prepare
from tilth.training.plan.request import Request
from tilth.training.run.assemble import load
from tilth.validators.facts.run import SliceResult


@dataclass(frozen=True)
class FinalScore:
    """Loss of base and tuned on the sealed rows (nat/token), all and by slice.

    published: what may be said of the tuned loss, next to the best of the releases before; is_step: whether it moved.
    """

    rows: int
    loss: SliceResult
    slices: list[SliceResult]
    published: float
    is_step: bool


def score_final(request: Request, store: Store, best: float | None = None) -> FinalScore:
    """Measure the model that the run of `request` left on the rows of `final`.

    best: the least loss published of releases before. Raises TrainingError where the run left no model or the version
    holds no sealed row that can be learned.
    """
    job = prepare(request, store)
    folder = job.run_dir / job.method.artefact
    rendered = job.method.render(request.version.samples(Split.FINAL), job.renderer, None)
    if not folder.is_dir() or not rendered.examples:
        lacks = "it has no row in `final`" if folder.is_dir() else "its run left no model"
        raise TrainingError(
            f"version {request.version.short}",
            lacks,
            "Nothing was scored",
            "Raise curation.split.final" if folder.is_dir() else "Train it first",
        )
    model, tokens = load(job), job.recipe.pack_tokens
    examples = job.method.referred(model, rendered.examples, tokens, None)
    untuned = Judgement(by_row(job.method.score(model, examples, tokens)), [])
    tuned = Judgement(by_row(job.method.score(_tuned(model, folder), examples, tokens)), [])
    loss = loss_result(untuned, tuned, job.roles.groups)
    assert loss is not None
    rows = paired(untuned, tuned)
    ladder = Ladder(-math.inf if best is None else -best)
    published = ladder.publish(-(rows["nll_tuned"] / rows["n_tokens"].clip(1)).to_numpy())
    slices = slice_results(untuned, tuned, job.roles.groups)
    return FinalScore(rows.height, loss, slices, -published, best is None or -published < best)


def _tuned(base: Any, folder: Any) -> Any:
    """Return the tuned model of a folder: an adapter on the base, or a model of its own."""
    if (folder / "adapter_config.json").is_file():
        return load_adapter(base, folder)
    model = load_model(folder, dtype=base.dtype, device=base.device)
    choose_attention(model, base.dtype)
    return model
