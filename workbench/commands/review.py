"""tilth review: what people decided about rows."""

from __future__ import annotations

import click

from tilth.workbench.options import HELP
from tilth.workbench.registry import CommandFiles


@click.group("review", cls=CommandFiles, context_settings=HELP)
def main() -> None:
    """List, hand on, take in and undo what people decided about rows; the next curate reads it.

    Decisions are made in `tilth serve`. A person outranks a rule and a monitor.
    """


if __name__ == "__main__":
    main()
