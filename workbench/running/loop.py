"""The loop once around: curate, train, steer, train again, compare, promote.

Each step is skipped where its result is there already, so that a rerun after an interruption goes on, and a
run without news does nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tilth.shards.errors import TilthError
from tilth.workbench import session
from tilth.workbench.running.approval import APPROVED, decision
from tilth.workbench.running.comparison import COMPARED, allows, compare
from tilth.workbench.running.curate import curate_recipe, parent_of, show_outcome, write_page
from tilth.workbench.running.train import TRAINED, feedback_outlook, show_run, show_start, train_version

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.curation.curate import Outcome
    from tilth.shards.store import Store
    from tilth.shards.version import Version
    from tilth.workbench.recipes.sections import Recipe


def run_loop(recipe: Recipe, store: Store, screen: Console) -> dict[str, Any]:
    """Go once around and return state, summary, the versions and the pages."""
    first = _curate(recipe, store, screen, "curate")
    if not first.passed:
        return _facts(
            "checks failed", f"{first.version.short} failed its checks and is not served", first.version
        )
    if not first.published and pending(recipe, store, first.version) is None:
        return _rest(recipe, store, screen, first)
    if store.served(recipe.name) is None and may_serve(recipe, store, first.version):
        store.promote(recipe.name)
        screen.print(f"served: {recipe.name} {first.version.short}, the first version to pass its checks")
    if recipe.training is None:
        return _settle(recipe, store, first, f"curated {first.version.short}; the recipe trains nothing")
    _train(recipe, store, screen, first.version)
    second = _curate(recipe, store, screen, "curate again, reading what training learned")
    parent = parent_of(store, second.version)
    if parent is None or not _is_steered(second.version, parent):
        return _settle(recipe, store, second, "training asked for no change of the data")
    _train(recipe, store, screen, second.version)
    facts = compare(recipe, store, parent, second.version, screen)
    return _decide(recipe, store, screen, second, facts)


def pending(recipe: Recipe, store: Store, version: Version) -> str | None:
    """Return what the loop would still do for a version whose sources and recipe are unchanged, or None."""
    if recipe.training is None:
        return None
    if not store.receipts(TRAINED, version.id):
        return f"would train on {version.short}"
    parent = parent_of(store, version)
    if parent is not None and _is_steered(version, parent) and not store.receipts(COMPARED, version.id):
        return f"would compare {version.short} with {parent.short}"
    return None


def _curate(recipe: Recipe, store: Store, screen: Console, title: str) -> Outcome:
    screen.rule(title)
    with session.progress(screen) as report:
        outcome = curate_recipe(recipe, store, on_progress=report)
    show_outcome(screen, recipe, outcome, write_page(recipe, store, outcome), dry_run=False)
    return outcome


def _train(recipe: Recipe, store: Store, screen: Console, version: Version) -> None:
    if store.receipts(TRAINED, version.id):
        return
    screen.rule(f"train on {version.short}")
    with session.progress(screen) as report:
        result = train_version(
            recipe,
            store,
            version,
            on_progress=report,
            on_plan=show_start(screen),
        )
    show_run(screen, result, feedback_outlook(recipe, store, version, result))


def _rest(recipe: Recipe, store: Store, screen: Console, outcome: Outcome) -> dict[str, Any]:
    """Without news, serve what passed and is not served yet: curated by hand, or left by a run that was killed."""
    version, served = outcome.version, store.served(recipe.name)
    compared = store.receipts(COMPARED, version.id)
    undecided = compared and not allows(compared[-1]) and recipe.refresh.promote != "checks"
    if (served is not None and served.id == version.id) or undecided:
        return _facts("no news", f"{recipe.name} {version.short} is up to date", version)
    if compared:
        return _decide(recipe, store, screen, outcome, {"sentence": "", **compared[-1]})
    return _settle(recipe, store, outcome, f"{version.short} passed its checks")


def _is_steered(version: Version, parent: Version) -> bool:
    return version.manifest.feedback != parent.manifest.feedback


def _decide(
    recipe: Recipe, store: Store, screen: Console, second: Outcome, facts: dict[str, Any]
) -> dict[str, Any]:
    """Serve the steered version, or go back to its parent, as the recipe and the comparison say."""
    version, answer = second.version, facts["answer"]
    parent = parent_of(store, version)
    assert parent is not None
    if answer == "worse":
        store.rollback(recipe.name, parent.id)
        return _facts(
            "done", f"{version.short} is worse than {parent.short}, which is the candidate again", parent
        )
    sentence = facts["sentence"].rstrip(".")
    if allows(facts):
        return _settle(recipe, store, second, sentence)
    if recipe.refresh.promote == "checks":
        return _settle(
            recipe, store, second, f"{sentence}; served on its checks alone (refresh.promote: checks)"
        )
    why = f" ({facts['refusal']})" if facts.get("refusal") else ""
    stays = f"{version.short} stays the candidate and is not served{why}"
    if all(parent.manifest.checks.values()) and may_serve(recipe, store, parent):
        store.promote(recipe.name, parent.id)
        stays += f"; serving its parent {parent.short}"
    return _facts("done", f"{sentence}. {stays}", version)


def _settle(recipe: Recipe, store: Store, outcome: Outcome, sentence: str) -> dict[str, Any]:
    """Serve the candidate if its checks, and where the recipe asks for it a person, allow."""
    if not may_serve(recipe, store, outcome.version):
        return _waits(recipe, store, outcome.version, sentence)
    try:
        store.promote(recipe.name)
    except TilthError as error:
        return _facts("checks failed", error.message(), outcome.version)
    return _facts("done", f"{sentence.rstrip('.')}; serving {outcome.version.short}", outcome.version)


def may_serve(recipe: Recipe, store: Store, version: Version) -> bool:
    """Return whether a version may be served without asking anybody, or was approved."""
    decided = decision(store, version)
    return recipe.refresh.promote != "approval" or (decided is not None and decided["decision"] == APPROVED)


def _waits(recipe: Recipe, store: Store, version: Version, sentence: str) -> dict[str, Any]:
    """Say that a version waits for somebody, or that somebody refused it."""
    decided = decision(store, version)
    said = sentence.rstrip(".")
    if decided is not None:
        return _facts("no news", f"{said}; {version.short} was rejected by {decided['by']}", version)
    how = f"refresh approve {recipe.path.name} --by NAME --reason WHY"
    return _facts("awaiting approval", f"{said}; {version.short} waits for: {how} (or reject)", version)


def _facts(state: str, summary: str, version: Version) -> dict[str, Any]:
    return {"state": state, "summary": summary, "version": version.id}
