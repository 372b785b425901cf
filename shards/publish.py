"""From a draft to a published version: validate, store what is new, write the manifest last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import polars as pl

from tilth.shards.digest import content_id, sha256_hex, text_digests
from tilth.shards.errors import StoreError
from tilth.shards.ledger import PLACE, count, ordered
from tilth.shards.manifest import Manifest
from tilth.shards.object import Objects
from tilth.shards.tables import DECISIONS, MEASURE_KEYS, OCCURRENCES, ROWS, TURNS, conform
from tilth.shards.version import Version

SHARD_ROWS = 50_000
DEFECT = "This is a defect of Tilth: please report it"


Lines = Callable[[pl.Series], pl.DataFrame]  # of some row ids (distinct, in order), the lines of a table


@dataclass(frozen=True)
class Draft:
    """What curate hands over. Frames in any order; see Manifest for the rest.

    turns: the rewritten turns (schema TURNS) of at least every row whose text is new. measures: row_id, turn and
    a column a measure. Both are asked for SHARD_ROWS rows at a time. fitted: what stages fitted to rows, by name.
    counts: further counts; lines, rows, kept,
    dropped, quarantined, unaccounted and one a split are counted here.
    """

    rows: pl.DataFrame
    decisions: pl.DataFrame
    occurrences: pl.DataFrame
    measures: Lines
    turns: Lines
    sources: list[str]
    recipe_digest: str
    stages: dict[str, str] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)
    feedback: list[str] = field(default_factory=list)
    steered_sources: str | None = None
    retractions: list[str] = field(default_factory=list)
    fitted: dict[str, bytes] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    checks: dict[str, bool] = field(default_factory=dict)


def same_inputs(draft: Draft, manifest: Manifest) -> bool:
    """Return whether the manifest was made from the same sources, recipe, feedback and retractions.

    A check that now ends otherwise is news too: its bound was corrected, and what may be served depends on it.
    """
    return (
        sorted(draft.sources) == manifest.sources
        and draft.recipe_digest == manifest.recipe_digest
        and draft.feedback == manifest.feedback
        and draft.steered_sources == manifest.steered_sources
        and draft.retractions == manifest.retractions
        and {name: sha256_hex(data) for name, data in draft.fitted.items()} == manifest.fitted
        and _failed(draft.checks) == _failed(manifest.checks)
    )


def _failed(checks: dict[str, bool]) -> set[str]:
    return {name for name, passed in checks.items() if not passed}


def write_version(name: str, draft: Draft, parent: Version | None, objects: Objects) -> tuple[Manifest, bool]:
    """Store the objects of a draft and return its manifest, not yet written, and whether it is news.

    Without news (the parent's content and inputs) nothing is stored and the parent's manifest returned.
    Raises StoreError where the draft loses a row, and where the store cannot be written.
    """
    rows = ordered(conform(draft.rows, ROWS), ["row_id"])
    decisions = ordered(conform(draft.decisions, DECISIONS), ["row_id"])
    occurrences = ordered(conform(draft.occurrences, OCCURRENCES), PLACE)
    counts = count(occurrences, decisions)
    _check_conservation(name, rows, decisions, occurrences, counts)
    content = content_id(rows, decisions)
    if parent and parent.manifest.content_id == content and same_inputs(draft, parent.manifest):
        return parent.manifest, False
    manifest = Manifest(
        name=name,
        parent=parent.id if parent else None,
        content_id=content,
        sources=sorted(draft.sources),
        recipe_digest=draft.recipe_digest,
        counts={**draft.counts, **counts},
        objects={
            "turns": _put_turns(name, rows, draft.turns, parent, objects),
            "rows": _put_slices(rows, objects),
            # Aligned with rows by position: what a version costs is its selection.
            "decisions": _put_slices(decisions.drop("row_id"), objects),
            "occurrences": _put_slices(occurrences, objects),
            "measures": _put_measures(rows["row_id"], draft.measures, objects),
        },
        stages=draft.stages,
        libraries=draft.libraries,
        feedback=draft.feedback,
        steered_sources=draft.steered_sources,
        retractions=draft.retractions,
        fitted={name: objects.put_bytes(data) for name, data in draft.fitted.items()},
        checks=draft.checks,
    )
    # What is written must be readable: a float or a bad digest is found before it has an id.
    return Manifest.from_bytes(manifest.to_bytes(), f"draft of {name}"), True


def _check_conservation(
    name: str, rows: pl.DataFrame, decisions: pl.DataFrame, occurrences: pl.DataFrame, counts: dict[str, int]
) -> None:
    readable = occurrences["row_id"].drop_nulls().unique().sort()
    one_of = occurrences["row_id"].is_null() != occurrences["reader_reason"].is_null()
    problems = {
        "rows and decisions do not hold the same distinct rows": _repeats(rows, ["row_id"])
        or not rows["row_id"].equals(decisions["row_id"]),
        "rows and lines of input do not match": not rows["row_id"].equals(readable),
        "a line has neither a row nor a reason, or both": not one_of.all(),
        "a line of input is named twice": _repeats(occurrences, PLACE),
        f"{counts['unaccounted']} lines are unaccounted for": counts["unaccounted"] != 0,
        "a row has no text digest": rows["text_digest"].null_count() > 0,
    }
    for what, broken in problems.items():
        if broken:
            raise StoreError(f"draft of {name}", what, "Nothing was published", DEFECT)


def _repeats(frame: pl.DataFrame, keys: list[str]) -> bool:
    """Return whether two lines of a frame in the order of `keys` have the same."""
    return bool(
        frame.select(pl.all_horizontal(pl.col(key) == pl.col(key).shift() for key in keys).any()).item()
    )


def _put_slices(frame: pl.DataFrame, objects: Objects) -> list[str]:
    """Store a table as objects of at most SHARD_ROWS lines: what stands as before is stored only once."""
    slices = frame.iter_slices(SHARD_ROWS) if frame.height else [frame]
    return [objects.put_frame(some) for some in slices]


def _put_measures(row_ids: pl.Series, measures: Lines, objects: Objects) -> list[str]:
    """Store the measures of SHARD_ROWS rows at a time, those of turns and of rows apart, ordered by row_id, turn."""
    digests: list[str] = []
    for start in range(0, max(row_ids.len(), 1), SHARD_ROWS):
        both = measures(row_ids.slice(start, SHARD_ROWS))
        for of_turns in (False, True):
            lines = both.filter(pl.col("turn").is_not_null() == of_turns)
            # A column of turns is null in every line of a row, and the other way round.
            present = [name for name in lines.columns if name in MEASURE_KEYS or lines[name].count()]
            if lines.height or not (digests or of_turns):
                digests.append(objects.put_frame(lines.select(present).sort("row_id", "turn")))
    return digests


def _put_turns(
    name: str, rows: pl.DataFrame, turns: Lines, parent: Version | None, objects: Objects
) -> list[str]:
    """Store the texts that the parent's payload lacks; return the objects that hold a text of `rows`."""
    keys = rows.select("row_id", "text_digest")
    digests = []
    for digest in parent.manifest.objects["turns"] if parent else []:
        held = objects.frame(digest, ["row_id", "text_digest"]).unique()
        rest = keys.join(held, on=["row_id", "text_digest"], how="anti")
        if rest.height < keys.height:
            digests.append(digest)
        keys = rest
    lost = [keys.clear()]
    for chunk, shard in _shards(keys.sort("row_id"), turns):
        if shard.height:
            digests.append(objects.put_frame(shard))
        lost.append(chunk.join(shard, on="row_id", how="anti"))
    if textless(rows, pl.concat(lost)).height:
        raise StoreError(f"draft of {name}", "a row's text is missing", "Nothing was published", DEFECT)
    return digests


def textless(rows: pl.DataFrame, without_turns: pl.DataFrame) -> pl.DataFrame:
    """Return the rows among `without_turns` (row_id) whose digest says that they should have had turns."""
    lost = rows.join(without_turns, on="row_id", how="semi").sort("row_id")
    return lost.filter(lost["text_digest"] != text_digests(lost, TURNS.to_frame())["text_digest"])


def _shards(keys: pl.DataFrame, turns: Lines) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield SHARD_ROWS keys at a time, in row_id order, with their turns and the text digest."""
    for chunk in keys.iter_slices(SHARD_ROWS):
        said = turns(chunk["row_id"]).select(list(TURNS))
        yield chunk, said.join(chunk, on="row_id", how="inner").sort("row_id", "turn")
