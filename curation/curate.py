"""One curation run, phase by phase: sources in, a published version out.

read → rewrite → local rules → decontaminate → pushback → conflict → split → dedup → select → weigh
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from tilth.curation.dedup.split_family import SplitFamily
from tilth.curation.feedback import review
from tilth.curation.feedback.admission import Admission, admit
from tilth.curation.feedback.pushback import Steering
from tilth.curation.feedback.reasons import STEERED, reasons_of
from tilth.curation.feedback.review import Review
from tilth.curation.reading.files import find_files
from tilth.curation.reading.limits import ReadLimits
from tilth.curation.reading.remote import is_remote
from tilth.curation.reading.source import Source
from tilth.curation.recipe import CurationRecipe
from tilth.curation.rules.custom import Custom
from tilth.curation.run.account import nothing_left, reading_lines, require_all_read
from tilth.curation.run.code_digest import code_digest
from tilth.curation.run.combine import Combined, combine
from tilth.curation.run.decide import Decided, decide, proposes_only
from tilth.curation.run.evidence import Gatherer
from tilth.curation.run.executor import Executor, LocalExecutor
from tilth.curation.run.expectations import OfRun, judge_rows
from tilth.curation.run.judging import Judging, measure_rows, require_few_raised
from tilth.curation.run.kept.files import BATCH_LINES, Kept, Reader, ReadFile
from tilth.curation.run.kept.folder import Damaged, remove, trim
from tilth.curation.run.kept.unchanged import Said, any_remembered, key_of, remember, remembered
from tilth.curation.run.ledger import Ledger, retracted
from tilth.curation.run.provenance import library_versions, recipe_digest, stage_digests
from tilth.curation.run.replay import family_of
from tilth.curation.run.required_licence import require_licences
from tilth.curation.run.rewriting import ANY, as_counts, counted
from tilth.curation.run.texts import PartTexts
from tilth.shards import arrow_file
from tilth.shards.columns import require_columns
from tilth.shards.digest import canonical_json, content_id, file_sha256, sha256_hex
from tilth.shards.store import Draft, Store
from tilth.shards.tables import DECISIONS, FINDINGS, MEASURE_KEYS, OCCURRENCES, Verdict, empty
from tilth.shards.version import Version
from tilth.validators.against import COLUMNS, Before, kept_rows
from tilth.validators.facts.data import ReadingLine
from tilth.validators.gate import CheckResult, judge, load_ahead
from tilth.validators.metrics import Tables, measure
from tilth.validators.recipe import Checks, Expectation

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Request:
    """What to curate, from where, under which name."""

    name: str
    sources: tuple[Source, ...]
    recipe: CurationRecipe
    checks: Checks
    base_dir: Path
    limits: ReadLimits = field(default_factory=ReadLimits)
    strict: bool = False  # refuse what the sources hold and nobody reads
    expectations: tuple[Expectation, ...] = ()  # of the recipe and of the suite that it names


@dataclass(frozen=True)
class Outcome:
    """What a run did; without news `version` is the candidate as it was and `published` is False."""

    version: Version
    parent: Version | None
    published: bool
    checks: list[CheckResult]
    steering: Steering
    tags: pl.DataFrame  # schema FINDINGS: what rules noted of kept rows
    rewrites: pl.DataFrame  # what rewrites changed, by stage and kind; see run/rewriting.py
    readings: list[ReadingLine]  # how the sources were read, and what of them nobody reads
    unread_feedback: int
    unread_reasons: list[str]  # why those records changed nothing
    unfinished_files: dict[str, str]  # path -> why reading stopped before its end
    seconds: float
    is_repeat: bool = False  # nothing was computed: all that decides the version was as before

    @property
    def rewritten(self) -> dict[str, int]:
        """How many turns each rewrite changed, of distinct rows."""
        turns = self.rewrites.filter(pl.col("kind") == ANY).select("stage", "turns")
        return dict(turns.iter_rows())

    @property
    def passed(self) -> bool:
        """Whether every check of severity error passed."""
        return not any(c.blocks for c in self.checks)


def curate(
    request: Request,
    store: Store,
    *,
    executor: Executor | None = None,
    on_progress: Progress | None = None,
) -> Outcome:
    """Curate the sources of `request` and publish the result as the candidate of its name.

    What an earlier run left in the cache is used where it can be believed; see run/kept.
    Raises SourceError if a source cannot be read or no row is left, RecipeError if the recipe does not fit the data,
    UsageError if it is strict and something of the data is read by nobody.
    """
    report = on_progress or (lambda phase, done, total: None)
    again = _asked_again(request, store)
    while again is None:
        try:
            return _curate(request, store, executor or LocalExecutor(), report)
        except Damaged as damaged:  # found out late: without it, all is made again
            remove(store.cache, damaged.path.name.partition(".")[0])
    return again


def _asked_again(request: Request, store: Store) -> Outcome | None:
    """Return the outcome of the last run if nothing that decides it has changed since."""
    started, candidate = time.monotonic(), store.candidate(request.name)
    remote = any(is_remote(source.path) for source in request.sources)
    if candidate is None or remote or request.expectations or not any_remembered(store.cache):
        return None
    files = find_files(list(request.sources), request.base_dir, request.base_dir, request.limits)
    try:
        read = [(file.named, file.source_name, file_sha256(file.local)) for file in files]
    except OSError:
        return None  # whoever reads it says what is wrong
    said = remembered(store.cache, key_of(_inputs(request, read), store.root))
    if said is None:
        return None
    steering = Steering(empty(FINDINGS), pl.DataFrame(), [], [], [])
    seconds = time.monotonic() - started
    return Outcome(
        candidate,
        candidate,
        published=False,
        steering=steering,
        seconds=seconds,
        is_repeat=True,
        **vars(said),
    )


def _inputs(request: Request, files: list[tuple[str, str, str]]) -> dict[str, Any]:
    """Return, as JSON, what of a request decides a run; files: name, source and digest of each."""
    recipe = request.recipe
    return {
        "name": request.name,
        "files": sorted(files),
        "recipe": recipe_digest(request.sources, recipe),
        "bounds": [asdict(request.limits), request.strict, recipe.max_raised],
        "checks": request.checks.model_dump(),
        "stages": stage_digests(recipe.stages),
        "libraries": library_versions(recipe.plugins),
        "code": code_digest(__name__),
    }


def _curate(request: Request, store: Store, executor: Executor, report: Progress) -> Outcome:
    started = time.monotonic()
    with store.workspace() as work:
        withheld = store.retractions.withheld()
        reader = Reader(Kept(store.cache, withheld, BATCH_LINES), work / "read", request.limits, report)
        files, readings = _read(request, reader)
        parent = store.candidate(request.name)
        sources = sorted(file.facts.digest for file in files)
        admission = _admission(request, store, parent, sources)
        judging = Judging.of(request.recipe, admission, withheld)
        parts = measure_rows(judging, files, reader, executor, report)
        data = combine(files, parts, (judging.rewrites, judging.rules), request.recipe.slice_by, work)
        require_few_raised(judging, data)
        _require_columns(request.recipe, data.rows)
        load_ahead(request.checks)
        ledger = Ledger(data.rows["row_id"], data.slices)
        ledger.apply_findings(retracted(data.rows["row_id"], judging.withheld))
        ledger.hold(admission.review.kept(data.rows), review.FACTS)
        ledger.apply_findings(data.findings)
        made = stage_digests(request.recipe.stages)
        gatherer = Gatherer(store.cache, made, data.rows, PartTexts(data.parts))
        decided = decide(request.recipe, ledger, data, gatherer, admission, family_of(parent), report)
        report("publish", 0, 1)
        changed = counted(data.parts.scan("rewrites"), ledger.kept()["row_id"])
        draft, checks = _draft(request, store, sources, data, ledger, admission)
        draft = replace(
            draft,
            counts=as_counts(changed),
            fitted=_fitted(decided.family, admission.review),
            retractions=store.retractions.concerning(data.rows["row_id"]),
        )
        arrow_file.let_go()
        version, published = store.publish(request.name, _without_idle_feedback(draft, parent))
        report("publish", 1, 1)
        trim(store.cache, request.recipe.max_cache_bytes)
    unread = set(store.feedback_digests(request.name)) - set(version.manifest.feedback)
    said = Said(
        checks=checks,
        tags=ledger.tags(),
        rewrites=changed,
        readings=readings,
        unread_feedback=len(unread),
        unread_reasons=_why_unread(unread, admission, decided),
        unfinished_files={f.facts.path: f.facts.problem.value for f in files if f.facts.problem},
    )
    read = [(file.input.named, file.input.source_name, file.facts.digest) for file in files]
    if not request.expectations:  # what fails them is looked at row by row
        remember(store.cache, key_of(_inputs(request, read), store.root), said)
    seconds = time.monotonic() - started
    return Outcome(
        version, parent, published=published, steering=decided.steering, seconds=seconds, **vars(said)
    )


def _read(request: Request, reader: Reader) -> tuple[list[ReadFile], list[ReadingLine]]:
    """Read every source, and say how each was read."""
    files = reader.read(list(request.sources), request.base_dir)
    readings = reading_lines(file.facts for file in files)
    if request.strict:
        require_all_read(readings)
    if not any(file.said.height for file in files):
        lines = (file.occurrences() for file in files)
        raise nothing_left(request.name, pl.concat([empty(OCCURRENCES), *lines]), empty(DECISIONS))
    return files, readings


def _admission(request: Request, store: Store, parent: Version | None, sources: list[str]) -> Admission:
    """Return the feedback that a version of these files (their digests, sorted) acts on."""
    inputs = inputs_digest(sources, recipe_digest(request.sources, request.recipe))
    policy = request.recipe.pushback
    kept = parent.decisions().filter(pl.col("verdict") == Verdict.KEEP.value).height if parent else 0
    if policy and parent and proposes_only(request.recipe, kept):
        policy = replace(policy, apply=False)
    return admit(store, request.name, parent, inputs, policy)


def _why_unread(unread: set[str], admission: Admission, decided: Decided) -> list[str]:
    """Return why records of feedback are not read by the version."""
    asked = unread & set(admission.digests)
    if asked:
        return reasons_of(decided.steering, asked, decided.proposes_only)
    return [STEERED] if unread else []


def _require_columns(recipe: CurationRecipe, rows: pl.DataFrame) -> None:
    """Raise RecipeError if the recipe reads an attribute, or allows licences, that no row has."""
    custom = next((stage for stage in recipe.stages if isinstance(stage, Custom)), None)
    require_columns(rows, custom.attributes() if custom else [], ("curation", "custom"))
    require_licences(recipe.locals(), rows)


def _draft(
    request: Request,
    store: Store,
    sources: list[str],
    data: Combined,
    ledger: Ledger,
    admission: Admission,
) -> tuple[Draft, list[CheckResult]]:
    """Assemble what is published and judge it."""
    decisions, lines = ledger.decisions(), data.occurrences
    if not (decisions["verdict"] == Verdict.KEEP).any():
        raise nothing_left(request.name, lines, decisions)
    before = served_before(store, request.name, [source.path for source in request.sources])
    checks = judge(
        measure(Tables(lines, data.rows, decisions, empty(MEASURE_KEYS)), request.recipe.held_out(), before),
        request.checks,
    )
    checks += judge_rows(request.expectations, OfRun(data, decisions))
    draft = Draft(
        rows=data.rows,
        decisions=decisions,
        occurrences=lines,
        measures=partial(data.parts.read, "measures"),
        turns=partial(data.parts.read, "turns"),
        sources=sources,
        recipe_digest=recipe_digest(request.sources, request.recipe),
        stages=stage_digests(request.recipe.stages),
        libraries=library_versions(request.recipe.plugins),
        feedback=admission.digests,
        steered_sources=admission.steered_inputs,
        checks={c.name: c.passed for c in checks if c.severity == "error"},
    )
    return draft, checks


def _fitted(family: SplitFamily, people: Review) -> dict[str, bytes]:
    """Return what a version keeps of its family of splits and of people's words; nothing of what is plain or empty."""
    fitted = {} if family == SplitFamily() else {"split": family.to_bytes()}
    return fitted | ({review.FITTED: people.to_bytes()} if people.words else {})


