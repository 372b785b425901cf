"""Training as a person runs it: which version, what it would cost, the run, and what the screen says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from tilth.curation.reading.files import find_files
from tilth.curation.reading.remote import is_remote
from tilth.curation.run.provenance import recipe_digest
from tilth.shards.digest import file_sha256
from tilth.shards.errors import ChecksFailed, UsageError
from tilth.validators.facts.page import DO_NOT_USE
from tilth.workbench.screen import shown
from tilth.workbench.session import in_brackets, print_json, progress, show_reasons

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.shards.progress import Progress
    from tilth.shards.store import Store
    from tilth.shards.version import Version
    from tilth.training.plan.plan import Plan
    from tilth.training.plan.request import Request as TrainingRequest
    from tilth.training.run.finished import Finished
    from tilth.workbench.recipes.sections import Recipe


TRAINED = "train"


def version_to_train(recipe: Recipe, store: Store, version_id: str | None) -> Version:
    """Return the version asked for, or the candidate if recipe and sources are still what it was made from.

    Raises UsageError saying what changed.
    """
    if version_id is not None:
        return store.version(version_id)
    candidate = store.candidate(recipe.name)
    if candidate is None:
        raise UsageError(
            recipe.path.name,
            f"there is no version of {recipe.name!r} yet",
            "Nothing was trained",
            next_curate(recipe),
        )
    changed = what_changed(recipe, store, candidate)
    if changed:
        raise UsageError(
            recipe.path.name,
            f"{changed} since version {candidate.short} was curated",
            "Nothing was trained",
            f"run: {next_curate(recipe)}, or name the version: train {recipe.path.name} --version {candidate.short}",
        )
    return candidate


def next_curate(recipe: Recipe) -> str:
    """Return the command that makes a version."""
    return f"curate {recipe.path.name}"


def what_changed(recipe: Recipe, store: Store, version: Version) -> str:
    """Return what differs between the recipe as it is now and what a version was made from, or ""."""
    if store.retractions.concerning(version.rows(["row_id"])["row_id"]) != version.manifest.retractions:
        return "rows were retracted"
    if recipe_digest(recipe.sources, recipe.curation) != version.manifest.recipe_digest:
        return "the sources or the curation section of the recipe changed"
    now, then = local_digests(recipe), set(version.manifest.sources)
    remote = any(is_remote(source.path) for source in recipe.sources)
    return "a source file changed" if not now <= then or (now != then and not remote) else ""


def local_digests(recipe: Recipe) -> set[str]:
    """Return the digests of the recipe's local source files; remote ones are pinned by their revision."""
    local = [source for source in recipe.sources if not is_remote(source.path)]
    files = find_files(local, recipe.base_dir, recipe.base_dir, recipe.limits)
    return {file_sha256(file.local) for file in files}


def request_of(recipe: Recipe, version: Version, *, seed: int | None = None) -> TrainingRequest:
    """Return what training needs of a recipe. seed: instead of the recipe's."""
    from tilth.training.plan.request import Request as TrainingRequest

    return TrainingRequest(
        version=version,
        recipe=recipe.require_training(),
        evaluation=recipe.evaluation,
        base_dir=recipe.base_dir,
        seed=seed,
        recipe_name=recipe.path.name,
    )


def launch(recipe: Recipe) -> int | None:
    """Run this command on every visible card and return its exit code; None where one process is enough."""
    from tilth.training.hardware.launch import launch as start
    from tilth.training.methods.method import method_of

    training = recipe.require_training()
    return start(training, method_of(training).unsharded)


def train_version(
    recipe: Recipe,
    store: Store,
    version: Version,
    *,
    fresh: bool = False,
    seed: int | None = None,
    on_progress: Progress | None = None,
    on_plan: Callable[[Plan], None] | None = None,
) -> Finished:
    """Train on a version with the recipe's settings and keep a receipt of the run.

    A run that is finished already, of the same recipe, base and files, is returned as it lies there; `fresh` runs anew.
    """
    from tilth.training.run.finished import finished
    from tilth.training.train import train

    asked = request_of(recipe, version, seed=seed)
    found = None if fresh else finished(asked, store)
    result = found or train(asked, store, fresh=fresh, on_progress=on_progress, on_plan=on_plan)
    known = {receipt.get("run_id") for receipt in store.receipts(TRAINED, version.id)}
    if found is None or found.run_id not in known:
        figures = {"run_id": result.run_id, "steps": result.steps, "seconds": round(result.seconds, 3)}
        store.add_receipt(TRAINED, version.id, {**figures, "peak_bytes": result.peak_bytes})
    return result


