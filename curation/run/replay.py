"""What other bounds would decide, from what a version keeps: no source is read, nothing is measured again.

Local rules are judged anew over the stored measures. Barriers decide anew over their evidence, which is kept
where the rows that enter are the same, and otherwise observed in the stored texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tilth.curation.dedup.split_family import SplitFamily
from tilth.curation.feedback import review
from tilth.curation.feedback.admission import Admission
from tilth.curation.recipe import CurationRecipe
from tilth.curation.run.combine import aligned, numbers_of, slices_of
from tilth.curation.run.decide import decide
from tilth.curation.run.evidence import Gatherer
from tilth.curation.run.ledger import Ledger, retracted
from tilth.curation.run.local import findings_of
from tilth.curation.run.provenance import stage_digests
from tilth.curation.run.texts import VersionTexts
from tilth.curation.stage import Rewrite, Stage, parameters, registry
from tilth.shards.retractions import row_ids_of
from tilth.shards.tables import FINDINGS, MEASURE_KEYS, empty
from tilth.shards.version import Version


@dataclass(frozen=True)
class StoredRows:
    """Every distinct row of a version with what was measured of it."""

    version: Version
    rows: pl.DataFrame
    slices: pl.Series

    def measures(self, names: Sequence[str]) -> pl.DataFrame:
        """Return these row-level measures (`stage.measure`), aligned with `rows`; absent ones are left out."""
        found = self.version.measures(names)
        return aligned(found.lazy(), self.rows, [name for name in found.columns if name not in MEASURE_KEYS])

    def numbers(self) -> list[str]:
        """Return the names of the row-level measures that are numbers, in order."""
        return numbers_of(self.version.measures().lazy())


def replay(version: Version, recipe: CurationRecipe, admission: Admission, cache: Path) -> pl.DataFrame:
    """Return what `recipe` would decide about the rows of `version` (schema DECISIONS).

    The recipe must measure what the version's did: see `unlike`. admission: the feedback it may act on.
    """
    bare = StoredRows(version, version.rows(), pl.Series())
    data = StoredRows(version, bare.rows, slices_of(bare, recipe.slice_by))
    ledger = Ledger(data.rows["row_id"], data.slices)
    withheld = row_ids_of(version.objects, version.manifest.retractions)
    ledger.apply_findings(retracted(data.rows["row_id"], withheld))
    ledger.hold(admission.review.kept(data.rows), review.FACTS)
    lines = findings_of(version.scan_measures(), recipe.rewrites(), recipe.locals())
    ledger.apply_findings(pl.concat([empty(FINDINGS), *lines]))
    gatherer = Gatherer(cache, stage_digests(recipe.stages), data.rows, VersionTexts(version))
    decide(recipe, ledger, data, gatherer, admission, family_of(version))
    return ledger.decisions()


def family_of(version: Version | None) -> SplitFamily | None:
    """Return the family of a version's splits; None without a version. One that nothing was fitted to is plain."""
    if version is None:
        return None
    fitted = version.fitted("split")
    return SplitFamily.from_bytes(fitted) if fitted else SplitFamily()


def unlike(version: Version, recipe: CurationRecipe) -> list[str]:
    """Return the stages that change text or measure otherwise than they did for `version`."""
    made_by, now = version.manifest.stages, stage_digests(recipe.stages)
    gone = [name for name in made_by if name not in now and hasattr(registry().get(name), "rewrite")]
    return [name for name in now if now[name] != made_by.get(name)] + gone


def measuring_keys(before: CurationRecipe, after: CurationRecipe) -> list[str]:
    """Return the parameters (`stage.parameter`, `stage`) in which `after` changes text or measures otherwise."""
    old = {s.name: s for s in before.stages}
    keys = []
    for stage in after.stages:
        name = stage.name
        if name not in old:
            keys.append(name)
            continue
        was, now = (_measuring(s) for s in (old[name], stage))
        keys += [f"{name}.{key}" for key in now if now[key] != was[key]]
    kept = {s.name for s in after.stages}
    return keys + [name for name, stage in old.items() if name not in kept and isinstance(stage, Rewrite)]


def _measuring(stage: Stage) -> dict[str, object]:
    """Return the parameters that a replay cannot change: those of a rewrite, and those that are no limits."""
    return parameters(stage, limits=isinstance(stage, Rewrite))
