"""The figures of the journal as TensorBoard events, for those who watch runs there (extra `tensorboard`)."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tilth.shards.errors import TrainingError

FOLDER = "tensorboard"


def require() -> None:
    """Raise TrainingError if the package is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        raise TrainingError(
            "training.loggers",
            "'tensorboard' is not installed",
            "Nothing was trained",
            "pip install 'tilth[tensorboard]', or leave it out: metrics.jsonl holds the same figures",
        )


class TensorBoard:
    """Writes scalars under the run's folder; a resumed run hides what lies beyond its checkpoint."""

    def __init__(self, run_dir: Path, *, up_to_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._events = SummaryWriter(str(run_dir / FOLDER), purge_step=max(0, up_to_step + 1))

    def write(self, record: dict[str, Any]) -> None:
        """Add the figures of one record of the journal."""
        for tag, value in scalars(record):
            self._events.add_scalar(tag, value, record["step"])
        if record["kind"] != "step":
            self._events.flush()


def scalars(record: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the tags and values of a record; slices and monitors have tags of their own."""
    kind = record["kind"]
    if kind == "step":
        for name in ("loss", "rate", "norm", "tokens"):
            yield f"train/{name}", record[name]
    elif kind == "evaluation":
        for name in ("loss", "base_knowledge"):
            if record[name] is not None:
                yield f"held_out/{name}", record[name]
        for part, losses in record["slices"].items():
            yield from ((f"{panel}/{part}", loss) for panel, loss in losses.items() if loss is not None)
    elif kind == "monitor" and record["value"] is not None:
        yield f"monitor/{record['monitor']}/{record['slice'] or 'all'}", record["value"]
    elif kind == "mixture":
        yield from ((f"mixture/{part}", share) for part, share in record["p"].items())
