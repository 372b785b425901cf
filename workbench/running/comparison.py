"""Did the steered version help? Runs the arms and writes the page that says so, or that nothing was shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from tilth.validators import report
from tilth.validators.report import read_facts
from tilth.workbench import session
from tilth.workbench.running.curate import page_dir
from tilth.workbench.running.train import TRAINED
from tilth.workbench.screen import shown

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.shards.store import Store
    from tilth.shards.version import Version
    from tilth.workbench.recipes.sections import Recipe

COMPARED = "compare"
ARMS = 3


def compare(recipe: Recipe, store: Store, parent: Version, child: Version, screen: Console) -> dict[str, Any]:
    """Train parent, child and an equal random removal under paired seeds, show what came of it, and return its receipt.

    Keys: answer, sentence, allowed (whether the child may be served by it), refusal (why not). Two versions that were
    compared before are not compared again.
    """
    from tilth.training.comparison.promotion import refusal

    known = [r for r in store.receipts(COMPARED, child.id) if r["parent"] == parent.id and "allowed" in r]
    if known:
        screen.print(
            f"{child.short} and {parent.short} were compared before: {shown(Path(known[-1]['page']))}"
        )
        return known[-1]
    from tilth.training.comparison.compare import ComparisonRequest
    from tilth.training.comparison.compare import compare as compare_arms

    seeds = [recipe.require_training().seed + i for i in range(recipe.refresh.seeds)]
    screen.rule(f"compare {child.short} with {parent.short}")
    runs, seconds = len(seeds) * ARMS, store.receipts(TRAINED, child.id)[-1]["seconds"]
    screen.print(
        f"{len(seeds)} paired seeds of {ARMS} arms: the parent, the child, and the parent with as many rows removed "
        f"at random; {runs} runs, at most about {runs * seconds / 60:.0f} minutes"
    )
    request = ComparisonRequest(
        parent=parent,
        child=child,
        recipe=recipe.require_training(),
        evaluation=recipe.evaluation,
        base_dir=recipe.base_dir,
        seeds=seeds,
        max_steps=recipe.refresh.compare_steps,
        findings={"parent": _findings(store, parent), "child": _findings(store, child)},
    )
    with session.progress(screen) as on_progress:
        facts = compare_arms(request, store, on_progress=on_progress).facts
    facts["promotion"]["policy"] = "checks" if recipe.refresh.promote == "checks" else "training"
    facts["next"] = _next(recipe, parent, child)[facts["answer"]]
    facts["actions"] = read_facts(page_dir(store, child) / "report.html")["actions"]
    facts["links"] = _links(store, parent, child)
    page = report.comparison_page(comparison_dir(store, parent, child), facts)
    said: dict[str, Any] = {"answer": facts["answer"], "sentence": facts["sentence"]}
    said |= {"allowed": facts["promotion"]["allowed"], "refusal": refusal(facts["promotion"])}
    store.add_receipt(COMPARED, child.id, {"parent": parent.id, **said, "page": str(page)})
    show(screen, facts, page)
    return said


def _findings(store: Store, version: Version) -> list[str]:
    """Return what the monitors found in the last run on a version."""
    runs = store.receipts(TRAINED, version.id)
    if not runs:
        return []
    page = store.root / "runs" / runs[-1]["run_id"] / "report.html"
    return (
        sorted({m["finding"] for m in read_facts(page)["monitors"] if m["triggered"]})
        if page.is_file()
        else []
    )


def allows(receipt: Mapping[str, Any]) -> bool:
    """Tell whether a comparison allows to serve the child; one of before this was asked said better or not."""
    return bool(receipt.get("allowed", receipt["answer"] == "better"))


def comparison_dir(store: Store, parent: Version, child: Version) -> Path:
    """Return the folder of the page that compares two versions."""
    return store.root / "reports" / f"{parent.short}-{child.short}"


def show(screen: Console, facts: Any, page: Path) -> None:
    """Print what each arm came to and the answer."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    tasks = list(facts["arms"][0]["seeds"][0]["scores"])
    for title in ("arm", "seed", "held-out loss", *map(escape, tasks)):
        table.add_column(title, justify="left" if title == "arm" else "right")
    for arm in facts["arms"]:
        for line in arm["seeds"]:
            seed = "" if arm["arm"] == "base" else str(line["seed"])
            scores = (f"{line['scores'][task]:.3f}" for task in tasks)
            table.add_row(arm["arm"], seed, f"{line['loss']:.4f}", *scores)
    screen.print(table)
    for reason in facts["reasons"]:
        screen.print(f"  {escape(reason)}")
    screen.print(f"[bold]{escape(facts['sentence'])}[/]")
    for line in facts.get("promotion", {}).get("requirements", []):
        if line["met"] is not True:
            word = "not measured" if line["met"] is None else "not met"
            said = escape(f"{line['what']}: {line['measured']} ({line['bound']} is asked)")
            screen.print(f"  [yellow]{word}[/] {said}")
    screen.print(f"page: {shown(page)}")


def _links(store: Store, parent: Version, child: Version) -> list[Any]:
    links = [
        {"label": f"data page of the {word}, {version.short}", "href": f"../{version.short}/report.html"}
        for word, version in (("parent", parent), ("child", child))
    ]
    for word, version in (("parent", parent), ("child", child)):
        runs = store.receipts(TRAINED, version.id)
        if runs:
            href = f"../../runs/{runs[-1]['run_id']}/report.html"
            links.append({"label": f"run page of the {word}, {runs[-1]['run_id']}", "href": href})
    return links


def _next(recipe: Recipe, parent: Version, child: Version) -> dict[str, str]:
    back = f"tilth rollback {recipe.name} --to {parent.short}"
    return {"better": f"tilth export {child.short} FOLDER", "worse": back, "no difference shown": back}
