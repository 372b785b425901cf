"""What a run will cost, before it costs it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tilth.shards.errors import TrainingError, Untrainable
from tilth.shards.version import Version
from tilth.training.evaluation.judges import judges, near_tasks
from tilth.training.hardware import lanes
from tilth.training.hardware.device import Device, available_bytes, choose_device, resident_bytes
from tilth.training.methods.method import method_of
from tilth.training.model.base import find_base, load_config, load_tokenizer, max_context
from tilth.training.model.new_tokens import untrained_tokens
from tilth.training.plan.fitting import fitted
from tilth.training.plan.footprint import memory, merge_bytes, on_cpu
from tilth.training.plan.judged import expected_judging_seconds, judging_of
from tilth.training.plan.pace import expected_seconds
from tilth.training.plan.request import Request
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
from tilth.training.rows.known import read_known, without_judges
from tilth.training.rows.roles import Roles, assign
from tilth.training.rows.text import Example, Renderer

UNTRAINED = "adapters leave embeddings as they are (training.method: full trains them)"
RECOMPUTE = {False: "kept (no checkpointing)", True: "recomputed layer by layer (checkpointing on)"}


@dataclass(frozen=True)
class Plan:
    """Expected size, length and memory of a run; `seconds` is None until it was estimated or measured."""

    device: str
    parameters: int
    trainable: int
    rows: dict[str, int]
    max_tokens: int
    pack_tokens: int  # of one pack
    lanes: int  # packs computed side by side
    recompute: bool  # activations are computed again in the backward pass instead of kept
    truncated_rows: int
    truncated_tokens: int
    longest: str
    left_out: list[str]
    unshown: list[str]
    settings: list[str]  # what the recipe leaves open, as set, each with its reason
    untrained: list[str]  # tokens of the rows that neither the base nor this run learns
    steps: int
    tokens: int
    bytes: dict[str, int]  # weights, gradients, optimizer, best weights, activations, logits
    available_bytes: int
    resident_bytes: int  # held by this process before the run
    seconds: float | None = None
    judging_seconds: float | None = None  # that judging base and tuned takes
    judging_seconds_of_base: float | None = None  # that it took, once the base was judged
    judged_by: list[str] = field(default_factory=list)  # questions and rows, and what of them is left out
    merge_bytes: int = (
        0  # of main memory after the last step, beside what is loaded then; 0: nothing is merged
    )

    @property
    def total_bytes(self) -> int:
        """Bytes the run needs at its peak."""
        return sum(self.bytes.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain JSON values."""
        return {**asdict(self), "total_bytes": self.total_bytes}

    def _judging(self) -> list[str]:
        """Return what judging takes beside the steps, and by what the run is judged."""
        if self.judging_seconds is None:
            return []
        took, lines = self.judging_seconds, self.judged_by
        share = "" if not self.seconds else f", {took / (took + self.seconds):.0%} of the run"
        return [f"judging: about {_duration(took)} for base and tuned{share}; by {lines[0]}", *lines[1:]]

    def lines(self) -> list[str]:
        """Return the plan for the terminal."""
        counts = ", ".join(f"{count:,} {name}" for name, count in self.rows.items() if count)
        cut = f", which cuts {self.truncated_tokens:,} tokens of {self.truncated_rows:,} rows, most of {self.longest}"
        parts = ", ".join(f"{name} {_size(size)}" for name, size in self.bytes.items())
        side_by_side = f", {self.lanes} side by side" if self.lanes > 1 else ""
        return [
            f"device: {self.device}",
            f"model: {self.parameters:,} parameters, {self.trainable:,} trained",
            f"rows: {counts}",
            *(f"left out: {line}" for line in self.left_out),
            *(f"not shown: {line}" for line in self.unshown),
            *(
                [f"never learned: {', '.join(self.untrained)}, which the base does not know: {UNTRAINED}"]
                * bool(self.untrained)
            ),
            f"limit: {self.max_tokens:,} tokens a row{cut if self.truncated_rows else ', which cuts none'}",
            f"batches: packs of {self.pack_tokens:,} tokens{side_by_side}, activations {RECOMPUTE[self.recompute]}",
            *(f"set: {line}" for line in self.settings),
            f"run: {self.steps:,} steps, {self.tokens:,} tokens"
            + ("" if self.seconds is None else f", about {_duration(self.seconds)} of steps"),
            *self._judging(),
            f"memory: {_size(self.total_bytes)} of {_size(self.available_bytes)} free ({parts})"
            + (f", {_size(self.merge_bytes)} to merge at the end" if self.merge_bytes else ""),
        ]


