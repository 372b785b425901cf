"""Embedding as a person runs it: every row of a version through an encoder, into a file that curation reads."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.markup import escape

from tilth.workbench.running.score import version_to_score
from tilth.workbench.running.train import next_curate
from tilth.workbench.screen import shown

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.shards.progress import Progress
    from tilth.shards.store import Store
    from tilth.workbench.recipes.sections import Recipe

FILE = "embeddings.parquet"


@dataclass(frozen=True)
class Embedded:
    """Where the vectors lie, how many rows they are of, and how long it took."""

    path: Path
    rows: int
    dimensions: int
    seconds: float


def embed_rows(
    recipe: Recipe,
    store: Store,
    *,
    encoder: str,
    out: Path | None = None,
    version_id: str | None = None,
    on_progress: Progress | None = None,
) -> Embedded:
    """Embed prompt and response of every distinct readable row of a version, dropped ones too.

    Writes `out` (default: embeddings.parquet beside the recipe): text_digest, prompt and response. Raises
    UsageError if there is no version, TrainingError for an encoder that cannot be loaded.
    """
    from tilth.curation.run.texts import VersionTexts
    from tilth.shards import atomic
    from tilth.training.scores.embed import Encoder

    version = version_to_score(recipe, store, version_id)
    rows = version.rows(["row_id", "text_digest"]).unique("text_digest", keep="first", maintain_order=True)
    texts = VersionTexts(version)
    device = recipe.training.device if recipe.training else "auto"
    started = time.monotonic()
    reader = Encoder.load(encoder, recipe.base_dir, device=device)
    fields = {
        name: reader.encode(said(rows["row_id"]), on_progress)
        for name, said in (("prompt", texts.prompts), ("response", texts.responses))
    }
    path = out or recipe.base_dir / FILE
    buffer = io.BytesIO()
    pl.DataFrame({"text_digest": rows["text_digest"], **fields}).write_parquet(buffer, compression="zstd")
    atomic.write_file(path, buffer.getvalue())
    return Embedded(path, rows.height, fields["prompt"].shape[1], time.monotonic() - started)


def as_dict(embedded: Embedded) -> dict[str, Any]:
    """Return what was embedded as plain JSON values."""
    return {
        "path": str(embedded.path),
        "rows": embedded.rows,
        "dimensions": embedded.dimensions,
        "seconds": round(embedded.seconds, 3),
    }


def show(screen: Console, recipe: Recipe, embedded: Embedded) -> None:
    """Print where the vectors lie and the lines for the recipe."""
    speed = embedded.rows / max(embedded.seconds, 1e-9)
    screen.print(
        f"embedded: {embedded.rows:,} rows, {embedded.dimensions} dimensions, {embedded.seconds:.1f} s, "
        f"{speed:,.0f} rows/s → {shown(embedded.path)}"
    )
    screen.print(
        f"to read them, in {shown(recipe.path.name)}:\n  curation:\n    dedup: "
        f"{{semantic: 0.95, embeddings: {escape(embedded.path.name)}}}"
    )
    screen.print(f"next: {shown(next_curate(recipe))}")
