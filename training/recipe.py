"""The `training:` and `evaluation:` sections of a recipe."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tilth.shards.tables import FOLDS


class Section(BaseModel):
    """A part of the recipe: unknown keys are refused, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LoraRecipe(Section):
    """Low-rank adapters on every linear layer (Hu et al., arXiv 2106.09685), scaled by alpha / rank.

    variant: rslora scales by alpha / sqrt(rank) (arXiv 2312.03732), dora learns the norm of each column apart
    (arXiv 2402.09353), pissa begins with the weights' largest directions (arXiv 2404.02948), osf trains the `rank`
    smallest and keeps the others (arXiv 2504.07097). bits: 4 holds the frozen base in NF4 (QLoRA, arXiv 2305.14314),
    on NVIDIA cards only.
    """

    rank: int = Field(default=16, ge=1, le=65_536)  # rank of the two matrices of an adapter
    alpha: int = Field(default=32, ge=1, le=65_536)  # what an adapter's output is scaled by, over rank
    dropout: float = Field(default=0.0, ge=0, lt=1)  # share of an adapter's inputs left out at a step
    variant: Literal["lora", "rslora", "dora", "pissa", "osf"] = "lora"
    bits: Literal[4] | None = None


class GradualRecipe(Section):
    """Gradual unfreezing (ULMFiT, Howard & Ruder 2018, arXiv 1801.06146): the top layers first.

    groups: how many the layers are divided into; one more opens at a time, from the top. until: the share of the
    steps after which all are open. decay: each group's rate is that of the group above divided by this.
    """

    groups: int = Field(default=4, ge=2, le=1_000)
    until: float = Field(default=0.5, gt=0, le=1)
    decay: float = Field(default=2.6, ge=1, le=1_000)


class DpoRecipe(Section):
    """Learning from preference pairs by their loss (DPO, Rafailov et al., arXiv 2305.18290).

    weights: the method whose weights are trained. beta: how hard the model is held to its base. length_normalised:
    log-ratios are taken per token, so that long answers are not preferred for their length (arXiv 2411.15124).
    sft_weight: of the loss on the chosen answer, nat per token, added to that of the pair.
    """

    weights: Literal["lora", "full", "gradual"] = "lora"  # the method whose weights are trained
    beta: float = Field(default=0.1, gt=0, le=1_000)  # how hard the model is held to its base
    length_normalised: bool = False  # log-ratios per token
    sft_weight: float = Field(
        default=0.0, ge=0, le=1_000
    )  # of the loss on the chosen answer, beside that of the pair


class RetentionRecipe(Section):
    """What keeps the knowledge of the base.

    max_forgotten: the run is not to be used if the loss on base knowledge rises by more (nat/token, the lower end
    of its interval); null only reports. replay: tokens of `base_knowledge` trained on, as a share of the run's;
    half of its rows, those that are not measured, are there for it. samples: where there is no `base_knowledge`,
    the base writes this many texts to be measured on; 0 measures nothing. kl: weight of the divergence from the
    base on texts it wrote itself. l2_sp: pull of the weights to where they started (arXiv 1802.01483).
    interpolate: choose on held-out rows how far to go from the base to the tuned weights (WiSE-FT, arXiv
    2109.01903; adapters are scaled), keeping within max_forgotten.
    """

    max_forgotten: float | None = Field(default=0.1, ge=0, le=100)
    replay: float = Field(default=0.01, ge=0, lt=1)
    samples: int = Field(default=256, ge=0, le=1_000_000)
    kl: float = Field(default=0.0, ge=0, le=1_000)
    l2_sp: float = Field(default=0.0, ge=0, le=1_000)
    interpolate: bool = False

    @model_validator(mode="after")
    def _has_texts(self) -> RetentionRecipe:
        if self.kl and not self.samples:
            raise ValueError("kl needs texts of the base: samples must be above 0")
        return self


class CanaryRecipe(Section):
    """Made-up secrets planted in the run, to measure what copies leave behind (Carlini et al., arXiv 1802.08232).

    each: how many secrets of every number of copies. copies: how often a secret stands in the run.
    """

    each: int = Field(default=8, ge=2, le=1_000)
    copies: tuple[Annotated[int, Field(ge=1, le=1_000)], ...] = Field(default=(1, 4, 16), min_length=1)