def plan(recipe: TrainingRecipe, evaluation: EvaluationRecipe, version: Version, *, base_dir: Path) -> Plan:
    """Plan a run of `recipe` on a version; no weight is loaded, two random layers of its shape are timed.

    Raises TrainingError for what would also stop the run: a base that cannot be loaded, rows without labels,
    not enough memory.
    """
    device, path = place(recipe, base_dir)
    renderer = renderer_for(recipe, path, base_dir)
    roles = deal(recipe, evaluation, version, renderer, base_dir)
    recipe, settings = fitted(recipe, load_config(path), roles.train)
    expected = replace(plan_run(recipe, roles, renderer, path, device), settings=settings)
    require_fit(expected, recipe, path, device, roles.train)
    how: dict[str, Any] = {"recompute": expected.recompute, "lanes": expected.lanes}
    seconds = expected_seconds(recipe, path, device, roles.train, expected.tokens, **how)
    request = Request(version, recipe, evaluation, base_dir=base_dir)
    judging = judging_of(request, roles, renderer, path, expected.tokens)
    took = expected_judging_seconds(judging, seconds)
    return replace(expected, seconds=seconds, judging_seconds=took, judged_by=judging.lines())


def deal(
    recipe: TrainingRecipe,
    evaluation: EvaluationRecipe,
    version: Version,
    renderer: Renderer,
    base_dir: Path,
    **how: Any,
) -> Roles:
    """Return who plays which part, where nothing that judges the run is replayed; `how` is for `assign`."""
    judging = judges(version, evaluation, base_dir)
    named = recipe.base_knowledge
    known, judged = without_judges(read_known(base_dir / named) if named else [], judging.all, named or "")
    roles = assign(version, renderer, recipe, method_of(recipe), known=known, **how)
    return replace(roles, left_out=[*judged, *roles.left_out, *near_tasks(version, judging.tasks)])


def place(recipe: TrainingRecipe, base_dir: Path) -> tuple[Device, Path]:
    """Return the device of a run, with the arithmetic that suits it, and the folder of its base.

    Raises RecipeError for keys that contradict the method, TrainingError for a base or a precision that cannot be had.
    """
    tuning = method_of(recipe)
    tuning.check()
    device = choose_device(recipe.device)
    tuning.quantisation(device.device)  # refused before anything is rendered
    base = find_base(recipe.base, base_dir)
    config, frozen = load_config(base), tuning.frozen_base
    return device.suited(config, frozen_base=frozen, precision=recipe.precision), base


def renderer_for(recipe: TrainingRecipe, base: Path, base_dir: Path) -> Renderer:
    """Return the renderer of a run: the base's tokenizer, the recipe's template and longest row."""
    config = load_config(base)
    context, template = max_context(config), None
    if recipe.template:
        try:
            template = (base_dir / recipe.template).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Untrainable(
                f"training.template {recipe.template}",
                "cannot be read as UTF-8 text",
                "Conversations cannot be rendered",
                "Correct the path; it is taken relative to the recipe",
            ) from error
    if recipe.max_tokens is not None and recipe.max_tokens > context:
        raise Untrainable(
            "training.max_tokens",
            f"{recipe.max_tokens} is more than the {context} tokens the base can read",
            "Positions it never saw would be trained",
            f"Set it to at most {context}",
        )
    return Renderer(
        load_tokenizer(base),
        max_tokens=recipe.max_tokens or context,
        template=template,
        system=recipe.system,
        tools=recipe.tools,
        vocabulary=config.get_text_config().vocab_size,
    )


def length_of(recipe: TrainingRecipe, tokens_per_epoch: float, max_steps: int | None) -> tuple[int, float]:
    """Return (steps, tokens) of a run: the recipe's epochs, bounded by its `max_steps` and by the caller's."""
    tokens = recipe.epochs * tokens_per_epoch
    bounds = [bound for bound in (recipe.max_steps, max_steps) if bound is not None]
    tokens = min([tokens, *(bound * recipe.batch_tokens for bound in bounds)])
    return max(1, math.ceil(tokens / recipe.batch_tokens)), tokens


