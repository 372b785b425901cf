"""The texts that judge a run: held-out rows of the version, and the questions of tasks with their references."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tilth.shards.tables import Split
from tilth.shards.version import Version
from tilth.training.evaluation import tasks
from tilth.training.recipe import EvaluationRecipe
from tilth.training.rows.overlap import holding, text_of

HELD_OUT = (Split.FEEDBACK, Split.PROMOTION, Split.FINAL)


@dataclass(frozen=True)
class Judges:
    """What is said in the rows that are held out, and in the questions of tasks."""

    held_out: list[str]
    tasks: list[str]

    @property
    def all(self) -> list[str]:
        """All of them."""
        return [*self.held_out, *self.tasks]


def judges(version: Version, evaluation: EvaluationRecipe, base_dir: Path) -> Judges:
    """Return the texts that judge a run. Raises SourceError for an unreadable task."""
    held_out = [text_of(turns) for turns in version.samples(*HELD_OUT)["turns"].to_list()]
    return Judges(held_out, task_texts(evaluation, base_dir))


def task_texts(evaluation: EvaluationRecipe, base_dir: Path) -> list[str]:
    """Return every question with its reference, and every longer question alone. Raises SourceError."""
    items = [item for task in evaluation.tasks for item in tasks.read(task, base_dir)]
    return [text for item in items for text in tasks.question_texts(item)]


def train_texts(version: Version) -> list[str]:
    """Return what is said in the train rows of a version."""
    return [text_of(turns) for turns in version.samples(Split.TRAIN)["turns"].to_list()]


def near_tasks(version: Version, questions: list[str]) -> list[str]:
    """Return a line on the train rows that hold a question of a task, or nearly, where there are any."""
    if not questions:
        return []
    count = int(holding(train_texts(version), questions).sum())
    line = (
        f"{count:,} train rows hold a task question, or nearly: no worked example is made of them, and on them the "
        "tuned model is asked what it learned, which decides nothing (curation.decontaminate drops them)"
    )
    return [line] if count else []