def train_and_show(
    recipe: Recipe,
    store: Store,
    screen: Console,
    version: Version,
    *,
    fresh: bool,
    seed: int | None,
    as_json: bool,
) -> int:
    """Train, print what came of it, and return the exit code that its word asks for."""
    from tilth.training.run.finished import finished

    asked = request_of(recipe, version, seed=seed)
    if not fresh and finished(asked, store) is not None:
        screen.print(f"finished already: run {asked.run_id}; train {recipe.path.name} --fresh runs it anew")
    with progress(screen) as report:
        result = train_version(
            recipe, store, version, fresh=fresh, seed=seed, on_progress=report, on_plan=show_start(screen)
        )
    if as_json:
        print_json(as_dict(result))
    else:
        show_run(screen, result, feedback_outlook(recipe, store, version, result))
    return ChecksFailed.exit_code if result.results["verdict"] == DO_NOT_USE else 0


def as_dict(result: Finished) -> dict[str, Any]:
    """Return a run as plain JSON values."""
    return {
        "run_id": result.run_id,
        "run_dir": str(result.run_dir),
        "page": str(result.run_dir / "report.html"),
        "steps": result.steps,
        "tokens": result.tokens,
        "best_step": result.best_step,
        "stopped_early": result.stopped_early,
        "feedback": result.feedback_digest,
        "results": result.results,
        "seconds": round(result.seconds, 3),
        "peak_bytes": result.peak_bytes,
    }


def feedback_outlook(recipe: Recipe, store: Store, version: Version, result: Finished) -> list[str]:
    """Return what the next curation does with what a run found of its rows, or why it will do nothing."""
    from tilth.curation.feedback.policy import PushbackPolicy
    from tilth.curation.feedback.reasons import outlook
    from tilth.curation.run.decide import proposes_only

    if not result.feedback_digest:
        return []
    record = (result.feedback_digest, *store.feedback(result.feedback_digest))
    why = proposes_only(recipe.curation, version.manifest.counts["kept"])
    return outlook(version, record, recipe.curation.pushback or PushbackPolicy(), why)


def show_run(screen: Console, result: Finished, outlook: Sequence[str]) -> None:
    """Print what a run came to: losses and scores of base and tuned, and what it says of the data.

    outlook: what the next curation does with it, of `feedback_outlook`.
    """
    from rich.table import Table

    from tilth.validators.report import read_facts

    page = result.run_dir / "report.html"
    facts = read_facts(page)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("measured on", "base", "tuned", "change"):
        table.add_column(title, justify="left" if title == "measured on" else "right")
    for line in facts["slices"]:
        name = f"loss {escape(line['slice'])}"
        table.add_row(name, *(_interval(line[side]) for side in ("base", "tuned", "change")))
    for line in facts["tasks"]:
        name = f"{line['metric']} {escape(line['name'])}"
        table.add_row(name, *(_interval(line[side]) for side in ("base", "tuned", "change")))
    if table.rows:
        screen.print(table)
    for line in facts["monitors"]:
        if line["triggered"]:
            screen.print(
                f"[yellow]{line['finding']}[/] {line['monitor']} {escape(line['slice'])}: {escape(line['evidence'])}"
            )
    screen.print(f"[bold]{escape(result.lines()[0])}[/]")
    show_reasons(screen, facts)
    if result.feedback_digest:
        screen.print(f"feedback {result.feedback_digest[:12]}, at the next curate:")
        for line in outlook:
            screen.print(f"  {escape(line)}")
    screen.print(f"page: {shown(page)}")
    _show_leads(screen, facts)


def _show_leads(screen: Console, facts: dict[str, Any]) -> None:
    """Print what is open after a run, the next step last."""
    leads = facts.get("leads", [])
    for lead in leads:
        if lead["how"] != facts["next"]:
            screen.print(f"  [dim]{escape(lead['what'])}:[/] {escape(lead['how'])}")
    why = [f"  ({lead['what']})" for lead in leads if lead["how"] == facts["next"]]
    screen.print(escape(f"next: {facts['next']}{''.join(why)}"))


def _interval(value: dict[str, Any]) -> str:
    if value["low"] is None:
        return f"{value['value']:.3f}"
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def show_start(screen: Console) -> Callable[[Plan], None]:
    """Return what prints the first lines of a run: device, model, rows, steps and time, memory."""

    def show(plan: Plan) -> None:
        for line in plan.lines():
            screen.print(escape(line))

    return show


def show_plan(screen: Console, recipe: Recipe, version: Version, *, as_json: bool) -> None:
    """Print what a run would cost, before any weight is loaded."""
    from tilth.training.plan.plan import plan

    facts = plan(recipe.require_training(), recipe.evaluation, version, base_dir=recipe.base_dir)
    if as_json:
        print_json(facts.to_dict())
        return
    for line in facts.lines():
        screen.print(escape(line))


def show_peek(screen: Console, recipe: Recipe, version: Version) -> None:
    """Print a few rendered samples with the tokens that carry loss marked."""
    from tilth.training.plan.peek import peek

    for sample in peek(recipe.require_training(), version, base_dir=recipe.base_dir):
        screen.print(in_brackets(screen, sample))
        screen.print()