def plan_run(
    recipe: TrainingRecipe,
    roles: Roles,
    renderer: Renderer,
    base: Path,
    device: Device,
    max_steps: int | None = None,
) -> Plan:
    """Return the plan of a run from its examples and the shape of its base; no weight is loaded."""
    per_epoch = sum(example.weight * len(example.input_ids) for example in roles.train)
    steps, tokens = length_of(recipe, per_epoch, max_steps)
    free = available_bytes(device.device)
    need = _needed(recipe, base, device, roles.train, free)
    return Plan(
        device=device.line(),
        parameters=need.parameters,
        trainable=need.trainable,
        rows=roles.counts,
        max_tokens=renderer.max_tokens,
        pack_tokens=recipe.pack_tokens // need.lanes,
        lanes=need.lanes,
        recompute=need.recompute,
        truncated_rows=roles.truncated_rows,
        truncated_tokens=roles.truncated_tokens,
        longest=roles.longest,
        left_out=roles.left_out,
        unshown=roles.unshown,
        settings=[],
        untrained=_untrained(recipe, roles, renderer, base),
        steps=steps,
        tokens=round(tokens),
        bytes=need.bytes,
        available_bytes=free,
        resident_bytes=resident_bytes(device.device),
        merge_bytes=merge_bytes(base) if method_of(recipe).frozen_base and recipe.merge else 0,
    )


def _untrained(recipe: TrainingRecipe, roles: Roles, renderer: Renderer, base: Path) -> list[str]:
    """Return the tokens of the train rows that the base never learned, where its embedding is not trained."""
    if not method_of(recipe).frozen_base or not roles.train:
        return []
    used = np.unique(np.concatenate([example.input_ids for example in roles.train]))
    return untrained_tokens(base, renderer.tokenizer, used.tolist())


class _Need(NamedTuple):
    parameters: int
    trainable: int
    bytes: dict[str, int]
    lanes: int
    recompute: bool

    @property
    def total_bytes(self) -> int:
        return sum(self.bytes.values())


def _needed(recipe: TrainingRecipe, base: Path, device: Device, examples: list[Example], free: int) -> _Need:
    """Return the fastest way to run that fits: fewer lanes first, then recomputed layers; else the smallest."""

    def sized(count: int, recompute: bool) -> _Need:
        how: dict[str, Any] = {"lanes": count, "recompute": recompute}
        parameters, trainable, sizes = memory(recipe, base, device, examples, **how)
        if device.device.type == "cpu":
            sizes = on_cpu(sizes, device, **how)
        return _Need(parameters, trainable, sizes, count, recompute)

    most = lanes.to_train(recipe, load_config(base), device, side_by_side=method_of(recipe).side_by_side)
    ways = [(count, False) for count in range(most, 0, -1) if recipe.recompute != "on"]
    ways += [(1, True)] if recipe.recompute != "off" else []
    tried = []
    for count, recompute in ways:
        tried.append(sized(count, recompute))
        if tried[-1].total_bytes <= free:
            return tried[-1]
    return min(tried, key=lambda need: need.total_bytes)


def require_fit(
    expected: Plan, recipe: TrainingRecipe, base: Path, device: Device, examples: list[Example]
) -> None:
    """Raise TrainingError if the run cannot fit, naming a change that would make it fit."""
    if expected.total_bytes <= expected.available_bytes:
        return
    longest = max(len(example.input_ids) for example in examples)
    wishes: list[tuple[str, dict[str, Any]]] = [
        ("training.recompute: auto", {"recompute": "auto"}),
    ]
    lighter = method_of(recipe).lighter
    wishes += [lighter] if lighter else []
    wishes += [
        (f"training.pack_tokens: {tokens}", {"pack_tokens": tokens})
        for tokens in (1024, 512, 256)
        if longest <= tokens < recipe.pack_tokens
    ]
    change: dict[str, Any] = {}
    named: list[str] = []
    for text, update in wishes:
        if all(getattr(recipe, key) == value for key, value in update.items()) or (
            "recompute" in update and expected.recompute
        ):
            continue
        change |= update
        named = [n for n in named if n.split(":")[0] != text.split(":")[0]] + [text]
        changed = recipe.model_copy(update=change)
        need = _needed(changed, base, device, examples, expected.available_bytes)
        if need.total_bytes <= expected.available_bytes:
            advice = f"This fits: {', '.join(named)}"
            break
    else:
        advice = "Choose a smaller base, lower training.max_tokens, or use a machine with more memory"
    raise TrainingError(
        "plan",
        f"the run needs {_size(expected.total_bytes)}, {_size(expected.available_bytes)} are free",
        "It would be killed for lack of memory",
        advice,
    )


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 1 << 30 else f"{count / 2**20:.0f} MiB"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.1f} min"
