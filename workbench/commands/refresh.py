"""refresh: the whole loop on a schedule, under a lock, doing nothing where nothing is new."""

from __future__ import annotations

import click

from tilth.workbench.options import HELP
from tilth.workbench.registry import CommandFiles


@click.group("refresh", cls=CommandFiles, context_settings=HELP)
def main() -> None:
    """Run the loop (curate, train, curate again, train again, compare, promote) as a job."""


if __name__ == "__main__":
    main()
