"""tilth demo: the whole loop on a bundled sample, told while it runs."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from tilth.shards.errors import UsageError
from tilth.shards.store import Store
from tilth.workbench.looking.index import write_index
from tilth.workbench.recipes.recipe_file import load
from tilth.workbench.running.curate import conservation, curate_recipe, parent_of
from tilth.workbench.running.loop import run_loop
from tilth.workbench.screen import argument, shown

if TYPE_CHECKING:
    from rich.console import Console

MARK = ".made-by-tilth-demo"


@dataclass(frozen=True)
class Sample:
    """Bundled folders and the recipe over them. base: one to be brought before, or ""."""

    parts: tuple[str, ...]
    recipe: str
    title: str
    holds: str
    base: str = ""


INVENTED = Sample(
    ("sources", "evals", "base"),
    "demo.yaml",
    "Tarnwick's parcel and repair desk",
    "7,507 lines of task data with planted defects, and a base model of 1.1 M parameters",
)
REAL = Sample(
    ("intents",),
    "intents.yaml",
    "CLINC150, a sample (CC-BY-3.0)",
    "800 real messages to an assistant, a tenth of them with an intent that is not theirs, and SmolLM2-135M",
    "smollm2-135m",
)


def run_demo(folder: Path, screen: Console, sample: Sample = INVENTED) -> None:
    """Copy a sample into `folder` and go once around the loop, then once more to see it come to rest.

    Raises UsageError if the folder holds something that is not a demo, or the base of the sample is not here.
    """
    started = time.monotonic()
    _require_base(sample)
    recipe_path = prepare_sample(folder, sample)
    screen.print(f"[bold]{escape(sample.title)}[/]: {sample.holds}, in {shown(folder)}/")
    loaded = load(recipe_path)
    store = Store.open(recipe_path.parent / ".tilth")
    outcome = run_loop(loaded, store, screen)
    screen.rule("curate a third time: nothing is new, so nothing is published")
    third = curate_recipe(loaded, store)
    screen.print(conservation(third.version))
    state = "published" if third.published else "nothing published"
    screen.print(f"{state}; the loop is at rest ({third.unread_feedback} feedback record(s) unread)")
    screen.rule("done")
    screen.print(
        f"{escape(outcome['summary'])}\n{time.monotonic() - started:.0f} s in all; look around with:"
    )
    screen.print(
        f"  {shown(write_index(store))}   (every page)\n  cd {shown(argument(folder))}\n  tilth log\n  tilth runs"
    )
    parent = parent_of(store, third.version)
    if parent is not None:
        screen.print(f"  tilth diff {parent.short} {third.version.short}")


def _require_base(sample: Sample) -> None:
    from tilth.training.model.named_bases import bases_folder

    if sample.base and not (bases_folder() / sample.base).is_dir():
        raise UsageError(
            sample.base, "is not on this machine", "Nothing was done", f"bring it: tilth base {sample.base}"
        )


def prepare_sample(folder: Path, sample: Sample = INVENTED) -> Path:
    """Lay a sample out in `folder`, replacing an earlier demo, and return its recipe."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise UsageError(
                str(folder), "holds files that are no demo", "Nothing was done", "name another with --dir"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    with as_file(files("tilth.data")) as data:
        for part in sample.parts:
            shutil.copytree(data / part, folder / part)
        text = (data / "recipes" / sample.recipe).read_text(encoding="utf-8")
    recipe_path = folder / "recipe.yaml"
    recipe_path.write_text(text.replace("../", ""), encoding="utf-8")
    return recipe_path