def _without_idle_feedback(draft: Draft, parent: Version | None) -> Draft:
    """Leave out new feedback that changed no decision, so that it alone makes no new version."""
    if parent is None or content_id(draft.rows, draft.decisions) != parent.manifest.content_id:
        return draft
    fitted = {name: data for name, data in draft.fitted.items() if name != review.FITTED}
    known = parent.fitted(review.FITTED)
    return replace(
        draft,
        feedback=list(parent.manifest.feedback),
        steered_sources=parent.manifest.steered_sources,
        fitted=fitted | ({review.FITTED: known} if known is not None else {}),
    )


def served_before(
    store: Store, name: str, sources: Sequence[str], version: Version | None = None
) -> Before | None:
    """Return what a version is judged against: what is served, else the newest other version that passed its checks."""
    served = store.served(name)
    if served is None or (version is not None and served.id == version.id):
        older = [e["id"] for e in store.log(name) if all(e["checks"].values())]
        if version is not None and version.id in older:
            older = older[older.index(version.id) + 1 :]
        served = store.version(older[0]) if older else None
    if served is None:
        return None
    kept = kept_rows(served.rows(["row_id", "source"]), served.decisions())
    return Before(served.occurrences(COLUMNS), sources, kept)


def inputs_digest(sources: list[str], recipe: str) -> str:
    """Return the digest of sources and recipe: what a round of feedback is counted against."""
    return sha256_hex(canonical_json([sources, recipe]))