class TrainingRecipe(Section):
    """How the model is tuned; only `base` has no default."""

    base: str  # the model that is tuned: a folder, a hub name, or one that `tilth base` brought
    bases: tuple[str, ...] = ()  # candidates that --choose-base ranks; `base` stays the one that is trained
    method: str = "lora"  # which weights are trained, and how: a name of the methods in training/methods
    lora: LoraRecipe = LoraRecipe()  # adapters, for the method lora
    gradual: GradualRecipe = GradualRecipe()  # for the method gradual
    dpo: DpoRecipe = DpoRecipe()  # preference pairs, for the method dpo
    settings: dict[str, Any] = {}  # of a method that has no section of its own; it checks them itself
    freeze_layers: int = Field(
        default=0, ge=0, le=10_000
    )  # the lowest layers, embeddings with them, that learn nothing: what they make of a row is computed once
    keep_states_mib: int = Field(
        default=1024, ge=0, le=10**9
    )  # memory for what frozen lowest layers make of the rows; 0 computes it at every pass
    retention: RetentionRecipe = RetentionRecipe()  # what keeps the knowledge of the base
    rate: float | None = Field(default=None, gt=0, le=1)  # the highest rate; null: as the method has it
    epochs: float = Field(default=2, gt=0, le=1_000)  # passes over the training rows
    max_steps: int | None = Field(
        default=None, ge=1, le=10**12
    )  # where the run ends at the latest; null: by epochs
    batch_tokens: int = Field(
        default=8192, ge=1, le=10**9
    )  # of an optimizer step; unnamed: fewer, so that short runs have steps enough
    pack_tokens: int = Field(default=2048, ge=1, le=10**9)  # of a micro batch, computed at once
    recompute: Literal["auto", "on", "off"] = (
        "auto"  # compute layers again in the backward pass; auto: if nothing else fits
    )
    max_tokens: int | None = Field(default=None, ge=2, le=10**9)  # longest row; null: the base's context
    warmup: float = Field(default=0.03, ge=0, lt=1)  # share of the steps
    schedule: Literal["cosine", "linear", "constant", "slanted"] = "cosine"  # how the rate falls after warmup
    clip_norm: float = Field(default=1.0, gt=0, le=1e6)  # bound on the norm of the gradient
    weight_decay: float = Field(default=0.0, ge=0, le=100)  # strength of AdamW's decay, on matrices
    seed: int = Field(
        default=0, ge=0, le=(1 << 32) - 1
    )  # decides the order of rows and what is drawn at random
    twin_folds: tuple[Annotated[int, Field(ge=0, lt=FOLDS)], ...] = (0,)  # of 40, withheld from training
    early_stop: bool = True  # stop where held-out loss surely rises, and keep the best step
    template: str | None = None  # path of a Jinja chat template
    system: Literal["keep", "fold", "drop"] = (
        "keep"  # fold: system prompts stand in the user turn that follows
    )
    tools: Literal["keep", "drop"] = "keep"  # drop: their definitions are not shown to the template
    base_knowledge: str | None = None  # path of documents or chats the base already knows
    checkpoint_minutes: float = Field(  # between two checkpoints, from which a rerun resumes
        default=10, gt=0, le=100_000
    )  # time between two checkpoints, from which a rerun resumes
    device: Literal["auto", "cpu", "cuda"] = "auto"  # where it is computed; auto: a card where there is one
    precision: Literal["auto", "float32"] = (
        "auto"  # precision of the arithmetic; auto: 16 bits where that is faster
    )
    mixture: bool = False  # reweight the slices during the run; off: not shown better than a placebo
    canaries: CanaryRecipe | None = (
        None  # plant made-up secrets: for a model that is measured and not handed on
    )
    loggers: tuple[Literal["tensorboard"], ...] = ()  # what is written beside metrics.jsonl
    merge: bool = True  # lora: also write the base with the adapter merged into it, if that computes the same
    reload: bool = True  # read the files in a fresh process and compare what they compute, a few seconds


class Task(Section):
    """Questions with references, answered by generation."""

    path: str  # a file of questions with references
    metric: str  # of evaluation/metrics, or of an entry point of the group tilth.metrics
    name: str | None = None  # null: the stem of the file
    max_new_tokens: int = Field(default=64, ge=1, le=1_000_000)  # of an answer at most
    max_rows: int = Field(
        default=200, ge=1, le=10**9
    )  # questions that are asked, from the beginning of the file


class EvaluationRecipe(Section):
    """How often and on what the model is judged.

    share: where it does not allow all of them, a sample of held-out rows and of each task's questions is drawn, the
    same for base and tuned and for every seed, of at least 30 of each.
    few_shot: the untouched base also answers each task with so many rows of the training data before the question,
    to tell what tuning gives beyond prompting; 0 leaves it out.
    """

    share: float = Field(
        default=0.05, gt=0, le=1
    )  # of the run's cost, for evaluations, and again for the judging at its end
    every: float = Field(default=0.05, gt=0, le=1)  # share of the steps between two evaluations
    max_rows_per_slice: int = Field(default=200, ge=1, le=10**9)  # held-out rows on which loss is measured
    few_shot: int = Field(default=3, ge=0, le=1_000)
    show_answers: bool = True  # answers on the page and in answers.*; off where the report shows no examples
    tasks: tuple[Task, ...] = ()  # questions that base and tuned model answer
