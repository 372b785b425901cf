"""make bench: how fast and how right curation is, beside the packages people use for it today.

    python -m benchmarks.bench [NAME ...]

runs the files of benchmarks/suite/, all of them where none is named, and writes results/NAME.json for each.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

from benchmarks import suite
from benchmarks.tools.record import write


def main(names: list[str]) -> None:
    """Run the benchmarks and write what they measured."""
    known = [module.name for module in pkgutil.iter_modules(suite.__path__)]
    unknown = set(names) - set(known)
    if unknown:
        sys.exit(f"no benchmark is named {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    for name in names or known:
        figures = importlib.import_module(f"benchmarks.suite.{name}").measure()
        write(name, f"python -m benchmarks.bench {name}", figures)
        for key, value in figures.items():
            print(f"  {key}: {value}")


if __name__ == "__main__":
    main(sys.argv[1:])
