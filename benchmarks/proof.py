"""make proof: does steering help? The loop on the bundled world, compared under more seeds than the demo.

Parent, child and an equal-size random removal are trained under paired seeds and judged on the same rows; the
result is written down whatever it says.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.tools.record import write
from tilth.shards.store import Store
from tilth.validators.report import read_facts
from tilth.workbench import session
from tilth.workbench.recipes import recipe_file as recipe
from tilth.workbench.running import comparison as comparing
from tilth.workbench.running import curate as curating
from tilth.workbench.running import demo, loop

SEEDS = 5


def main() -> None:
    """Run the loop with SEEDS paired seeds and write the facts of its comparison page."""
    screen = session.console()
    with TemporaryDirectory() as folder:
        path = demo.prepare(Path(folder) / "demo")
        loaded = recipe.load(path, (f"refresh.seeds={SEEDS}",))
        store = Store.open(path.parent / ".tilth")
        outcome = loop.run(loaded, store, screen)
        child = store.version(outcome["version"])
        parent = curating.parent_of(store, child)
        figures = {"summary": outcome["summary"], "seeds": SEEDS}
        if parent is not None:
            facts = read_facts(comparing.page_dir(store, parent, child) / "report.html")
            figures |= {
                key: facts[key] for key in ("answer", "sentence", "reasons", "arms", "differences", "changes")
            }
    write("proof", "make proof", figures)


if __name__ == "__main__":
    main()
