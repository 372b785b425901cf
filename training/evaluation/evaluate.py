"""Judges a model by what it writes: greedy answers to task questions, fed exactly as serving feeds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tilth.shards.digest import canonical_json
from tilth.shards.errors import SourceError
from tilth.training.evaluation import tasks
from tilth.training.evaluation.generation import generate, stop_ids
from tilth.training.evaluation.kept_answers import Ask
from tilth.training.evaluation.metric_plugins import find
from tilth.training.evaluation.tasks import question_texts
from tilth.training.recipe import EvaluationRecipe, Task
from tilth.training.rows.overlap import held

if TYPE_CHECKING:
    from tilth.training.rows.text import Renderer


@dataclass(frozen=True)
class Question:
    """An item of a task with its prompt as ids."""

    item: tasks.Item
    prompt_ids: list[int]
    told: bool = False  # whether a train row holds it, or nearly


@dataclass(frozen=True)
class LoadedTask:
    """A task whose questions fit the model; `skipped` counts those that do not, `left_out` those not asked."""

    name: str
    metric: str
    max_new_tokens: int
    questions: list[Question]
    skipped: int
    left_out: int = 0

    @property
    def clusters(self) -> np.ndarray:
        """Return an integer per question, equal for questions that ask the same."""
        asked = [canonical_json([q.item.messages, q.item.tools]) for q in self.questions]
        return np.unique(np.array(asked, dtype=object), return_inverse=True)[1]


@dataclass(frozen=True)
class TaskScores:
    """One model's answers to a task, aligned with its questions; a score is NaN where nothing was asked."""

    name: str
    metric: str
    scores: np.ndarray  # (items,) in [0, 1]
    answers: list[str]
    clusters: np.ndarray | None = None  # (items,) equal for equal questions; None: each stands alone
    written: bool = True  # whether answers are scored, and not the probabilities of given ones
    bounded: bool = True  # whether scores are in [0, 1]

    @property
    def mean(self) -> float:
        """Mean score."""
        return float(self.scores.mean()) if len(self.scores) else float("nan")


def load_tasks(
    evaluation: EvaluationRecipe,
    renderer: Renderer,
    *,
    base_dir: Path,
    max_context: int,
    trained_on: Sequence[str] = (),
) -> list[LoadedTask]:
    """Read and render the tasks of a recipe.

    Questions that leave no room for the answer in the model's context are skipped and counted. trained_on: what is
    said in the train rows, to mark the questions that stand in them.
    Raises SourceError for an unreadable file or a task none of whose questions fit, TrainingError for a metric that
    is not to be had: before anything is trained.
    """
    loaded = [_load(task, renderer, base_dir, max_context) for task in evaluation.tasks]
    return [_marked(task, trained_on) for task in loaded] if trained_on else loaded


def answer_tasks(
    model: Any,
    tokenizer: Any,
    loaded: list[LoadedTask],
    on_tokens: Callable[[int], None] | None = None,
    ask: Ask = generate,
) -> list[TaskScores]:
    """Answer every question greedily and score it. on_tokens: as of `generate`. ask: it, or what keeps its answers."""
    results = []
    for task in loaded:
        prompts = [q.prompt_ids for q in task.questions]
        answers = ask(model, tokenizer, prompts, task.max_new_tokens, on_tokens)
        score = find(task.metric).score
        values = [score(text, q.item.reference) for text, q in zip(answers, task.questions)]
        scores = np.array(values, dtype=np.float64)
        results.append(TaskScores(task.name, task.metric, scores, answers, task.clusters))
    return results


def name_stops(model: Any, renderer: Renderer) -> None:
    """Let the model's generation config name every id that ends an answer, the template's end of a turn among them.

    Answers stop there from now on, and servers read it from the saved files.
    """
    stops = set(stop_ids(model, renderer.tokenizer))
    if renderer.template.source:
        turns = [{"role": "user", "text": "?"}, {"role": "assistant", "text": "!"}]
        sample = {"row_id": b"", "slice": "", "weight": None, "shape": "chat", "tools": None, "turns": turns}
        stops |= {int(example.input_ids[-1]) for example in renderer.render(sample)}
    model.generation_config.eos_token_id = sorted(stops)


@contextmanager
def base_of(model: Any) -> Iterator[Any]:
    """Let an adapted model answer as its base inside the block.

    A fully tuned model has no base left inside it: measure the base before the first step.
    """
    with model.disable_adapter():
        yield model


def _load(task: Task, renderer: Renderer, base_dir: Path, max_context: int) -> LoadedTask:
    items = tasks.read(task, base_dir)
    questions = [Question(i, renderer.prompt_ids(i.messages, i.tools)) for i in items]
    fitting = [q for q in questions if len(q.prompt_ids) + task.max_new_tokens <= max_context]
    if not fitting:
        raise SourceError(
            task.path,
            f"no question fits the model's {max_context} tokens with {task.max_new_tokens} for the answer",
            "The model cannot be judged on this task",
            "Shorten the questions or lower max_new_tokens",
        )
    name = task.name or Path(task.path).stem
    return LoadedTask(name, task.metric, task.max_new_tokens, fitting, len(items) - len(fitting))


def _marked(task: LoadedTask, trained_on: Sequence[str]) -> LoadedTask:
    texts = [question_texts(q.item) for q in task.questions]
    of = np.repeat(np.arange(len(texts)), [len(t) for t in texts])
    told = np.isin(np.arange(len(texts)), of[held(trained_on, [text for each in texts for text in each])])
    questions = [replace(q, told=bool(is_told)) for q, is_told in zip(task.questions, told)]
    return replace(task, questions=questions)
