"""The `training:` and `evaluation:` sections of a recipe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tilth.shards.tables import FOLDS

DEFAULT_RATE = {"lora": 2e-4, "full": 1e-5}


class Section(BaseModel):
    """A part of the recipe: unknown keys are refused, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LoraRecipe(Section):
    """Low-rank adapters on every linear layer (Hu et al., arXiv 2106.09685), scaled by alpha / rank."""

    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class TrainingRecipe(Section):
    """How the model is tuned; only `base` has no default."""

    base: str
    method: Literal["lora", "full"] = "lora"
    lora: LoraRecipe = LoraRecipe()
    rate: float | None = Field(default=None, gt=0, le=1)
    epochs: float = Field(default=2, gt=0)
    max_steps: int | None = Field(default=None, ge=1)
    batch_tokens: int = Field(default=8192, ge=1)  # per optimizer step
    pack_tokens: int = Field(default=2048, ge=1)  # per micro batch
    max_tokens: int | None = Field(default=None, ge=2)  # longest row; null: the base's context
    warmup: float = Field(default=0.03, ge=0, lt=1)  # fraction of the steps
    schedule: Literal["cosine"] = "cosine"
    clip_norm: float = Field(default=1.0, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    seed: int = Field(default=0, ge=0)
    twin_folds: tuple[Annotated[int, Field(ge=0, lt=FOLDS)], ...] = (0,)
    early_stop: bool = True
    template: str | None = None  # path of a Jinja chat template
    base_knowledge: str | None = None  # path of documents or chats the base already knows
    checkpoint_minutes: float = Field(default=10, gt=0)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    mixture: bool = True  # reweight the slices during the run

    @property
    def peak_rate(self) -> float:
        """The highest learning rate of the run: `rate`, else the default of the method."""
        return self.rate if self.rate is not None else DEFAULT_RATE[self.method]


class Task(Section):
    """Questions with references, answered by generation."""

    path: str
    metric: Literal["exact", "contains", "regex", "json", "tool_call", "f1", "chrf"]
    name: str | None = None  # null: the stem of the file
    max_new_tokens: int = Field(default=64, ge=1)
    max_rows: int = Field(default=200, ge=1)


class EvaluationRecipe(Section):
    """How often and on what the model is judged."""

    share: float = Field(default=0.05, gt=0, le=1)  # of the run's time
    every: float = Field(default=0.05, gt=0, le=1)  # of the steps
    max_rows_per_slice: int = Field(default=200, ge=1)
    tasks: tuple[Task, ...] = ()
