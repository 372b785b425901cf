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
from tilth.workbench.recipes.recipe_file import load
from tilth.workbench.running.comparison import comparison_dir
from tilth.workbench.running.curate import parent_of
from tilth.workbench.running.demo import prepare_sample
from tilth.workbench.running.loop import run_loop

SEEDS = 5


def main() -> None:
    """Run the loop with SEEDS paired seeds and write the facts of its comparison page."""
    screen = session.console()
    with TemporaryDirectory() as folder:
        path = prepare_sample(Path(folder) / "demo")
        loaded = load(path, (f"refresh.seeds={SEEDS}",))
        store = Store.open(path.parent / ".tilth")
        outcome = run_loop(loaded, store, screen)
        child = store.version(outcome["version"])
        parent = parent_of(store, child)
        figures = {"summary": outcome["summary"], "seeds": SEEDS}
        if parent is not None:
            facts = read_facts(comparison_dir(store, parent, child) / "report.html")
            figures |= {
                key: facts[key] for key in ("answer", "sentence", "reasons", "arms", "differences", "changes")
            }
    write("proof", "make proof", figures)


if __name__ == "__main__":
    main()
